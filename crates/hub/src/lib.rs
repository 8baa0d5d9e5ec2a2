//! This node's sessions, destinations and subscriptions, the log that orders publications, and
//! the fan-out that takes them to each subscriber's bounded outbox.
//!
//! The hub knows **no protocol, no socket, no runtime and no clock**. Protocols register a
//! [`Format`]; whoever owns the sockets implements [`Sink`] and drives each [`Shard`] from one
//! thread, saying what time it is. The second kind of sink is the simulator of the tests.
//!
//! * [`Hub`] is the handle for all threads: publish, send, close, count.
//! * [`Shard`] is one thread's share of the sessions. Its methods are getters, commands, events
//!   and [`pump`](Shard::pump), the only one that writes.
//!
//! ```
//! use std::io::IoSlice;
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use campanile_hub::*;
//!
//! /// One line a message.
//! struct Lines;
//! impl Format for Lines {
//!     fn encode_content(&self, content: &Content) -> Bytes {
//!         [content.bytes(), &b"\n"[..]].concat().into()
//!     }
//!     fn close(&self, _code: u16, reason: &str) -> Option<Bytes> {
//!         Some(format!("bye: {reason}\n").into())
//!     }
//! }
//!
//! /// A transport that keeps what it is given.
//! #[derive(Default)]
//! struct Paper(String);
//! impl Sink for Paper {
//!     fn write(&mut self, _: Slot, buffers: &[IoSlice<'_>]) -> Written {
//!         let before = self.0.len();
//!         self.0.extend(buffers.iter().map(|part| str::from_utf8(part).unwrap()));
//!         Written::Bytes(self.0.len() - before)
//!     }
//!     fn end(&mut self, _: Slot, _: Ending) {}
//!     fn dropped(&mut self, _: Slot, _: u32) {}
//!     fn settled(&mut self, _: Ticket) {}
//! }
//!
//! let (hub, mut shards) = Hub::new(vec![Arc::new(|| ())])?;
//! let lines = hub.register(Arc::new(Lines)).unwrap();
//! let room = Destination::endpoint("/chat");
//! let address = "127.0.0.1:1".parse().unwrap();
//! let (slot, session) = shards[0]
//!     .open(NewSession {
//!         endpoint: room.clone(),
//!         format: lines,
//!         outbox: OutboxPolicy::default(),
//!         timeouts: Timeouts::default(),
//!         principal: None,
//!         path_parameters: PathParameters::default(),
//!         uri: "/chat".into(),
//!         protocol: None,
//!         extensions: None,
//!         transport: campanile_hub::TransportKind::default(),
//!         is_secure: false,
//!         remote_address: address,
//!         local_address: address,
//!         attributes: Attributes::default(),
//!     }, Moment::default())
//!     .finished()?;
//! let accepted = hub.publish(room, Message::text("ding")).finished()?;
//! assert_eq!(accepted.subscriptions, 1);
//!
//! let mut paper = Paper::default();
//! shards[0].pump(&mut paper, Moment::default());
//! assert_eq!(paper.0, "ding\n");
//! # Ok::<(), Refusal>(())
//! ```

#![forbid(unsafe_code)]

mod batch;
mod cursor;
mod delivery;
mod destination;
mod ends;
mod fanout;
mod format;
mod headers;
mod history;
mod hub;
mod inbox;
mod interest;
mod log;
mod member;
mod moment;
mod outbox;
#[cfg(test)]
mod outbox_properties;
mod outcome;
mod patterns;
mod prefixed;
mod publication;
mod pump;
mod queues;
mod reminder;
mod replay;
mod request;
mod retained;
mod session;
mod shard;
mod sink;
mod topics;
mod transport_kind;
mod view;
mod watch;
mod wheel;

pub use cursor::{Cursor, CursorInvalid};
pub use delivery::Delivery;
pub use destination::{Destination, PrivateName};
pub use format::{FORMATS_MAX, Format, FormatId, Gap, TooManyFormats};
pub use headers::Headers;
pub use history::{
    Begun, HISTORIES_BYTES_MAX, HISTORY_AGE_MAX, HISTORY_BYTES_MAX, HISTORY_COUNT_MAX,
    HISTORY_DESTINATIONS_MAX, HISTORY_OVERHEAD_BYTES, HistoryBounds, HistoryLimits, HistoryScope,
    Joining, REPLAY_BYTES_MAX,
};
pub use hub::{Clock, Hub, SHARDS_MAX, Wake};
pub use inbox::{INBOX_BYTES_MAX, INBOX_ENTRIES_MAX};
pub use moment::Moment;
pub use outbox::{FRAME_OVERHEAD_BYTES, OutboxPolicy, Overflow};
pub use outcome::{Accepted, Outcome, Refusal, Ticket};
pub use patterns::{
    ENTRIES_MAX, EntryId, FLOATING_PART_BYTES_MAX, GLOB_BYTES_MAX, GLOBS_ALIKE_MAX, IndexFull,
    PATTERN_BYTES_MAX, PATTERN_SEGMENTS_MAX, Pattern, PatternError, PatternIndex,
    SEGMENT_WILDCARDS_MAX, Separator,
};
pub use publication::{Content, Message, Parts, Publication, PublicationId, Utf8Bytes};
pub use queues::{
    Acknowledgement, Consumer, QUEUED_OVERHEAD_BYTES, QUEUES_BYTES_MAX, QUEUES_MAX, QueueLimits,
    QueueState, Settlement, Transaction, Verdict, Wants,
};
pub use retained::{
    RETAINED_BYTES_MAX, RETAINED_DESTINATIONS_MAX, RETAINED_OVERHEAD_BYTES, RetainedLimits,
};
pub use session::{
    Attributes, NewSession, OutboxState, PathParameters, Session, SessionId, SessionIdInvalid, Slot,
};
pub use shard::{CLOSING_TIMEOUT, SESSIONS_PER_SHARD_MAX, Shard, Wait};
pub use sink::{Cause, Ending, Sink, Written};
pub use topics::Filter;
pub use transport_kind::TransportKind;
pub use view::{SessionView, View};
pub use watch::{PONG_TIMEOUT, Timeouts};
pub use wheel::TICK;
