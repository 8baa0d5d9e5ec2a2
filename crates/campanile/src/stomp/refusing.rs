//! How a STOMP session refuses a frame, and what the application may say about it.

use campanile_stomp::{Command, SUPPORTED_VERSIONS, Version};

use super::events::OnRefusal;
use super::reply::Refused;
use super::session::{Link, StompSession};
use crate::calls::catching;

/// An ERROR that is about to be sent, for
/// [`Builder::on_stomp_error`](crate::Builder::on_stomp_error).
#[derive(Clone, Debug)]
pub struct StompError {
    command: Option<&'static str>,
    destination: Option<String>,
    message: String,
    body: String,
    headers: Vec<(String, String)>,
    is_suppressed: bool,
    was_understood: bool,
    then: OnRefusal,
}

impl StompError {
    /// The command of the frame that is refused, such as `SEND`, if it could be read.
    pub fn command(&self) -> Option<&'static str> {
        self.command
    }

    /// The destination of that frame, if it has one.
    pub fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }

    /// The `message` header: a stable word.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Sets the `message` header.
    pub fn set_message(&mut self, message: impl Into<String>) {
        self.message = message.into();
    }

    /// What is wrong and what to do.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Says something else.
    pub fn set_body(&mut self, body: impl Into<String>) {
        self.body = body.into();
    }

    /// Adds a header behind those that are there: `content-type` and, where a receipt was asked
    /// for, `receipt-id`.
    pub fn add_header(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Sends no ERROR.
    pub fn suppress(&mut self) {
        self.is_suppressed = true;
    }

    /// What happens to the session then.
    pub fn then(&self) -> OnRefusal {
        self.then
    }

    /// Says what happens to the session. It can go on only if the frame was understood and the
    /// client is connected: else this does nothing, and it is closed.
    pub fn set_then(&mut self, then: OnRefusal) {
        if self.was_understood {
            self.then = then;
        }
    }
}

/// The frame that is refused.
#[derive(Clone, Copy, Default)]
pub(super) struct Culprit<'a> {
    pub(super) command: Option<Command>,
    pub(super) destination: Option<&'a str>,
    pub(super) receipt: Option<&'a str>,
}

impl StompSession {
    /// Tells the client what was wrong, and ends the session unless it may go on.
    pub(super) fn refuse(&mut self, refused: &Refused, culprit: Culprit<'_>, link: &mut Link<'_>) {
        tracing::debug!(session = %link.session.id(), word = %refused.word, "a frame was refused");
        let was_understood = refused.may_go_on && self.version.is_some();
        let keeps = was_understood && self.keeps_going;
        let mut headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        if self.version.is_none() {
            headers.push(("version".to_owned(), SUPPORTED_VERSIONS.to_owned()));
        }
        let receipt = culprit.receipt;
        headers.extend(receipt.map(|receipt| ("receipt-id".to_owned(), receipt.to_owned())));
        let mut error = StompError {
            command: culprit.command.map(Command::as_str),
            destination: culprit.destination.map(str::to_owned),
            message: refused.word.clone().into_owned(),
            body: refused.detail.clone(),
            headers,
            is_suppressed: false,
            was_understood,
            then: if keeps {
                OnRefusal::Keep
            } else {
                OnRefusal::Close
            },
        };
        if let Some(ask) = &self.runtime.stages.on_error {
            let before = error.clone();
            if let Err(panicked) = catching(|| ask(link.session, &mut error)) {
                tracing::error!(session = %link.session.id(), %panicked, "the error handler");
                error = before;
            }
        }
        if !error.is_suppressed {
            self.send_error(&error, link);
        }
        if error.then == OnRefusal::Keep {
            return;
        }
        self.has_ended = true;
        let reason = format!("{}: see the ERROR frame", error.message);
        self.close(link, refused.code, &reason);
    }

    fn send_error(&self, error: &StompError, link: &mut Link<'_>) {
        // Before a version is agreed upon all understand what has no escapes.
        let version = self.version.unwrap_or(Version::V10);
        let more = error.headers.iter();
        let more = more.map(|(name, value)| (&**name, &**value));
        let headers: Vec<(&str, &str)> = [("message", &*error.message)]
            .into_iter()
            .chain(more)
            .collect();
        let frame = self
            .wire
            .frame(version, Command::Error, &headers, &error.body);
        self.runtime.counters.frame(Command::Error);
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, frame);
    }
}
