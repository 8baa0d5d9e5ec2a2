//! Publications as MESSAGE frames, for each version.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use campanile_hub::{
    Content, Destination, Format, FormatId, Gap, Headers, Hub, Publication, TooManyFormats,
};
use campanile_stomp::{FrameWriter, Version};
use campanile_websocket::{CloseCode, Opcode, encode_ping};

use super::messages::name_answered;
use super::wire::{last_error, opcode_of};
use super::{escaped, labels};
use crate::driver::close_frame;
use crate::sockjs;
use crate::wire::{WIRES, Wire};

/// MESSAGE frames of one version, in what they travel in.
struct StompFormat {
    wire: Wire,
    version: Version,
    /// What user destinations begin with.
    users: Arc<str>,
}

/// What all MESSAGEs begin with.
pub(super) const COMMAND: &[u8] = b"MESSAGE\n";

/// What a frame without a body ends with.
const END: &[u8] = b"\n\0";

/// What follows the header that is one subscriber's alone.
pub(super) fn append_rest(
    out: &mut Vec<u8>,
    version: Version,
    destination: &str,
    id: &str,
    headers: &Headers,
    body: &[u8],
) {
    let mut writer = FrameWriter::message_rest(out, version);
    writer
        .header("destination", destination)
        .header("message-id", id);
    for (name, value) in headers.iter() {
        writer.header(name, value);
    }
    writer.body(body);
}

impl StompFormat {
    /// What one subscriber alone gets of a MESSAGE; `more` are whole header lines.
    fn append_prefix(
        &self,
        out: &mut Vec<u8>,
        publication: &Publication,
        label: &str,
        more: &str,
        shared: &[u8],
    ) {
        if shared.is_empty() {
            return;
        }
        let subscription = labels::header(label).as_bytes();
        let ack = labels::ack(label, publication.id()).unwrap_or_default();
        if self.wire.is_sockjs() {
            escaped::append_prefix(self.wire, out, label, &ack, more, shared);
            return;
        }
        let opcode = opcode_of(publication.content());
        let length = COMMAND.len() + subscription.len() + ack.len() + more.len() + shared.len();
        self.wire.append_head(out, opcode, length);
        out.extend_from_slice(COMMAND);
        out.extend_from_slice(subscription);
        out.extend_from_slice(ack.as_bytes());
        out.extend_from_slice(more.as_bytes());
    }
}

impl Format for StompFormat {
    /// Nothing reaches a STOMP client but what it has subscribed to.
    fn encode_content(&self, _: &Content) -> Bytes {
        Bytes::new()
    }

    fn encode(&self, publication: &Publication) -> Bytes {
        let Some(destination) = name_of(publication.destination(), &self.users) else {
            return Bytes::new();
        };
        let id = publication.id().to_string();
        let content = publication.content().bytes();
        let mut rest = Vec::with_capacity(content.len() + 160);
        let headers = publication.headers();
        if self.wire.is_sockjs() {
            rest.push(b'\n');
            append_rest(&mut rest, self.version, &destination, &id, headers, content);
            return escaped::rest(self.wire, &rest);
        }
        append_rest(&mut rest, self.version, &destination, &id, headers, content);
        self.wire.append_end(&mut rest);
        rest.into()
    }

    fn prefix(&self, publication: &Publication, label: &str, shared: &[u8], out: &mut Vec<u8>) {
        self.append_prefix(out, publication, label, "", shared);
    }

    /// How often a message was delivered stands before what its consumers share.
    fn delivery_prefix(
        &self,
        publication: &Publication,
        label: &str,
        deliveries: u32,
        shared: &[u8],
        out: &mut Vec<u8>,
    ) {
        let again = match deliveries {
            0 | 1 => String::new(),
            count => format!("redelivered:true\ndelivery-count:{count}\n"),
        };
        self.append_prefix(out, publication, label, &again, shared);
    }

