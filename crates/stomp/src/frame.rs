//! A frame that lies somewhere else.

use std::{borrow::Cow, fmt};

use crate::{
    command::Command,
    escape::{Escapes, unescape},
};

/// The header whose value is never shown (S81).
const SECRET: &str = "passcode";

/// A frame, as a view of the octets that hold it. Copying it copies no header.
///
/// Headers are looked at where they lie: each access reads through them, and a value is copied only
/// if it has escapes. Read what you need once; [`ClientFrame`](crate::ClientFrame) does.
///
/// Its `Debug` form hides the value of `passcode` (S81) and shows only the length of the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub(crate) command: Command,
    pub(crate) escapes: Escapes,
    /// Whether a carriage return before a line feed belongs to the line's end.
    pub(crate) strips_cr: bool,
    /// The lines of the headers, each with its end.
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

/// A header with its escapes undone. Names are compared as they are: case matters, and nothing was
/// trimmed (STOMP 1.2, Value Encoding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// Never empty.
    pub name: Cow<'a, str>,
    /// May be empty.
    pub value: Cow<'a, str>,
}

impl<'a> Frame<'a> {
    /// What kind of frame it is.
    pub fn command(&self) -> Command {
        self.command
    }

    /// The value of the first header with this name; others of that name are history (STOMP 1.2,
    /// Repeated Header Entries).
    pub fn header(&self, name: &str) -> Option<Cow<'a, str>> {
        let escapes = self.escapes;
        // Only such names are written in another way than they are.
        let needs_escapes = |it: u8| matches!(it, b'\n' | b'\r' | b':' | b'\\');
        let found = match escapes != Escapes::None && name.bytes().any(needs_escapes) {
            false => self.raw_headers().find(|(raw, _)| *raw == name),
            true => self
                .raw_headers()
                .find(|(raw, _)| unescape(raw, escapes) == name),
        };
        found.map(|(_, value)| unescape(value, escapes))
    }

    /// All headers in the order in which they were sent, repeated ones included.
    pub fn headers(&self) -> Headers<'a> {
        Headers {
            raw: self.raw_headers(),
            escapes: self.escapes,
        }
    }

    /// The octets after the blank line. Empty if there are none.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Names and values as they were sent.
    #[inline]
    pub(crate) fn raw_headers(&self) -> RawHeaders<'a> {
        RawHeaders {
            rest: self.head,
            strips_cr: self.strips_cr,
        }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Shown<'a>(Headers<'a>);
        impl fmt::Debug for Shown<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown = self.0.clone().map(|header| match &*header.name {
                    SECRET => (header.name, Cow::Borrowed("***")),
                    _ => (header.name, header.value),
                });
                formatter.debug_map().entries(shown).finish()
            }
        }
        formatter
            .debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &Shown(self.headers()))
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Goes through a frame's headers; see [`Frame::headers`].
#[derive(Clone)]
pub struct Headers<'a> {
    raw: RawHeaders<'a>,
    escapes: Escapes,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        let (name, value) = self.raw.next()?;
        Some(Header {
            name: unescape(name, self.escapes),
            value: unescape(value, self.escapes),
        })
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Headers").finish_non_exhaustive()
    }
}

/// Goes through headers as they were sent.
#[derive(Clone)]
pub(crate) struct RawHeaders<'a> {
    rest: &'a str,
    strips_cr: bool,
}

impl<'a> Iterator for RawHeaders<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let colon = memchr::memchr(b':', self.rest.as_bytes())?;
        let (name, rest) = self.rest.split_at_checked(colon)?;
        let rest = rest.get(1..)?;
        let end = memchr::memchr(b'\n', rest.as_bytes())?;
        let (mut value, after) = rest.split_at_checked(end)?;
        self.rest = after.get(1..)?;
        if self.strips_cr {
            value = value.strip_suffix('\r').unwrap_or(value);
        }
        Some((name, value))
    }
}
