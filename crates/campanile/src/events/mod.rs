//! One URL to listen to destinations by: a WebSocket, server-sent events, lines of JSON, or one JSON
//! answer that waits for a message.
//!
//! Whichever way it is asked for, a session is opened, which joins its destinations on its shard
//! (`driver/connection/events.rs`) and is then fanned out to as any other. A WebSocket is handed to
//! the shard as it is; the others get their bytes through a pipe into the body of an answer
//! (`body.rs`, `poll.rs`).

mod accept;
mod answer;
mod asked;
mod body;
mod endpoint;
mod format;
mod poll;
mod record;

pub(crate) use self::answer::respond;
pub(crate) use self::asked::{JoinRefused, Start, Wanted};
pub use self::endpoint::EventsEndpoint;
pub(crate) use self::endpoint::EventsRules;
pub(crate) use self::format::{EventsFormats, subscribed};
