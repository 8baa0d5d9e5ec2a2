//! Puts an application together.

mod stomp;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::app::Campanile;
use crate::around::{Decorator, Next};
use crate::build_error::BuildError;
use crate::context::Context;
use crate::driver::{self, WebSocketFormats};
use crate::endpoint::{Endpoint, IntoEndpoint};
use crate::endpoints::{Common, Endpoints, check_state};
use crate::events::EventsEndpoint;
use crate::extract::{RequiredState, StateOwner};
use crate::front::{ProxyHeaders, TrustedProxies};
use crate::handle::Handle;
use crate::handler::{Callback, Handler, ScheduledFunction};
use crate::handshake::{BeforeHandshake, FunctionInterceptor, HandshakeInterceptor};
use crate::reply::IntoReply;
use crate::schedule::registry::{self, Scheduled};
use crate::schedule::{IntoSchedule, Schedule, ScheduleError};
use crate::state::{Application, States};
use crate::stomp::{Broker, Registered, Stages, StompEndpoint};

/// Puts an application together. Made by [`Campanile::builder`].
#[derive(Default)]
pub struct Builder {
    endpoints: Vec<(String, Endpoint)>,
    states: States,
    schedules: Vec<(Result<Schedule, ScheduleError>, Scheduled)>,
    required_states: Vec<(String, RequiredState)>,
    routes: Router,
    routes_with: Vec<Box<dyn FnOnce(Handle) -> Router + Send>>,
    shards: Option<usize>,
    batching_pause_max: Option<Duration>,
    decorators: Vec<Decorator>,
    /// With the states that it needs.
    on_error: Option<(Callback, Vec<RequiredState>)>,
    interceptors: Vec<Arc<dyn HandshakeInterceptor>>,
    trusted_proxies: Vec<String>,
    proxy_headers: ProxyHeaders,
    broker: Broker,
    handlers: Vec<Registered>,
    stages: Stages,
    stomp_tcp: Option<StompEndpoint>,
}

impl Builder {
    /// Mounts an endpoint on a path. Segments in braces are parameters: `/ws/{sid}`.
    #[must_use]
    pub fn endpoint(mut self, path: impl Into<String>, endpoint: impl IntoEndpoint) -> Self {
        self.endpoints.push((path.into(), endpoint.into_endpoint()));
        self
    }

    /// Mounts an endpoint on a path that web pages and programs listen to destinations by: over
    /// WebSocket, as server-sent events, as lines of JSON, by polling. What they may name, the
    /// [`broker`](Self::broker) says; what they get, whatever publishes there.
    #[must_use]
    pub fn events(self, path: impl Into<String>, endpoint: EventsEndpoint) -> Self {
        self.endpoint(path, endpoint)
    }

    /// Mounts an endpoint on several paths (S12). Each path is a destination of its own: what is
    /// published to one of them does not reach the sessions of the others.
    #[must_use]
    pub fn endpoints<P: Into<String>>(
        self,
        paths: impl IntoIterator<Item = P>,
        endpoint: impl IntoEndpoint,
    ) -> Self {
        let endpoint = endpoint.into_endpoint();
        paths.into_iter().fold(self, |builder, path| {
            builder.endpoint(path, endpoint.clone())
        })
    }

