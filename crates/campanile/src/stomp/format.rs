//! Publications as MESSAGE frames, for each version.

use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{
    Content, Destination, Format, FormatId, Headers, Hub, Publication, TooManyFormats,
};
use campanile_stomp::{FrameWriter, Version};
use campanile_websocket::{Opcode, encode_frame, encode_ping, frame_header};

use super::labels;
use crate::driver::close_frame;

/// MESSAGE frames of one version in WebSocket messages: text in text messages, all else in binary
/// ones (S65).
struct StompFormat {
    version: Version,
}

/// What all MESSAGEs begin with.
pub(super) const COMMAND: &[u8] = b"MESSAGE\n";

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

impl Format for StompFormat {
    /// Nothing reaches a STOMP client but what it has subscribed to.
    fn encode_content(&self, _: &Content) -> Bytes {
        Bytes::new()
    }

    fn encode(&self, publication: &Publication) -> Bytes {
        let Some(destination) = name_of(publication.destination()) else {
            return Bytes::new();
        };
        let id = publication.id().to_string();
        let content = publication.content().bytes();
        let mut rest = Vec::with_capacity(content.len() + 160);
        let headers = publication.headers();
        append_rest(&mut rest, self.version, &destination, &id, headers, content);
        rest.into()
    }

    fn prefix(&self, publication: &Publication, label: &str, shared: &[u8], out: &mut Vec<u8>) {
        if shared.is_empty() {
            return;
        }
        let subscription = labels::header(label).as_bytes();
        let ack = labels::ack(label, publication.id()).unwrap_or_default();
        let opcode = match publication.content() {
            Content::Text(_) => Opcode::Text,
            Content::Parts(parts) if parts.is_text() => Opcode::Text,
            _ => Opcode::Binary,
        };
        let length = COMMAND.len() + subscription.len() + ack.len() + shared.len();
        out.extend_from_slice(frame_header(true, false, opcode, length).as_ref());
        out.extend_from_slice(COMMAND);
        out.extend_from_slice(subscription);
        out.extend_from_slice(ack.as_bytes());
    }

    fn has_prefix(&self) -> bool {
        true
    }

    fn ping(&self) -> Option<Bytes> {
        encode_ping(b"").ok()
    }

    fn heart_beat(&self) -> Option<Bytes> {
        Some(encode_frame(Opcode::Text, b"\n"))
    }

    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        Some(close_frame(code, reason))
    }
}

/// What clients call a destination; implicit ones have no name.
fn name_of(destination: &Destination) -> Option<String> {
    match destination {
        Destination::Named(name) => Some(name.to_string()),
        Destination::Private(private) => Some(format!("/user{}", private.name())),
        Destination::Endpoint(_) | Destination::User(_) | Destination::Matching(_) => None,
    }
}

/// A format for each version.
#[derive(Clone, Copy)]
pub(crate) struct StompFormats([FormatId; 3]);

impl StompFormats {
    pub(crate) fn new(hub: &Hub) -> Result<Self, TooManyFormats> {
        let format = |version| hub.register(Arc::new(StompFormat { version }));
        Ok(Self([
            format(Version::V10)?,
            format(Version::V11)?,
            format(Version::V12)?,
        ]))
    }

    pub(crate) fn of(&self, version: Version) -> FormatId {
        match version {
            Version::V10 => self.0[0],
            Version::V11 => self.0[1],
            Version::V12 => self.0[2],
        }
    }
}
