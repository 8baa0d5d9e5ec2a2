//! An endpoint's callbacks: which there are, and which of them an event is for.

use crate::around::{Decorator, Next};
use crate::context::{Context, Event, EventKind};
use crate::endpoint::Endpoint;
use crate::error::HandlerError;
use crate::extract::{RequiredState, StateMaker, StateOwner};
use crate::handler::{Callback, Handler};
use crate::reply::IntoReply;
use crate::session::Session;

/// An endpoint's callbacks.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub(crate) open: Option<Callback>,
    pub(crate) text: Option<Callback>,
    pub(crate) binary: Option<Callback>,
    pub(crate) text_part: Option<Callback>,
    pub(crate) binary_part: Option<Callback>,
    pub(crate) pong: Option<Callback>,
    pub(crate) dropped: Option<Callback>,
    pub(crate) close: Option<Callback>,
    pub(crate) error: Option<Callback>,
    session_state: Option<StateMaker>,
    /// The first one is the outermost.
    decorators: Vec<Decorator>,
}

/// Callbacks that no endpoint can have together (S193).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has `{whole}` and `{part}`: data comes either whole or in parts; give it `on_text` and \
     `on_binary`, or `on_text_part` and `on_binary_part`"
)]
pub struct WholeAndInParts {
    /// The callback for whole messages.
    pub whole: &'static str,
    /// The callback for parts.
    pub part: &'static str,
}

impl Callbacks {
    /// The callback for what happened.
    pub(crate) fn of(&self, event: &Event) -> Option<&Callback> {
        match event.kind() {
            EventKind::Opened => self.open.as_ref(),
            EventKind::Text => self.text.as_ref(),
            EventKind::Binary => self.binary.as_ref(),
            EventKind::TextPart => self.text_part.as_ref(),
            EventKind::BinaryPart => self.binary_part.as_ref(),
            EventKind::Pong => self.pong.as_ref(),
            EventKind::Dropped => self.dropped.as_ref(),
            EventKind::Closed => self.close.as_ref(),
            EventKind::Failed => self.error.as_ref(),
            // These come with their callbacks.
            EventKind::Message
            | EventKind::Subscription
            | EventKind::Connect
            | EventKind::Connected
            | EventKind::Subscribed
            | EventKind::Unsubscribed
            | EventKind::Disconnected => None,
        }
    }

    /// Whether anything is to be done about an event; what nobody asks for need not wait in line.
    pub(crate) fn take_note_of(&self, event: &Event) -> bool {
        matches!(event, Event::Sent(_))
            || self.of(event).is_some()
            || event.kind().is_data()
            || matches!(event, Event::Opened) && self.session_state.is_some()
    }

    /// Whether messages are wanted as they come, part by part, and not put together.
    pub(crate) fn is_in_parts(&self) -> bool {
        self.text_part.is_some() || self.binary_part.is_some()
    }

    /// Whether there is any callback.
    pub(crate) fn speak(&self) -> bool {
        // Each field is named, so that a new callback cannot be forgotten here.
        let Self {
            open,
            text,
            binary,
            text_part,
            binary_part,
            pong,
            dropped,
            close,
            error,
            session_state: _,
            decorators: _,
        } = self;
        [
            open,
            text,
            binary,
            text_part,
            binary_part,
            pong,
            dropped,
            close,
            error,
        ]
        .iter()
        .any(|callback| callback.is_some())
    }

    /// Whether anybody asks for pongs.
    pub(crate) fn takes_pongs(&self) -> bool {
        self.pong.is_some()
    }

    /// Whether anybody asks what an outbox's policy has dropped.
    pub(crate) fn takes_drops(&self) -> bool {
        self.dropped.is_some()
    }

    /// Gives a session that has just opened its state, where the endpoint has one.
    pub(crate) fn make_state(&self, session: &Session) -> Result<(), HandlerError> {
        let maker = self.session_state.as_ref();
        maker.map_or(Ok(()), |maker| maker.make(session))
    }

    /// Takes its state from a session whose last callback has ended.
    pub(crate) fn unmake_state(&self, session: &Session) {
        if let Some(maker) = &self.session_state {
            maker.unmake(session);
        }
    }

    /// Whether the endpoint itself has the state that one of its callbacks needs.
    pub(crate) fn has_state(&self, required: RequiredState) -> bool {
        required.owner == StateOwner::Session
            && self
                .session_state
                .as_ref()
                .is_some_and(|maker| maker.makes(required.id))
    }

