//! From headers and bodies to frames.

use crate::{
    command::Command,
    escape::{Escapes, append_escaped},
    version::Version,
};

/// Writes one frame at the end of a buffer: the command, then [`header`](Self::header)s, then one
/// of [`body`](Self::body), [`body_without_length`](Self::body_without_length) and
/// [`finish`](Self::finish). It allocates nothing but what the buffer needs to grow.
///
/// What a version cannot express in a header is made harmless: line ends and NUL become blanks (in
/// names `_`) where they have no escape. See [`encode`].
///
/// ```
/// use campanile_stomp::{Command, FrameWriter, Version};
///
/// let mut out = Vec::new();
/// let mut writer = FrameWriter::new(&mut out, Version::V12, Command::Send);
/// writer.header("destination", "/topic/a").header("note", "one\ntwo");
/// writer.body(b"hi");
/// assert_eq!(out, b"SEND\ndestination:/topic/a\nnote:one\\ntwo\ncontent-length:2\n\nhi\0");
/// ```
#[derive(Debug)]
#[must_use = "a frame without its end is none"]
pub struct FrameWriter<'o> {
    out: &'o mut Vec<u8>,
    command: Command,
    version: Version,
    escapes: Escapes,
    /// Whether the command and the receiver's own headers were written elsewhere.
    is_rest: bool,
}

impl<'o> FrameWriter<'o> {
    /// Begins a frame for a receiver who speaks `version`. Frames that open a session have no
    /// escapes in any version.
    pub fn new(out: &'o mut Vec<u8>, version: Version, command: Command) -> Self {
        out.extend_from_slice(command.as_str().as_bytes());
        out.push(b'\n');
        Self {
            out,
            command,
            version,
            escapes: Escapes::of(command, Some(version)),
            is_rest: false,
        }
    }

    /// Begins what follows the prefix of a MESSAGE that [`append_message_prefix`] writes. Headers
    /// that belong to the prefix, `subscription` and `ack`, are left out of it.
    pub fn message_rest(out: &'o mut Vec<u8>, version: Version) -> Self {
        Self {
            out,
            command: Command::Message,
            version,
            escapes: Escapes::of(Command::Message, Some(version)),
            is_rest: true,
        }
    }

    /// Adds a header behind the others. Of headers with the same name receivers use the first
    /// (STOMP 1.2, Repeated Header Entries). `content-length` is left out: the writer alone knows
    /// it.
    #[inline]
    pub fn header(&mut self, name: &str, value: &str) -> &mut Self {
        let is_ours = match name {
            "content-length" => true,
            "subscription" | "ack" => self.is_rest,
            _ => false,
        };
        if is_ours {
            return self;
        }
        append_header(self.out, name, value, self.escapes);
        self
    }

    /// Ends the frame with a body; `content-length` goes before it, unless it is empty. A frame
    /// that may have no body in this version ([`Command::may_have_body`]) gets none, since its
    /// receiver would have to end the connection.
    pub fn body(self, body: &[u8]) {
        self.end(body, true);
    }

    /// Ends the frame with a body and without `content-length`, which brokers of JMS take as a sign
    /// of text. A body that holds a NUL has it nevertheless: it would end there.
    pub fn body_without_length(self, body: &[u8]) {
        let needs_length = memchr::memchr(0, body).is_some();
        self.end(body, needs_length);
    }

    /// Ends the frame without a body.
    pub fn finish(self) {
        self.end(&[], false);
    }

    #[inline]
    fn end(self, body: &[u8], with_length: bool) {
        let body = match self.command.may_have_body(Some(self.version)) {
            true => body,
            false => &[],
        };
        if with_length && !body.is_empty() {
            append_content_length(self.out, body.len());
        }
        self.out.reserve(body.len() + 2);
        self.out.push(b'\n');
        self.out.extend_from_slice(body);
        self.out.push(0);
    }
}

fn append_header(out: &mut Vec<u8>, name: &str, value: &str, escapes: Escapes) {
    let name = if name.is_empty() { "_" } else { name };
    // What the line needs if nothing in it has to be escaped.
    out.reserve(name.len() + value.len() + 2);
    append_escaped(out, name, escapes, true);
    out.push(b':');
    append_escaped(out, value, escapes, false);
    out.push(b'\n');
}

fn append_content_length(out: &mut Vec<u8>, length: usize) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = length;
    while rest > 0 && start > 0 {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(b"content-length:");
    out.extend_from_slice(&digits[start..]);
    out.push(b'\n');
}

