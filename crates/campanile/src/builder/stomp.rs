//! What an application does with STOMP.

use std::sync::Arc;

use campanile_hub::Delivery;

use super::Builder;
use crate::context::Replies;
use crate::handler::Handler;
use crate::session::Session;
use crate::stomp::{
    Broker, Handlers, InboundFrame, OutboundMessage, Passage, Registered, StompEndpoint, StompError,
};

/// # STOMP
impl Builder {
    /// Mounts an endpoint that speaks STOMP on a path. All of them share one space of destinations,
    /// with everything that is published from elsewhere; see [`broker`](Self::broker).
    #[must_use]
    pub fn stomp(self, path: impl Into<String>, endpoint: StompEndpoint) -> Self {
        self.endpoint(path, endpoint)
    }

    /// Lets STOMP clients come over TCP, too, without WebSocket: to the listeners that are given to
    /// [`Serve::stomp_on`](crate::Serve::stomp_on). They share destinations, limits and deadlines
    /// with those of [`stomp`](Self::stomp).
    ///
    /// Interceptors of handshakes, the application's and the endpoint's, are asked about each
    /// connection: it is a `GET` of `stomp://ADDRESS:PORT/` without headers (`stomps:` under TLS),
    /// with the client's certificate if there is one. Who is refused gets an ERROR. Origins mean
    /// nothing here, since pages cannot open such connections. A session that ends for a reason gets
    /// an ERROR with the reason's word as its `message`: `leaving` when the server shuts down.
    #[must_use]
    pub fn stomp_tcp(mut self, endpoint: StompEndpoint) -> Self {
        self.stomp_tcp = Some(endpoint);
        self
    }

    /// What STOMP clients may name: topics under `/topic`, unless this says otherwise.
    #[must_use]
    pub fn broker(mut self, broker: Broker) -> Self {
        self.broker = broker;
        self
    }

    /// Handles what STOMP clients send to a destination of the application's: `/hello` here is
    /// `/app/hello` to them; `{name}` is a variable, which [`Path`](crate::Path) extracts (S128).
    /// The message's body is what [`Text`](crate::Text), [`Binary`](crate::Binary) and
    /// [`Json`](crate::Json) extract. What the handler returns is published at the same path under
    /// `/topic` (S134), unless [`send_to`](Self::send_to) or [`send_to_user`](Self::send_to_user)
    /// follows.
    #[must_use]
    pub fn message<A, H: Handler<A>>(mut self, path: impl Into<String>, handler: H) -> Self {
        self.handlers
            .push(Registered::new(path.into(), handler, false));
        self
    }

    /// Answers subscriptions to a destination of the application's, once, to that subscription alone
    /// (S129, S138): for a first state, say.
    #[must_use]
    pub fn subscription<A, H: Handler<A>>(mut self, path: impl Into<String>, handler: H) -> Self {
        self.handlers
            .push(Registered::new(path.into(), handler, true));
        self
    }

    /// Where the replies of the last [`message`](Self::message) or
    /// [`subscription`](Self::subscription) go to; `{name}` stands for a variable of its path
    /// (S135). May be called several times.
    #[must_use]
    pub fn send_to(mut self, destination: impl Into<String>) -> Self {
        if let Some(last) = self.handlers.last_mut() {
            Replies::also(&mut last.replies, destination.into());
        }
        self
    }

    /// Lets the replies of the last [`message`](Self::message) go to the sender's own
    /// `/user/queue/…` (S136): to all sessions of that user, or to the one session of a client who
    /// is nobody.
    #[must_use]
    pub fn send_to_user(mut self, name: impl Into<String>) -> Self {
        if let Some(last) = self.handlers.last_mut() {
            last.replies = Some(Replies::User(name.into().into()));
        }
        self
    }

    /// How many calls of the last [`message`](Self::message)'s handler may run beside each other
    /// for one session; one after the other by default, in the order in which they were sent.
    #[must_use]
    pub fn concurrent(mut self, calls: u16) -> Self {
        if let Some(last) = self.handlers.last_mut() {
            last.concurrency = calls.max(1);
        }
        self
    }

