//! Records in what they travel in, the same bytes for all who listen in the same way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use campanile_hub::{
    Begun, Content, Cursor, Format, FormatId, Gap, Hub, Publication, TooManyFormats,
};
use campanile_websocket::{Opcode, encode_frame, encode_ping, encode_pong};

use super::endpoint::RETRY;
use super::record::{self, Wall};
use crate::driver::close_frame;
use crate::stomp::name_of;
use crate::wire::Wire;

/// What a line begins with that is no message.
pub(super) const EVENT: &str = "{\"event\":\"";

/// What the reason begins with for which all sessions are closed when the server leaves.
const LEAVING: &str = "leaving";

/// Records in one way to travel.
struct EventsFormat {
    wire: Wire,
    /// What user destinations begin with.
    users: Arc<str>,
    wall: Arc<Wall>,
}

/// Records over a WebSocket, as server-sent events, and as lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventsFormats {
    pub(crate) socket: FormatId,
    pub(crate) event_stream: FormatId,
    pub(crate) json_lines: FormatId,
}

impl EventsFormats {
    /// Registers them.
    pub(crate) fn register(hub: &Hub, users: &Arc<str>) -> Result<Self, TooManyFormats> {
        let wall = Arc::default();
        let format = |wire| {
            hub.register(Arc::new(EventsFormat {
                wire,
                users: Arc::clone(users),
                wall: Arc::clone(&wall),
            }))
        };
        Ok(Self {
            socket: format(Wire::WebSocket)?,
            event_stream: format(Wire::EventStream)?,
            json_lines: format(Wire::JsonLines)?,
        })
    }
}

/// A record that is no message: `fields` are JSON without its braces.
fn event(wire: Wire, name: &str, id: Option<&str>, fields: &str) -> Bytes {
    if wire == Wire::EventStream {
        let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
        return format!("event: {name}\n{id}data: {{{fields}}}\n\n").into();
    }
    let comma = if fields.is_empty() { "" } else { "," };
    let line = format!("{EVENT}{name}\"{comma}{fields}}}");
    carry(wire, line.into_bytes())
}

/// A record as a message or as a line.
fn carry(wire: Wire, mut record: Vec<u8>) -> Bytes {
    if wire.is_websocket() {
        return encode_frame(Opcode::Text, &record);
    }
    record.push(b'\n');
    record.into()
}

fn retry_line(delay: Duration) -> String {
    format!("retry: {}\n", delay.as_millis())
}

/// The first record. Its cursor is from where to go on if nothing comes behind it: where something
/// is replayed first, that is where the client had asked to go on. Where values are replayed that
/// their destinations have kept, whoever is cut off before them has to begin anew: they get no id.
pub(crate) fn subscribed(
    wire: Wire,
    begun: &Begun,
    after: Option<Cursor>,
    retry: Duration,
) -> Bytes {
    let has_replay = begun.replayed > 0;
    let asked = after.filter(|_| has_replay && begun.recovered == Some(true));
    let cursor = asked.unwrap_or(begun.cursor);
    let id = cursor.to_string();
    let id = (asked.is_some() || !has_replay).then_some(&*id);
    let record = event(wire, "subscribed", id, &record::subscribed(cursor, begun));
    match wire {
        Wire::EventStream => [retry_line(retry).as_bytes(), &record].concat().into(),
        _ => record,
    }
}

impl Format for EventsFormat {
    /// Nothing reaches who listens but what was listened to, and WebSocket's own signs of life.
    fn encode_content(&self, content: &Content) -> Bytes {
        match (self.wire, content) {
            (Wire::WebSocket, Content::Ping(payload)) => encode_ping(payload).unwrap_or_default(),
            (Wire::WebSocket, Content::Pong(payload)) => encode_pong(payload).unwrap_or_default(),
            _ => Bytes::new(),
        }
    }

    fn encode(&self, publication: &Publication) -> Bytes {
        let Some(record) = record::message(publication, &self.users, &self.wall) else {
            return Bytes::new();
        };
        if self.wire != Wire::EventStream {
            return carry(self.wire, record);
        }
        let id = publication.id().to_string();
        [b"id: ", id.as_bytes(), b"\ndata: ", &record, b"\n\n"]
            .concat()
            .into()
    }

    fn gap(&self, gap: &Gap<'_>) -> Option<Bytes> {
        let destination = name_of(gap.destination, &self.users)?;
        let last = gap.last.to_string();
        let fields = record::gap(&destination, gap.dropped, &last);
        Some(event(self.wire, "gap", Some(&last), &fields))
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn ping(&self) -> Option<Bytes> {
        match self.wire {
            Wire::WebSocket => encode_ping(b"").ok(),
            _ => None,
        }
    }

    fn heart_beat(&self) -> Option<Bytes> {
        match self.wire {
            Wire::WebSocket => encode_ping(b"").ok(),
            Wire::EventStream => Some(Bytes::from_static(b":\n\n")),
            wire => Some(event(wire, "heart-beat", None, "")),
        }
    }

    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        if self.wire == Wire::WebSocket {
            return Some(close_frame(code, reason));
        }
        let last = event(self.wire, "close", None, &record::close(code, reason));
        if self.wire == Wire::EventStream && reason.starts_with(LEAVING) {
            return Some([retry_line(RETRY).as_bytes(), &last].concat().into());
        }
        Some(last)
    }

    fn is_close_answered(&self) -> bool {
        self.wire == Wire::WebSocket
    }
}