/// One whole frame for a receiver who speaks `version`. Headers are written in their order.
///
/// **Whatever a header holds, it arrives as exactly one header**, and nothing in it can end it, the
/// headers or the frame. Where the version has an escape, it arrives unchanged. Where it has none
/// (line feeds and carriage returns in 1.0 and in the frames that open a session, carriage returns
/// in 1.1, NUL in all), a blank takes the place in a value and `_` in a name. There a colon in a
/// name becomes `_`, too; in a value it stays, as the first colon of a line is what divides it, and
/// so does a backslash. An empty name becomes `_`.
///
/// `content-length` is written for every body that is not empty.
///
/// ```
/// use campanile_stomp::{Command, Version, encode};
///
/// let headers = [("destination", "/topic/a"), ("note", "one\ntwo: three")];
/// let frame = encode(Version::V12, Command::Send, &headers, b"");
/// assert_eq!(frame, b"SEND\ndestination:/topic/a\nnote:one\\ntwo\\c three\n\n\0");
/// // 1.0 has no escapes: a line feed cannot be told, and must not begin another header.
/// let frame = encode(Version::V10, Command::Send, &headers, b"");
/// assert_eq!(frame, b"SEND\ndestination:/topic/a\nnote:one two: three\n\n\0");
/// ```
pub fn encode(
    version: Version,
    command: Command,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(command.as_str().len() + 1 + room(headers, body));
    append_frame(&mut out, version, command, headers, body);
    out
}

/// The same at the end of a buffer.
pub fn append_frame(
    out: &mut Vec<u8>,
    version: Version,
    command: Command,
    headers: &[(&str, &str)],
    body: &[u8],
) {
    let mut writer = FrameWriter::new(out, version, command);
    for (name, value) in headers {
        writer.header(name, value);
    }
    writer.body(body);
}

/// The beginning of a MESSAGE that is one subscriber's alone; what [`encode_message_rest`] makes
/// for all of them goes behind it, and both together are one frame.
///
/// `subscription` is the `id` of its SUBSCRIBE, which only 1.0 may lack. `ack` is the id to
/// acknowledge the message by; it is written for 1.2 only, as earlier versions acknowledge by
/// `message-id` (STOMP 1.2, MESSAGE).
pub fn append_message_prefix(
    version: Version,
    subscription: Option<&str>,
    ack: Option<&str>,
    out: &mut Vec<u8>,
) {
    let escapes = Escapes::of(Command::Message, Some(version));
    out.extend_from_slice(b"MESSAGE\n");
    if let Some(subscription) = subscription {
        append_header(out, "subscription", subscription, escapes);
    }
    if let Some(ack) = ack.filter(|_| version == Version::V12) {
        append_header(out, "ack", ack, escapes);
    }
}

/// What all subscribers of one version share of a MESSAGE: `headers` (`destination` and
/// `message-id` must be among them), the body and the NUL. `subscription`, `ack` and
/// `content-length` among `headers` are left out.
///
/// ```
/// use campanile_stomp::{Version, append_message_prefix, encode_message_rest};
///
/// let headers = [("destination", "/topic/a"), ("message-id", "e-7")];
/// let rest = encode_message_rest(Version::V12, &headers, b"hi");
/// let mut frame = Vec::new();
/// append_message_prefix(Version::V12, Some("sub-0"), None, &mut frame);
/// frame.extend_from_slice(&rest);
/// assert_eq!(
///     frame,
///     b"MESSAGE\nsubscription:sub-0\ndestination:/topic/a\nmessage-id:e-7\ncontent-length:2\n\nhi\0"
/// );
/// ```
pub fn encode_message_rest(version: Version, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(room(headers, body));
    let mut writer = FrameWriter::message_rest(&mut out, version);
    for (name, value) in headers {
        writer.header(name, value);
    }
    writer.body(body);
    out
}

/// What headers and a body need if nothing has to be escaped.
fn room(headers: &[(&str, &str)], body: &[u8]) -> usize {
    const CONTENT_LENGTH_BYTES: usize = 36;
    let lines = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2);
    lines.sum::<usize>() + CONTENT_LENGTH_BYTES + body.len() + 2
}

/// Whether a header of a SEND is the sender's own and goes on to receivers in the MESSAGE. Those
/// that control the SEND itself, that the MESSAGE has values of its own for, or that hold a secret,
/// do not (S79): nor do those that servers tell of deliveries with, such as `redelivered` and `gap`.
pub fn is_forwarded(name: &str) -> bool {
    !matches!(
        name,
        "ack"
            | "content-length"
            | "dead-letter-queue"
            | "dead-letter-reason"
            | "delivery-count"
            | "destination"
            | "gap"
            | "login"
            | "message-id"
            | "passcode"
            | "receipt"
            | "receipt-id"
            | "redelivered"
            | "subscription"
            | "transaction"
    )
}