    /// Whether they can be together.
    pub(crate) fn check(&self) -> Result<(), WholeAndInParts> {
        let first = |one: &Option<Callback>, name, other: &Option<Callback>, other_name| {
            let other = other.is_some().then_some(other_name);
            one.is_some().then_some(name).or(other)
        };
        let whole = first(&self.text, "on_text", &self.binary, "on_binary");
        let part = first(
            &self.text_part,
            "on_text_part",
            &self.binary_part,
            "on_binary_part",
        );
        match (whole, part) {
            (Some(whole), Some(part)) => Err(WholeAndInParts { whole, part }),
            _ => Ok(()),
        }
    }

    /// Puts the decorators around each callback, those of the application outermost. They are told
    /// of the beginning and the end of a session also where nothing else is.
    pub(crate) fn decorate(&mut self, by_application: &[Decorator]) {
        let own = std::mem::take(&mut self.decorators);
        let all: Vec<&Decorator> = by_application.iter().chain(&own).collect();
        if all.is_empty() {
            return;
        }
        for one in [&mut self.open, &mut self.close] {
            one.get_or_insert_with(|| Callback::new(async || ()));
        }
        for one in [
            &mut self.open,
            &mut self.text,
            &mut self.binary,
            &mut self.text_part,
            &mut self.binary_part,
            &mut self.pong,
            &mut self.dropped,
            &mut self.close,
            &mut self.error,
        ] {
            *one = one
                .take()
                .map(|callback| all.iter().rfold(callback, |inner, it| it.around(inner)));
        }
    }
}

