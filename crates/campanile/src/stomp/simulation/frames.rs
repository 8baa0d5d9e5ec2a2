//! Frames of the server as somebody sees them who owns them.

use campanile_hub::Cursor;
use campanile_stomp::{Command, Decoder, Limits, Role, Version};

/// A frame that a server has sent.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) command: Command,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.header(name).and_then(|value| value.parse().ok())
    }

    /// The position that a `message-id` or `cursor` tells.
    #[track_caller]
    pub(super) fn position(&self, name: &str) -> u64 {
        let cursor = self.header(name).and_then(|it| it.parse::<Cursor>().ok());
        cursor
            .unwrap_or_else(|| panic!("a cursor in {self:?}"))
            .position
    }

    /// The number of the message, which its body begins with.
    #[track_caller]
    pub(super) fn message(&self) -> usize {
        number_of(&self.body).unwrap_or_else(|| panic!("a message of ours: {self:?}"))
    }
}

/// The body of the message with this number.
pub(super) fn body_of(number: usize, length: usize) -> String {
    let mut body = format!("{number}:");
    body.extend(std::iter::repeat_n('x', length));
    body
}

/// The number of the message with this body.
pub(super) fn number_of(body: &str) -> Option<usize> {
    body.split_once(':')?.0.parse().ok()
}

/// What a server sends in one connection, as it comes.
pub(super) struct Frames {
    decoder: Decoder,
    /// A NUL has come whose line end has not: over TCP a frame ends with that.
    is_ending: bool,
}

impl Frames {
    pub(super) fn new(version: Version) -> Self {
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(version);
        Self {
            decoder,
            is_ending: false,
        }
    }

    /// Takes all frames that end in these bytes.
    pub(super) fn read(&mut self, bytes: &[u8], mut take: impl FnMut(Seen)) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.is_ending) {
            self.decode(b"\0", &mut take);
        }
        let whole = bytes.strip_suffix(b"\0");
        self.is_ending = whole.is_some();
        self.decode(whole.unwrap_or(bytes), &mut take);
    }

    fn decode(&mut self, mut bytes: &[u8], mut take: impl FnMut(Seen)) {
        while !bytes.is_empty() {
            let decoded = self.decoder.decode(bytes, &Limits::default());
            let decoded = decoded.expect("what the server sends is STOMP");
            let (consumed, frame) = (decoded.consumed, decoded.frame);
            if let Some(frame) = frame {
                let headers = frame.headers();
                take(Seen {
                    command: frame.command(),
                    headers: headers
                        .map(|one| (one.name.into_owned(), one.value.into_owned()))
                        .collect(),
                    body: String::from_utf8_lossy(frame.body()).into_owned(),
                });
            }
            bytes = &bytes[consumed..];
        }
    }
}