    /// Lets the replies of the last [`message`](Self::message) go to the sender's own
    /// `/user/queue/…` as [`send_to_user`](Self::send_to_user) does, but to the session alone that
    /// has sent the message (S136).
    #[must_use]
    pub fn send_to_session(mut self, name: impl Into<String>) -> Self {
        if let Some(last) = self.handlers.last_mut() {
            last.replies = Some(Replies::Session(name.into().into()));
        }
        self
    }

    /// Adds handlers that belong together (S137).
    #[must_use]
    pub fn handlers(mut self, group: Handlers) -> Self {
        self.handlers.extend(group.into_registered());
        self
    }

    /// Adds an interceptor of the frames that connected STOMP clients send (S151). It is asked
    /// before a frame takes effect: it may look at it, change its headers and body, drop it
    /// silently, or refuse it. Of several the first one added is asked first, and sees what the
    /// client has sent. CONNECT is for [`StompEndpoint::on_connect`].
    ///
    /// It runs on the session's thread: it must be quick and must not block. What waits for
    /// something belongs into a handler. If it panics, the frame is refused as `handler-failed`. A
    /// DISCONNECT that it drops has no effect; when the socket goes, the session ends nevertheless
    /// (S153).
    ///
    /// ```
    /// use campanile::{Campanile, InboundFrame, Passage, Session, StompEndpoint};
    ///
    /// fn only_ada_speaks(session: &Session, frame: &mut InboundFrame) -> Passage {
    ///     match (frame.command(), session.user()) {
    ///         ("SEND", Some("ada")) => frame.set_header("from", "ada"),
    ///         ("SEND", _) => return Passage::refuse("silence", "only ada may speak"),
    ///         _ => {}
    ///     }
    ///     Passage::Pass
    /// }
    ///
    /// let app = Campanile::builder()
    ///     .stomp("/stomp", StompEndpoint::new())
    ///     .inbound(only_ada_speaks)
    ///     .build()?;
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    #[must_use]
    pub fn inbound<P: Into<Passage>>(
        mut self,
        interceptor: impl Fn(&Session, &mut InboundFrame) -> P + Send + Sync + 'static,
    ) -> Self {
        self.stages.inbound.push(Arc::new(move |session, frame| {
            interceptor(session, frame).into()
        }));
        self
    }

    /// Adds an interceptor of what each STOMP subscription receives (S148): it may let a MESSAGE
    /// pass, drop it, or put another one in its place, for this receiver alone. Of several the first
    /// one added is asked first, and the others see what it has put there.
    ///
    /// It is asked for each subscription of each publication, on the session's thread: it must be
    /// quick and must not block. Where there is none, none of this costs anything. If it panics, the
    /// message is dropped for this receiver.
    ///
    /// ```
    /// use campanile::{Campanile, Delivery, OutboundMessage, Session, StompEndpoint};
    ///
    /// fn not_for_guests(session: &Session, message: &OutboundMessage<'_>) -> Delivery {
    ///     match message.headers().get("members-only") {
    ///         Some(_) if session.user().is_none() => Delivery::Dropped,
    ///         _ => Delivery::AsItIs,
    ///     }
    /// }
    ///
    /// let app = Campanile::builder()
    ///     .stomp("/stomp", StompEndpoint::new())
    ///     .outbound(not_for_guests)
    ///     .build()?;
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    #[must_use]
    pub fn outbound(
        mut self,
        interceptor: impl Fn(&Session, &OutboundMessage<'_>) -> Delivery + Send + Sync + 'static,
    ) -> Self {
        self.stages.outbound.push(Arc::new(interceptor));
        self
    }

    /// Called before an ERROR is sent to a STOMP client (S74): it may change what is said, send
    /// nothing, and say whether the session goes on. Given twice, the second counts. It runs on the
    /// session's thread and must not block; if it panics, the ERROR is sent as it was.
    #[must_use]
    pub fn on_stomp_error(
        mut self,
        function: impl Fn(&Session, &mut StompError) + Send + Sync + 'static,
    ) -> Self {
        self.stages.on_error = Some(Arc::new(function));
        self
    }
}