/// # Callbacks
impl Endpoint {
    /// Called once when a session has opened. What it returns is the first message.
    #[must_use]
    pub fn on_open<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.open = Some(self.callback(handler));
        self
    }

    /// Called for each text message.
    #[must_use]
    pub fn on_text<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.text = Some(self.callback(handler));
        self
    }

    /// Called for each binary message.
    #[must_use]
    pub fn on_binary<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.binary = Some(self.callback(handler));
        self
    }

    /// Called for each part of a text message as it comes, with [`TextPart`](crate::TextPart)
    /// among its arguments (S193): messages may then be longer than what fits into memory.
    ///
    /// An endpoint takes its data whole or in parts: with this one it may have
    /// [`on_binary_part`](Self::on_binary_part), but not [`on_text`](Self::on_text) or
    /// [`on_binary`](Self::on_binary).
    #[must_use]
    pub fn on_text_part<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.text_part = Some(self.callback(handler));
        self
    }

    /// Called for each part of a binary message as it comes, with
    /// [`BinaryPart`](crate::BinaryPart) among its arguments (S193). See
    /// [`on_text_part`](Self::on_text_part).
    #[must_use]
    pub fn on_binary_part<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.binary_part = Some(self.callback(handler));
        self
    }

    /// Called for each pong of the client, asked for or not, with [`Pong`](crate::Pong) among its
    /// arguments (S193).
    #[must_use]
    pub fn on_pong<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.pong = Some(self.callback(handler));
        self
    }

    /// Called when the session's outbox has let go of publications under its
    /// [`Overflow`](crate::Overflow) rule, with [`Dropped`](crate::Dropped) among its arguments:
    /// how many it were since the last time.
    #[must_use]
    pub fn on_dropped<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.dropped = Some(self.callback(handler));
        self
    }

    /// Called exactly once when a session has ended, however it ended, after all its messages.
    #[must_use]
    pub fn on_close<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.close = Some(self.callback(handler));
        self
    }

    /// Called when another callback failed, with [`Failure`](crate::Failure) among its arguments:
    /// an error that it returned, a panic, or an argument that could not be made (S187). It may
    /// reply; the session stays open unless it fails too. It comes before
    /// [`Builder::on_error`](crate::Builder::on_error), which is then not asked.
    #[must_use]
    pub fn on_error<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.callbacks.error = Some(self.callback(handler));
        self
    }

    /// Gives each session a state of its own, for callbacks that ask for
    /// [`SessionState<T>`](crate::SessionState): made when the session opens, before its first
    /// callback, and dropped after its last (S22). An endpoint has one type of it; given twice, the
    /// second counts.
    #[must_use]
    pub fn session_state<T: Send + 'static>(
        self,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.session_state_with(move |_| make())
    }

    /// As [`session_state`](Self::session_state), made from what is known of the session.
    ///
    /// ```
    /// use campanile::{Endpoint, SessionState};
    ///
    /// struct Player {
    ///     name: String,
    /// }
    ///
    /// let endpoint = Endpoint::new()
    ///     .session_state_with(|session| Player {
    ///         name: session.user().unwrap_or("guest").to_owned(),
    ///     })
    ///     .on_text(async |player: SessionState<Player>| format!("hello {}", player.name));
    /// ```
    #[must_use]
    pub fn session_state_with<T: Send + 'static>(
        mut self,
        make: impl Fn(&Session) -> T + Send + Sync + 'static,
    ) -> Self {
        self.callbacks.session_state = Some(StateMaker::new(make));
        self
    }

    /// Puts code around all callbacks of this endpoint (S23), as middleware in axum: it is given
    /// the event, may look at it or do something else instead, goes on with [`Next::run`], and sees
    /// what came of it. Of several the first one added is the outermost; those of
    /// [`Builder::around`](crate::Builder::around) are around them.
    ///
    /// It is called for the beginning and the end of each session, also where there is no callback
    /// for them, and for everything else that has one. It need not log failures or close sessions
    /// for them: that is done at the end, unless an error callback does something else.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// use campanile::{Context, Endpoint, HandlerError, Next, Reply, Text};
    ///
    /// async fn timed(context: Context, next: Next) -> Result<Reply, HandlerError> {
    ///     let (kind, started) = (context.kind(), Instant::now());
    ///     let result = next.run(context).await;
    ///     println!("{kind} took {:?}", started.elapsed());
    ///     result
    /// }
    ///
    /// let endpoint = Endpoint::new().on_text(async |Text(text): Text| text).around(timed);
    /// ```
    #[must_use]
    pub fn around<F, Fut>(mut self, decorator: F) -> Self
    where
        F: Fn(Context, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        self.callbacks.decorators.push(Decorator::new(decorator));
        self
    }

    fn callback<A, H: Handler<A>>(&mut self, handler: H) -> Callback {
        self.required_states.extend(H::required_states());
        Callback::new(handler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part() -> Event {
        Event::BinaryPart {
            bytes: bytes::Bytes::new(),
            is_last: true,
        }
    }

    #[test]
    fn s193_data_comes_whole_or_in_parts() {
        let nothing = async || ();
        let whole = Endpoint::new().on_text(nothing).on_binary(nothing);
        assert!(!whole.callbacks.is_in_parts() && whole.callbacks.check().is_ok());
        let parts = Endpoint::new().on_text_part(nothing);
        assert!(parts.callbacks.is_in_parts() && parts.callbacks.check().is_ok());
        let parts = parts.on_binary_part(nothing);
        assert!(parts.callbacks.is_in_parts() && parts.callbacks.check().is_ok());
        for (mixed, whole, part) in [
            (parts.clone().on_text(nothing), "on_text", "on_text_part"),
            (parts.on_binary(nothing), "on_binary", "on_text_part"),
            (whole.on_binary_part(nothing), "on_text", "on_binary_part"),
        ] {
            let wrong = mixed.callbacks.check().expect_err("a mixture");
            assert_eq!(wrong, WholeAndInParts { whole, part });
        }
    }

    #[test]
    fn s193_each_event_has_its_callback_and_what_nobody_asks_for_is_not_noted() {
        let events = || {
            let text = Event::TextPart {
                text: String::new(),
                is_last: true,
            };
            let pong = Event::Pong(bytes::Bytes::new());
            [text, part(), pong, Event::Dropped(1), Event::Opened]
        };
        let nothing = async || ();
        let all = Endpoint::new()
            .on_text_part(nothing)
            .on_binary_part(nothing)
            .on_pong(nothing)
            .on_dropped(nothing)
            .on_open(nothing);
        let none = Endpoint::new().callbacks;
        for event in events() {
            assert!(all.callbacks.of(&event).is_some() && all.callbacks.take_note_of(&event));
            assert!(none.of(&event).is_none());
            // Data that nobody takes closes the session: that has to be done in turn.
            assert_eq!(none.take_note_of(&event), event.kind().is_data());
        }
        let with_state = Endpoint::new().session_state(|| 1_u8).callbacks;
        assert!(with_state.take_note_of(&Event::Opened));
    }
}
