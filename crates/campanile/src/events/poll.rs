//! The body of one JSON answer: messages as they come out of the session's pipe, until there are
//! enough or the time is over.
//!
//! It is written as it comes, so that an answer holds one record at most. A record that was taken
//! from the pipe and does not go into the answer comes again with the next request, which asks for
//! what was published after this answer's cursor.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use campanile_hub::{Begun, Cursor};
use hyper::body::{Body, Frame};
use memchr::memchr;
use tokio::time::{Sleep, sleep};

use super::format::EVENT;
use crate::driver::PipeEnd;
use crate::front::Carried;

/// How many bytes of messages an answer has, if what is missing can be asked for again: one message
/// more than this at most.
pub(super) const ANSWER_BYTES_MAX: usize = 256 << 10;

/// What each message begins with; its id follows.
const MESSAGE: &[u8] = b"{\"id\":\"";

/// What the record of the session's end begins with; its fields follow.
const CLOSE: &[u8] = b"{\"event\":\"close\",";

/// One JSON answer.
pub(super) struct PollBody {
    /// Gone once the answer is whole.
    pipe: Option<PipeEnd>,
    wait: Wait,
    begun: Begun,
    /// Up to where the client has said that it has received.
    after: Option<Cursor>,
    /// A record that has not come whole.
    partial: BytesMut,
    given: usize,
    given_bytes: usize,
    /// Of the last message that was given.
    last: Option<Cursor>,
    has_begun: bool,
    _carried: Option<Carried>,
}

/// How long there may be no message.
enum Wait {
    /// As long as this.
    For(Duration),
    Until(Pin<Box<Sleep>>),
    Over,
}

/// What a line of the pipe says.
enum Line<'a> {
    Message,
    /// The session has ended, with the fields that say why.
    Close(&'a [u8]),
    /// Messages are missing before what follows.
    Gap,
    /// Nothing that the answer tells of.
    Other,
}

impl PollBody {
    pub(super) fn new(
        pipe: PipeEnd,
        begun: Begun,
        after: Option<Cursor>,
        wait: Duration,
        carried: Option<Carried>,
    ) -> Self {
        Self {
            pipe: Some(pipe),
            wait: match wait.is_zero() {
                true => Wait::Over,
                false => Wait::For(wait),
            },
            begun,
            after,
            partial: BytesMut::new(),
            given: 0,
            given_bytes: 0,
            last: None,
            has_begun: false,
            _carried: carried,
        }
    }

    /// Whether what it has to wait for in any case is there.
    fn has_replay(&self) -> bool {
        self.given >= self.begun.replayed
    }

    /// Whether nothing more fits in. What is replayed because it was kept, and not because it was
    /// missed, cannot be asked for piece by piece.
    fn is_full(&self) -> bool {
        let is_in_pieces = self.begun.recovered == Some(true) || self.has_replay();
        self.given_bytes >= ANSWER_BYTES_MAX && is_in_pieces
    }

    /// Takes what is there. Answers with the fields of the session's end, or none, once nothing
    /// more is to be given.
    fn take(&mut self, out: &mut Vec<u8>, context: &mut Context<'_>) -> Option<Bytes> {
        while !self.is_full() {
            let Some(pipe) = &mut self.pipe else {
                return Some(Bytes::new());
            };
            match pipe.poll_take(context) {
                Poll::Ready(Some(bytes)) => self.partial.extend_from_slice(&bytes),
                Poll::Ready(None) => return Some(Bytes::new()),
                Poll::Pending => return None,
            }
            if let Some(end) = self.give(out) {
                return Some(end);
            }
        }
        Some(Bytes::new())
    }

    /// Gives the whole records that were taken.
    fn give(&mut self, out: &mut Vec<u8>) -> Option<Bytes> {
        while let Some(end) = memchr(b'\n', &self.partial)
            && !self.is_full()
        {
            let line = self.partial.split_to(end + 1).freeze();
            let line = &line[..end];
            match read(line) {
                Line::Message => {
                    if self.given > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(line);
                    self.given += 1;
                    self.given_bytes += line.len();
                    self.last = id(line).or(self.last);
                }
                Line::Close(fields) => return Some(Bytes::copy_from_slice(fields)),
                // What was dropped can be asked for again, as far as it was kept.
                Line::Gap => return Some(Bytes::new()),
                Line::Other => {}
            }
        }
        if self.partial.is_empty() {
            self.partial = BytesMut::new();
        }
        None
    }

    /// From where the client has to go on.
    fn cursor(&self) -> Cursor {
        let begun = self.begun.cursor;
        match self.last {
            // What was kept may be older than where the session has joined.
            Some(last) if self.has_replay() && last.epoch == begun.epoch => Cursor {
                position: last.position.max(begun.position),
                ..begun
            },
            Some(last) => last,
            None if self.has_replay() => begun,
            // Nothing of what is to be replayed was given.
            None => self.after.unwrap_or(Cursor {
                position: 0,
                ..begun
            }),
        }
    }

    /// Whether the time is over.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if let Wait::For(time) = self.wait {
            self.wait = Wait::Until(Box::pin(sleep(time)));
        }
        match &mut self.wait {
            Wait::For(_) | Wait::Over => true,
            Wait::Until(sleep) => sleep.as_mut().poll(context).is_ready(),
        }
    }

    /// What follows the last message.
    fn finish(&mut self, out: &mut Vec<u8>, end: &[u8]) {
        self.pipe = None;
        self.partial = BytesMut::new();
        let recovered = match self.begun.recovered {
            Some(recovered) => format!(",\"recovered\":{recovered}"),
            None => String::new(),
        };
        let cursor = self.cursor();
        let rest = format!("],\"cursor\":\"{cursor}\"{recovered}");
        out.extend_from_slice(rest.as_bytes());
        if !end.is_empty() {
            out.extend_from_slice(b",\"close\":{");
            // The brace at its end is the record's own.
            out.extend_from_slice(end);
        }
        out.push(b'}');
    }
}

fn read(line: &[u8]) -> Line<'_> {
    if line.starts_with(MESSAGE) {
        Line::Message
    } else if let Some(fields) = line.strip_prefix(CLOSE) {
        Line::Close(fields)
    } else if line
        .strip_prefix(EVENT.as_bytes())
        .is_some_and(|rest| rest.starts_with(b"gap\""))
    {
        Line::Gap
    } else {
        Line::Other
    }
}

/// The id of a message.
fn id(line: &[u8]) -> Option<Cursor> {
    let rest = line.strip_prefix(MESSAGE)?;
    let end = memchr(b'"', rest)?;
    str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

impl Body for PollBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if this.pipe.is_none() {
            return Poll::Ready(None);
        }
        let mut out = Vec::new();
        let end = this.take(&mut out, context);
        let is_enough = this.has_replay() && (this.given > 0 || this.is_over(context));
        if end.is_none() && !is_enough && out.is_empty() {
            return Poll::Pending;
        }
        if !this.has_begun {
            this.has_begun = true;
            out.splice(..0, b"{\"messages\":[".iter().copied());
        }
        if end.is_some() || is_enough {
            this.finish(&mut out, &end.unwrap_or_default());
        }
        Poll::Ready(Some(Ok(Frame::data(out.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.pipe.is_none()
    }
}
