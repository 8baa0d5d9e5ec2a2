//! SockJS over plain HTTP: sessions that live in one request after the other.
//!
//! The first request that receives opens a session as a handshake does: origin, interceptors and
//! login are asked. Later requests are asked for their origin, and must be whose the session is
//! (S53). For a session without a user that is the client's address. For one with a user the
//! interceptors are asked again, as for a handshake that opens nothing, since only they know who
//! somebody is; an endpoint that binds no sessions asks them once.

mod headers;
mod pages;
mod receive;
mod send;
mod session;
mod table;

use std::sync::Arc;

use axum::body::Body;
use campanile_hub::PathParameters;
use campanile_sockjs::{Records, Route, Transport};
use campanile_websocket::HandshakeRequest;
use http::{Method, Request, Response, StatusCode};
use tokio::sync::Notify;

use self::headers::{answer, not_allowed, of_session, preflight};
pub(crate) use self::pages::refuse_upgrade;
use self::receive::Source;
pub use self::send::SOCKJS_BODY_BYTES_MAX;
pub(crate) use self::send::body_bytes_max;
use self::session::{HttpSession, Owner};
pub(crate) use self::table::HttpSessions;
pub use self::table::SOCKJS_HTTP_SESSIONS_MAX;
use self::table::{Claim, Claimed, Found};
use super::below::Below;
use super::{SockJs, SockJsTransport};
use crate::app::Running;
use crate::driver::{self, clock, pipe_for_requests};
use crate::front::{Addresses, Place, Way, enter};
use crate::handshake::{Handshake, add_answer_headers, ask, refusal, tell};
use crate::mounted::Mounted;
use crate::problem::problem;
use crate::wire::Wire;

/// What is known of a request beside itself.
pub(crate) struct Circumstances<'a> {
    pub(crate) addresses: Addresses,
    /// Cuts the connection of a client that reads too slowly.
    pub(crate) cutter: Option<&'a Arc<Notify>>,
}

/// A request for a session.
struct Asked<'a> {
    running: &'a Running,
    mounted: &'a Mounted,
    options: &'a SockJs,
    transport: Transport,
    key: String,
    cutter: Option<&'a Arc<Notify>>,
    /// The connection's place among those of its listener.
    place: Option<Place>,
}

/// Answers a request below an endpoint's path that is no handshake of a WebSocket.
pub(crate) async fn serve(
    running: &Running,
    below: Below<'_>,
    request: Request<Body>,
    circumstances: Circumstances<'_>,
) -> Response<Body> {
    let Below {
        template,
        values,
        mounted,
        options,
        base,
        route,
    } = below;
    let Some(route) = route else {
        return no_session();
    };
    let (parts, body) = request.into_parts();
    let place = parts.extensions.get::<Place>().cloned();
    let Addresses {
        remote,
        local,
        is_secure,
    } = circumstances.addresses;
    let seen = mounted.proxies.see(remote, is_secure, &parts.headers);
    let parameters = PathParameters::new(Arc::clone(template.shared_names()), values);
    let attributes = mounted.rules.attributes.clone();
    let nothing = HandshakeRequest {
        accept: String::new(),
        protocols: Vec::new(),
        extensions: Vec::new(),
    };
    let mut handshake = Handshake::new(parts, nothing, seen, local).with(parameters, attributes);
    if let Err(refused) = mounted.rules.check_source(&handshake) {
        return refusal(&handshake, &refused);
    }
    let (session, transport) = match route {
        Route::Greeting => return pages::greeting(&handshake),
        Route::Info => return pages::information(&handshake, options),
        Route::Iframe => return pages::iframe(&handshake, options, &mounted.rules.origin),
        Route::RawWebsocket => return no_session(),
        Route::Session {
            session, transport, ..
        } => (session, transport),
    };
    if !is_there(options, transport) {
        return no_session();
    }
    let asked = Asked {
        running,
        mounted,
        options,
        transport,
        key: HttpSessions::key(base, session),
        cutter: circumstances.cutter,
        place,
    };
    let mut response = match handshake.method() {
        method if method.as_str() == transport.method() => {
            asked.exchange(&mut handshake, body).await
        }
        &Method::OPTIONS if transport.supports_cors() => preflight(options, transport.allow()),
        _ => not_allowed(transport.allow()),
    };
    of_session(&mut response, options, transport, &handshake);
    add_answer_headers(response.headers_mut(), &handshake);
    response
}

/// Whether an endpoint has this transport: those that send belong to those that receive.
fn is_there(options: &SockJs, transport: Transport) -> bool {
    use SockJsTransport::{EventSource, HtmlFile, Jsonp, WebSocket, Xhr, XhrStreaming};
    match transport {
        Transport::Websocket => options.has(WebSocket),
        Transport::XhrStreaming => options.has(XhrStreaming),
        Transport::Xhr => options.has(Xhr),
        Transport::Eventsource => options.has(EventSource),
        Transport::Htmlfile => options.has(HtmlFile),
        Transport::Jsonp | Transport::JsonpSend => options.has(Jsonp),
        Transport::XhrSend => [XhrStreaming, Xhr, EventSource, HtmlFile]
            .into_iter()
            .any(|one| options.has(one)),
    }
}

