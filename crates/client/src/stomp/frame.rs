//! A frame that was received, with octets of its own.

use bytes::Bytes;
use campanile_stomp::{Command, Frame};

use super::error::ServerError;

/// A frame from the server.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) command: Command,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn copy(frame: &Frame<'_>) -> Self {
        let headers = frame.headers();
        Self {
            command: frame.command(),
            headers: headers
                .map(|it| (it.name.into_owned(), it.value.into_owned()))
                .collect(),
            body: Bytes::copy_from_slice(frame.body()),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// What an ERROR says.
    pub(super) fn into_error(self) -> ServerError {
        ServerError {
            message: self.header("message").unwrap_or_default().to_owned(),
            receipt_id: self.header("receipt-id").map(str::to_owned),
            headers: self.headers,
            body: self.body,
        }
    }
}

/// The first value of a name: others are history (STOMP 1.2, Repeated Header Entries).
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}
