//! What happened to a session, as its callbacks are told.

use std::sync::Arc;

use bytes::Bytes;
use campanile_hub::{Ending, Headers, PathParameters};

use crate::error::{HandlerError, Rejection};
pub use crate::event_kind::EventKind;
pub(crate) use crate::sent::{About, Purpose, Replies, Sent, Together};
use crate::session::Session;
use crate::state::Application;
use crate::stomp::StompEvent;

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    Opened,
    Text(String),
    Binary(Bytes),
    /// A message to one of the application's own destinations, or an event of a STOMP session.
    Sent(Box<Sent>),
    /// What happened to a STOMP session.
    Stomp(Box<StompEvent>),
    TextPart {
        text: String,
        is_last: bool,
    },
    BinaryPart {
        bytes: Bytes,
        is_last: bool,
    },
    Pong(Bytes),
    /// So many publications were dropped by the outbox's policy.
    Dropped(u32),
    Closed(Ending),
    /// `None` once an extractor has taken it.
    Failed(Option<HandlerError>),
}

impl Event {
    pub(crate) fn kind(&self) -> EventKind {
        match self {
            Self::Opened => EventKind::Opened,
            Self::Text(_) => EventKind::Text,
            Self::Binary(_) => EventKind::Binary,
            Self::Sent(sent) => sent.event.kind(),
            Self::Stomp(event) => match **event {
                StompEvent::Connect(_) => EventKind::Connect,
                StompEvent::Connected => EventKind::Connected,
                StompEvent::Subscribed(_) => EventKind::Subscribed,
                StompEvent::Unsubscribed(_) => EventKind::Unsubscribed,
                StompEvent::Disconnected(_) => EventKind::Disconnected,
            },
            Self::TextPart { .. } => EventKind::TextPart,
            Self::BinaryPart { .. } => EventKind::BinaryPart,
            Self::Pong(_) => EventKind::Pong,
            Self::Dropped(_) => EventKind::Dropped,
            Self::Closed(_) => EventKind::Closed,
            Self::Failed(_) => EventKind::Failed,
        }
    }

    /// Whether it is a message, or the last part of one.
    pub(crate) fn ends_a_message(&self) -> bool {
        match self {
            Self::Text(_) | Self::Binary(_) | Self::Sent(_) => true,
            Self::TextPart { is_last, .. } | Self::BinaryPart { is_last, .. } => *is_last,
            _ => false,
        }
    }

    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) | Self::TextPart { text, .. } => Some(text.as_bytes()),
            Self::Binary(bytes) | Self::BinaryPart { bytes, .. } | Self::Pong(bytes) => Some(bytes),
            Self::Sent(sent) => sent.event.payload(),
            Self::Opened
            | Self::Stomp(_)
            | Self::Dropped(_)
            | Self::Closed(_)
            | Self::Failed(_) => None,
        }
    }

    /// How many handlers may run beside each other for it.
    pub(crate) fn concurrency(&self) -> u16 {
        match self {
            Self::Sent(sent) => sent.about.concurrency,
            _ => 1,
        }
    }

    /// What it counts for in a session's queue of messages that wait for a handler.
    pub(crate) fn bytes(&self) -> usize {
        self.payload().map_or(0, <[u8]>::len)
    }
}

/// An event of a session on its way to a callback: what extractors draw from, and what is handed
/// on by the code that [`Endpoint::around`](crate::Endpoint::around) puts around callbacks.
#[derive(Debug)]
pub struct Context {
    application: Arc<Application>,
    session: Session,
    event: Event,
    /// There if the message was sent to a destination of the application's.
    about: Option<Arc<About>>,
    /// An extractor has taken what the event carries.
    is_taken: bool,
}

impl Context {
    pub(crate) fn new(application: Arc<Application>, session: Session, event: Event) -> Self {
        Self {
            application,
            session,
            event,
            about: None,
            is_taken: false,
        }
    }