    /// Adds an interceptor around the handshakes of all endpoints, also of those that were mounted
    /// before this call. These are asked before the endpoints' own, and told the outcome after
    /// them (S7).
    #[must_use]
    pub fn intercept(mut self, interceptor: impl HandshakeInterceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Adds a function that is asked before the handshakes of all endpoints; see
    /// [`Endpoint::before_handshake`](crate::Endpoint::before_handshake).
    #[must_use]
    pub fn before_handshake<F>(self, function: F) -> Self
    where
        F: for<'a> BeforeHandshake<'a>,
    {
        self.intercept(FunctionInterceptor(function))
    }

    /// Names the proxies before this server, as addresses and networks: `"127.0.0.1"`,
    /// `"10.0.0.0/8"`, `"fd00::/8"`. There are none by default (S11).
    ///
    /// If a request comes from one of them, what it says in its headers counts for the client's
    /// address, whether it is secure, and the host: in the check of origins, in
    /// [`Handshake`](crate::Handshake) and in the session. The addresses in the header are walked
    /// from the right, where each proxy appends, to the first that is not named here: that is the
    /// client, and what it may have written itself is not looked at. A header that is malformed is
    /// ignored. So name the proxies alone and not a network with clients in it, and let nobody else
    /// reach this server from there.
    ///
    /// The headers are `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`; of those with several
    /// values the one counts that was written by the proxy next to the client, or the only one.
    /// [`proxy_headers`](Self::proxy_headers) chooses `Forwarded` instead. `X-Real-IP` is not read:
    /// it says nothing that the others do not, and not who has written it.
    ///
    /// A proxy must set every one of these headers, or take away those that it does not set, since
    /// clients can send them, too. In nginx:
    ///
    /// ```text
    /// # nginx would make an upgrade in HTTP/1.1 of one in HTTP/1.0.
    /// map $server_protocol $upgrade_of_http_1_1 {
    ///     default  "";
    ///     HTTP/1.1 $http_upgrade;
    /// }
    ///
    /// location / {
    ///     proxy_pass http://127.0.0.1:8080;
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Upgrade $upgrade_of_http_1_1;
    ///     proxy_set_header Connection $http_connection;
    ///     proxy_set_header Host $http_host;
    ///     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    ///     proxy_set_header X-Forwarded-Proto $scheme;
    ///     proxy_set_header X-Forwarded-Host "";
    ///     proxy_set_header X-Forwarded-Port "";
    ///     proxy_read_timeout 1h;
    /// }
    /// ```
    ///
    /// In HAProxy:
    ///
    /// ```text
    /// backend campanile
    ///     timeout tunnel 1h
    ///     option forwardfor
    ///     http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
    ///     http-request del-header X-Forwarded-Host
    ///     http-request del-header X-Forwarded-Port
    ///     server campanile 127.0.0.1:8080
    /// ```
    #[must_use]
    pub fn trusted_proxies<P: Into<String>>(
        mut self,
        networks: impl IntoIterator<Item = P>,
    ) -> Self {
        self.trusted_proxies
            .extend(networks.into_iter().map(Into::into));
        self
    }

    /// Which headers the [trusted proxies](Self::trusted_proxies) write. Only that kind is read.
    ///
    /// For [`ProxyHeaders::Forwarded`] the line of HAProxy, from 2.8 on, is
    /// `option forwarded proto host for for_port`.
    #[must_use]
    pub fn proxy_headers(mut self, headers: ProxyHeaders) -> Self {
        self.proxy_headers = headers;
        self
    }

    /// Gives state to handlers that ask for [`State<T>`](crate::State). One value for each type.
    #[must_use]
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.set(state);
        self
    }