/// The name of a transport that receives, to those who ask a session.
fn kind_of(transport: Transport) -> SockJsTransport {
    match transport {
        Transport::XhrStreaming => SockJsTransport::XhrStreaming,
        Transport::Eventsource => SockJsTransport::EventSource,
        Transport::Htmlfile => SockJsTransport::HtmlFile,
        Transport::Jsonp | Transport::JsonpSend => SockJsTransport::Jsonp,
        Transport::Xhr | Transport::XhrSend => SockJsTransport::Xhr,
        Transport::Websocket => SockJsTransport::WebSocket,
    }
}

/// 404: there is nothing here, or nothing that this client may know of.
fn no_session() -> Response<Body> {
    let detail = "there is no such SockJS session here; open one with a transport that receives";
    problem(StatusCode::NOT_FOUND, detail)
}

impl Asked<'_> {
    /// Answers a request that receives or sends.
    async fn exchange(self, handshake: &mut Handshake, body: Body) -> Response<Body> {
        match self.transport.is_sender() {
            true => self.send(handshake, body).await,
            false => self.receive(handshake).await,
        }
    }

    async fn send(self, handshake: &mut Handshake, body: Body) -> Response<Body> {
        let found = self.running.sockjs.find(&self.key, clock::now());
        let Found::Session(session) = found else {
            return no_session();
        };
        if !self.belongs(&session, handshake).await {
            return no_session();
        }
        let bytes_max = body_bytes_max(self.mounted.message_bytes_max());
        send::send(
            &session,
            self.transport,
            handshake.headers(),
            body,
            bytes_max,
        )
        .await
    }

    async fn receive(self, handshake: &mut Handshake) -> Response<Body> {
        let records = match Records::new(self.transport, handshake.uri().query()) {
            Ok(records) => records,
            Err(error) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                let kind = "text/plain; charset=UTF-8";
                return answer(status, kind, Body::from(error.to_string()));
            }
        };
        let sessions = &self.running.sockjs;
        let attached = match sessions.claim(&self.key, clock::now()) {
            Claimed::New(claim) => match self.open(claim, handshake).await {
                Ok(session) => session.attach(self.cutter),
                Err(response) => return *response,
            },
            Claimed::Session(session) => {
                if !self.belongs(&session, handshake).await {
                    return no_session();
                }
                session.attach(self.cutter)
            }
            Claimed::Opening => session::Attached::Busy,
            Claimed::Full => {
                let detail = "full: no more SockJS sessions here; try again later";
                return problem(StatusCode::SERVICE_UNAVAILABLE, detail);
            }
        };
        let source = Source::from(attached);
        let carried = self.place.as_ref().map(Place::carry);
        match self.transport.is_polling() {
            true => receive::poll(self.transport, &records, source).await,
            false => {
                let bytes_max = self.options.stream_bytes_max;
                receive::stream(self.transport, records, source, bytes_max, carried)
            }
        }
    }

    /// Opens a session, if its client may come in.
    async fn open(
        &self,
        claim: Claim<'_>,
        handshake: &mut Handshake,
    ) -> Result<Arc<HttpSession>, Box<Response<Body>>> {
        let way = Way {
            wire: Wire::SockJsHttp,
            transport: kind_of(self.transport).kind(),
        };
        let opened = enter(self.running, self.mounted, handshake, way).await;
        let opened = opened.map_err(|refused| {
            let answer = problem(refused.status, &refused.detail);
            Box::new(answer)
        })?;
        let SockJs {
            disconnect_delay,
            messages_max,
            ..
        } = *self.options;
        let (transport, end) = pipe_for_requests(disconnect_delay, messages_max);
        let owner = Owner {
            user: handshake.user().map(Arc::from),
            address: handshake.remote_address().ip(),
        };
        let session = HttpSession::new(self.transport, owner, disconnect_delay, end);
        let session = Arc::new(session);
        opened.attach(driver::Transport::Pipe(transport));
        claim.fill(Arc::clone(&session));
        Ok(session)
    }

    /// Whether a request may have to do with a session (S53).
    async fn belongs(&self, session: &HttpSession, handshake: &mut Handshake) -> bool {
        if !self.options.bind_sessions {
            return true;
        }
        if !self.transport.continues(session.opened_by) {
            return false;
        }
        let Some(user) = &session.owner.user else {
            return session.owner.address == handshake.remote_address().ip();
        };
        let interceptors = &self.mounted.rules.interceptors;
        let (passed, outcome) = ask(interceptors, handshake).await;
        let told = match &outcome {
            Ok(()) => Ok(()),
            Err(refused) => Err(refused),
        };
        tell(&interceptors[..passed], handshake, told);
        outcome.is_ok() && handshake.user() == Some(&**user)
    }
}