    /// For a message that was sent to a destination of the application's.
    pub(crate) fn of_sent(
        application: Arc<Application>,
        session: Session,
        event: Event,
        about: Arc<About>,
    ) -> Self {
        Self {
            about: Some(about),
            ..Self::new(application, session, event)
        }
    }

    /// The variables of the destination that the message was sent to, or of the endpoint's path.
    pub fn parameters(&self) -> &PathParameters {
        match &self.about {
            Some(about) if about.is_for_handlers() => &about.parameters,
            _ => self.session.path_parameters(),
        }
    }

    /// The destination that the message was sent to, where the client has named one.
    pub fn destination(&self) -> Option<&str> {
        let about = self.about.as_ref();
        about
            .map(|about| &*about.destination)
            .filter(|name| !name.is_empty())
    }

    /// The headers of the message, for protocols that have some.
    pub fn message_headers(&self) -> Headers {
        let about = self.about.as_ref();
        about.map(|about| about.headers.clone()).unwrap_or_default()
    }

    /// The application that the endpoint belongs to.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// The session that something happened to.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        let purpose = self.about.as_ref().map(|about| about.purpose);
        match (purpose, &self.event) {
            (Some(Purpose::Message), Event::Text(_) | Event::Binary(_)) => EventKind::Message,
            (Some(Purpose::Subscription), Event::Text(_)) => EventKind::Subscription,
            (_, event) => event.kind(),
        }
    }

    /// Whether the event is a message of a protocol that says what its body is: text or bytes then
    /// only tell what the client has called it.
    pub(crate) fn is_sent(&self) -> bool {
        self.about.is_some()
    }

    /// The bytes of the message, part or pong, where the event is one and no extractor has taken
    /// it yet. Those of a text are UTF-8.
    pub fn payload(&self) -> Option<&[u8]> {
        self.event.payload().filter(|_| !self.is_taken)
    }

    /// Takes the bytes that [`payload`](Self::payload) shows, without copying them. Extractors
    /// that come later find none; so take them only if nothing else can fail.
    pub fn take_payload(&mut self) -> Option<Bytes> {
        if self.is_taken {
            return None;
        }
        let taken = match &mut self.event {
            Event::Text(text) | Event::TextPart { text, .. } => Bytes::from(std::mem::take(text)),
            Event::Binary(bytes) | Event::BinaryPart { bytes, .. } | Event::Pong(bytes) => {
                std::mem::take(bytes)
            }
            Event::Sent(_)
            | Event::Stomp(_)
            | Event::Opened
            | Event::Dropped(_)
            | Event::Closed(_)
            | Event::Failed(_) => return None,
        };
        self.is_taken = true;
        Some(taken)
    }

    /// Whether a part is the last of its message; true for whole messages, `None` for everything
    /// that is not data.
    pub fn is_last_part(&self) -> Option<bool> {
        match self.event {
            Event::TextPart { is_last, .. } | Event::BinaryPart { is_last, .. } => Some(is_last),
            Event::Text(_) | Event::Binary(_) => Some(true),
            _ => None,
        }
    }

    /// How the session ended, where that is what happened.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.event {
            Event::Closed(ending) => Some(ending),
            Event::Stomp(event) => match &**event {
                StompEvent::Disconnected(ending) => Some(ending),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a callback failed with, where that is what happened and no extractor has taken it.
    pub fn failure(&self) -> Option<&HandlerError> {
        match &self.event {
            Event::Failed(error) => error.as_ref(),
            _ => None,
        }
    }

    /// The rejection for an extractor that does not find here what it needs.
    pub fn lacks(&self, wanted: &'static str) -> Rejection {
        let got = match self.is_taken {
            true => "an event whose payload another argument has taken",
            false => self.event.kind().name(),
        };
        Rejection::WrongEvent { wanted, got }
    }

    /// The whole message's bytes.
    pub(crate) fn message(&self) -> Option<&[u8]> {
        match self.event {
            Event::Text(_) | Event::Binary(_) => self.payload(),
            _ => None,
        }
    }

    /// What happened, for an extractor that takes it; `None` once one has.
    pub(crate) fn untaken(&mut self) -> Option<&mut Event> {
        (!self.is_taken).then_some(&mut self.event)
    }

    /// Notes that what the event carries has been taken.
    pub(crate) fn taken(&mut self) {
        self.is_taken = true;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::SocketAddr;

    use campanile_hub::{
        Attributes, Destination, Hub, NewSession, OutboxPolicy, PathParameters, Shard,
    };

    use super::*;
    use crate::driver::{Doors, WebSocketFormats};
    use crate::endpoint::Compression;
    use crate::handle::Handle;
    use crate::state::States;

    /// A session without a socket, and what it needs to stay open.
    pub(crate) struct Stage {
        pub(crate) session: Session,
        pub(crate) application: Arc<Application>,
        _shards: Vec<Shard>,
    }

    impl Stage {
        pub(crate) fn new() -> Self {
            Self::of(|_| {})
        }

        /// A session that is like this.
        pub(crate) fn of(change: impl FnOnce(&mut NewSession)) -> Self {
            let wakes: Vec<Arc<dyn Fn() + Send + Sync>> = vec![Arc::new(|| {})];
            let (hub, mut shards) = Hub::new(wakes).expect("a hub");
            let mut formats = WebSocketFormats::new(&hub, 1).expect("formats");
            let names: Arc<[Box<str>]> = Arc::new(["seat".into()]);
            let endpoints = Arc::new(crate::endpoints::Endpoints::none(&hub));
            let mut new = NewSession {
                endpoint: Destination::endpoint("/it/{seat}"),
                format: formats.of(Compression::Off).expect("a format").plain,
                outbox: OutboxPolicy::default(),
                timeouts: campanile_hub::Timeouts::default(),
                extensions: None,
                transport: campanile_hub::TransportKind::default(),
                is_secure: false,
                principal: None,
                path_parameters: PathParameters::new(names, vec!["7".to_owned()]),
                uri: "/it/7".into(),
                protocol: None,
                remote_address: SocketAddr::from(([127, 0, 0, 1], 1)),
                local_address: SocketAddr::from(([127, 0, 0, 1], 2)),
                attributes: Attributes::default(),
            };
            change(&mut new);
            let (_, session) = shards[0]
                .open(new, campanile_hub::Moment::default())
                .finished()
                .expect("a session");
            let mut states = States::default();
            states.set(3_u32);
            Self {
                session: Session::new(session, hub.clone()),
                application: Arc::new(Application::new(
                    Arc::new(states),
                    Handle::new(hub, endpoints, Doors::none()),
                )),
                _shards: shards,
            }
        }

        /// Something happens to the session.
        pub(crate) fn context(&self, event: Event) -> Context {
            Context::new(Arc::clone(&self.application), self.session.clone(), event)
        }
    }

    #[test]
    fn s196_a_payload_is_there_until_it_is_taken() {
        let stage = Stage::new();
        for (event, is_last) in [
            (Event::Text("hi".into()), Some(true)),
            (Event::Binary(Bytes::from_static(b"hi")), Some(true)),
            (
                Event::TextPart {
                    text: "hi".into(),
                    is_last: false,
                },
                Some(false),
            ),
            (Event::Pong(Bytes::from_static(b"hi")), None),
        ] {
            let mut context = stage.context(event);
            assert_eq!(context.payload(), Some(&b"hi"[..]));
            assert_eq!(context.is_last_part(), is_last);
            assert_eq!(context.take_payload().as_deref(), Some(&b"hi"[..]));
            assert_eq!(context.payload(), None);
            assert_eq!(context.take_payload(), None);
        }
        let mut context = stage.context(Event::Dropped(1));
        assert_eq!(context.take_payload(), None);
        assert_eq!(context.kind(), EventKind::Dropped);
    }
}