    /// Called when a callback of an endpoint failed that has no
    /// [`on_error`](Endpoint::on_error) of its own. Where this is missing as well, the session is
    /// closed as the error says, else with 1011 (S23).
    ///
    /// It is also called when a handler of STOMP clients' messages failed whose
    /// [group](crate::Handlers::on_error) has none, or a callback for an event other than
    /// `on_connect` (S141). What it returns then goes to the sender's session, at
    /// `/user/queue/errors`, and the frame's receipt is given; if it fails, or is missing, the
    /// client gets an ERROR that tells what the error says to clients, and nothing else (S80, S142).
    #[must_use]
    pub fn on_error<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.on_error = Some((Callback::new(handler), H::required_states()));
        self
    }

    /// Puts code around all callbacks of all endpoints, outside of what an endpoint puts around
    /// its own: see [`Endpoint::around`]. It is also around the handlers of STOMP clients' messages
    /// and subscriptions and the callbacks for their events (S152); [`Context::kind`] tells which.
    #[must_use]
    pub fn around<F, Fut>(mut self, decorator: F) -> Self
    where
        F: Fn(Context, Next) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        self.decorators.push(Decorator::new(decorator));
        self
    }

    /// Calls a function again and again: `"0/5 * * * * ?"` is every five seconds, in the dialect
    /// of Spring's `@Scheduled`, in local time; text that begins with `quartz:` is in Quartz's.
    /// A [`Schedule`] says rates and delays, time zones, and what happens when a run takes long.
    #[must_use]
    pub fn schedule<A, F: ScheduledFunction<A>>(
        mut self,
        schedule: impl IntoSchedule,
        function: F,
    ) -> Self {
        let schedule = schedule.into_schedule();
        let who = schedule
            .as_ref()
            .map_or_else(|_| "schedule".into(), |it| format!("schedule {it}"));
        self.required_states.extend(
            F::required_states()
                .into_iter()
                .map(|one| (who.clone(), one)),
        );
        self.schedules
            .push((schedule, registry::scheduled(function)));
        self
    }

    /// Plain HTTP routes beside the endpoints. An endpoint's path comes first.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Plain HTTP routes that publish: `make` is given the application's handle when it is built.
    #[must_use]
    pub fn routes_with(mut self, make: impl FnOnce(Handle) -> Router + Send + 'static) -> Self {
        self.routes_with.push(Box::new(make));
        self
    }

    /// How many threads share the sessions; at least 1, at most
    /// [`SHARDS_MAX`](campanile_hub::SHARDS_MAX). The default is half the number of cores: the
    /// other half is for the kernel's part of sending, for handshakes and for your own tasks. More
    /// shards mean more cores for one broadcast, and smaller batches for each.
    #[must_use]
    pub fn shards(mut self, count: usize) -> Self {
        self.shards = Some(count);
        self
    }

    /// How long a busy shard may pause after it has written several publications together, so
    /// that the next ones can be written together, too. It pauses for an eighth of the time that
    /// the writing took, at most for this time; the default is 3 ms, and zero turns it off.
    #[must_use]
    pub fn batching_pause_max(mut self, at_most: Duration) -> Self {
        self.batching_pause_max = Some(at_most);
        self
    }

    /// Checks everything and makes the application. No thread is started yet.
    ///
    /// # Errors
    /// [`BuildError`] says which endpoint or schedule is at fault and what to do.
    pub fn build(self) -> Result<Campanile, BuildError> {
        for handler in &self.handlers {
            let who = format!("handler {}", handler.path);
            let required = handler.required_states.iter();
            // What sessions have, each endpoint is asked for.
            for required in required.filter(|one| one.owner == StateOwner::Application) {
                check_state(&self.states, &who, *required)?;
            }
        }
        for (who, required) in &self.required_states {
            check_state(&self.states, who, *required)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = self
            .shards
            .unwrap_or(cores / 2)
            .clamp(1, campanile_hub::SHARDS_MAX);
        let pause_max = self.batching_pause_max.unwrap_or(driver::PAUSE_MAX_DEFAULT);
        let (hub, idle) = driver::prepare(count, pause_max)?;
        self.broker.set_up(&hub)?;
        let states = Arc::new(self.states);
        let common = Common {
            states: Arc::clone(&states),
            decorators: self.decorators,
            on_error: self.on_error,
            interceptors: self.interceptors,
            proxies: Arc::new(TrustedProxies::new(
                &self.trusted_proxies,
                self.proxy_headers,
            )?),
            broker: Arc::new(self.broker.build()?),
            handlers: self.handlers,
            stages: Arc::new(self.stages),
        };
        let endpoints = Arc::new(Endpoints::new(common, WebSocketFormats::new(&hub, count)?));
        for (path, endpoint) in self.endpoints {
            endpoints.mount(&path, endpoint)?;
        }
        if let Some(endpoint) = self.stomp_tcp {
            endpoints.mount_tcp(endpoint.over_tcp())?;
        }
        let schedules = self
            .schedules
            .into_iter()
            .map(|(schedule, function)| Ok((schedule?, function)))
            .collect::<Result<Vec<_>, ScheduleError>>()?;
        registry::check_names(schedules.iter().map(|(schedule, _)| schedule))?;
        let handle = Handle::new(hub, endpoints, idle.doors());
        let routes = self
            .routes_with
            .into_iter()
            .fold(self.routes, |routes, make| {
                routes.merge(make(handle.clone()))
            });
        let application = Arc::new(Application::new(states, handle));
        Ok(Campanile::new(application, routes, schedules, idle))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("endpoints", &self.endpoints.len())
            .finish_non_exhaustive()
    }
}