    /// A MESSAGE without a body, in the place of those that were dropped.
    fn gap(&self, gap: &Gap<'_>) -> Option<Bytes> {
        let destination = name_of(gap.destination, &self.users)?;
        let (id, dropped) = (gap.last.to_string(), gap.dropped.to_string());
        let mut frame = COMMAND.to_vec();
        frame.extend_from_slice(labels::header(gap.label).as_bytes());
        let mut writer = FrameWriter::message_rest(&mut frame, self.version);
        writer
            .header("destination", &destination)
            .header("message-id", &id)
            .header("gap", &dropped);
        writer.finish();
        // The writer leaves it out for a frame without a body, and here it tells that there is none.
        frame.truncate(frame.len() - END.len());
        frame.extend_from_slice(b"content-length:0\n");
        frame.extend_from_slice(END);
        Some(self.wire.carry(Opcode::Text, frame))
    }

    fn prefix_end<'a>(&self, label: &'a str) -> Option<&'a [u8]> {
        // Those who acknowledge get the message's id in theirs, too.
        let header = (!labels::has_ack(label)).then(|| labels::header(label))?;
        match self.wire.is_sockjs() {
            true => escaped::prefix_end(header).map(str::as_bytes),
            false => Some(header.as_bytes()),
        }
    }

    fn has_prefix(&self) -> bool {
        true
    }

    /// STOMP itself has nothing that must be answered.
    fn ping(&self) -> Option<Bytes> {
        match self.wire {
            Wire::WebSocket => encode_ping(b"").ok(),
            Wire::SockJsWebSocket => sockjs::ping(self.wire),
            _ => None,
        }
    }

    fn heart_beat(&self) -> Option<Bytes> {
        Some(self.wire.heart_beat())
    }

    /// Without WebSocket's codes an ERROR says why, unless all is well.
    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        match self.wire {
            Wire::WebSocket => Some(close_frame(code, reason)),
            Wire::SockJsWebSocket | Wire::SockJsHttp => {
                Some(sockjs::close(self.wire, code, reason))
            }
            _ if code == CloseCode::NORMAL.get() => None,
            _ => Some(last_error(self.version, reason)),
        }
    }

    fn is_close_answered(&self) -> bool {
        self.wire.is_websocket()
    }
}

/// What clients call a destination; implicit ones have no name.
pub(crate) fn name_of(destination: &Destination, users: &str) -> Option<String> {
    match destination {
        Destination::Named(name) | Destination::Queue(name) => Some(name.to_string()),
        Destination::Private(private) => Some(match name_answered(private.name()) {
            Some(name) => name.to_owned(),
            None => format!("{users}{}", private.name()),
        }),
        Destination::Matching(pattern) => Some(pattern.to_string()),
        Destination::Endpoint(_) | Destination::User(_) => None,
    }
}

/// A format for each version and what frames travel in.
pub(crate) struct StompFormats {
    hub: Hub,
    /// What user destinations begin with.
    users: Arc<str>,
    /// Registered when somebody needs them, so that publications do not carry room for encodings
    /// that nobody wants.
    by_wire: [OnceLock<[FormatId; 3]>; WIRES],
}

impl StompFormats {
    pub(crate) fn new(hub: &Hub, users: &str) -> Self {
        Self {
            hub: hub.clone(),
            users: users.into(),
            by_wire: Default::default(),
        }
    }

    /// Registers those of a wire. To be called before sessions ask for them, and once at a time.
    pub(crate) fn prepare(&self, wire: Wire) -> Result<(), TooManyFormats> {
        let place = &self.by_wire[wire as usize];
        if place.get().is_none() {
            let format = |version| {
                let users = Arc::clone(&self.users);
                let format = StompFormat {
                    wire,
                    version,
                    users,
                };
                self.hub.register(Arc::new(format))
            };
            let formats = [
                format(Version::V10)?,
                format(Version::V11)?,
                format(Version::V12)?,
            ];
            place.get_or_init(|| formats);
        }
        Ok(())
    }

    /// The format of a version; `None` if the wire was not prepared.
    pub(crate) fn of(&self, wire: Wire, version: Version) -> Option<FormatId> {
        let [v10, v11, v12] = *self.by_wire[wire as usize].get()?;
        Some(match version {
            Version::V10 => v10,
            Version::V11 => v11,
            Version::V12 => v12,
        })
    }
}
