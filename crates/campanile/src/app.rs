//! The application: endpoints, routes, state and schedules, put together by a builder.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use campanile_hub::TooManyFormats;
use tokio::task::JoinSet;

use crate::driver::{self, Shards, WebSocketFormats};
use crate::endpoint::{Endpoint, IntoEndpoint};
use crate::extract::RequiredState;
use crate::front::{ProxyHeaders, TrustedProxies, TrustedProxyError};
use crate::handle::Handle;
use crate::handler::ScheduledFunction;
use crate::handshake::{BeforeHandshake, FunctionInterceptor, HandshakeInterceptor, RuleError};
use crate::mounted::Mounted;
use crate::path::{PathTemplate, Routes, TemplateError};
use crate::schedule::{IntoTrigger, Trigger, TriggerError, runner};
use crate::state::{Application, States};

/// Why an application cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A path template is malformed, or two endpoints would have the same URLs.
    #[error("endpoint {path}: {source}")]
    Path {
        /// The template as it was given.
        path: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// An endpoint's rules for the handshake cannot be kept.
    #[error("endpoint {path}: {source}")]
    Rules {
        /// The template of the endpoint's path.
        path: String,
        /// What is wrong with them.
        source: RuleError,
    },
    /// An entry of the trusted proxies is malformed.
    #[error("trusted proxies: {0}")]
    TrustedProxy(#[from] TrustedProxyError),
    /// A schedule's expression is not understood.
    #[error("schedule: {0}")]
    Schedule(#[from] TriggerError),
    /// A handler asks for state that the builder was not given.
    #[error("{who} needs `State<{name}>`: give it to the builder with `.state(…)`")]
    NoState {
        /// The endpoint or schedule.
        who: String,
        /// The type's name.
        name: &'static str,
    },
    /// The shards could not be made.
    #[error(transparent)]
    Shards(#[from] driver::PrepareError),
    /// Too many wire formats: endpoints with more than four different settings of
    /// [`Endpoint::compression`](crate::Endpoint::compression).
    #[error(transparent)]
    Formats(#[from] TooManyFormats),
}

type Scheduled =
    Box<dyn Fn(Arc<Application>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Puts an application together. Made by [`Campanile::builder`].
#[derive(Default)]
pub struct Builder {
    endpoints: Vec<(String, Endpoint)>,
    states: States,
    schedules: Vec<(Result<Trigger, TriggerError>, Scheduled)>,
    required_states: Vec<(String, RequiredState)>,
    routes: Router,
    routes_with: Vec<Box<dyn FnOnce(Handle) -> Router + Send>>,
    shards: Option<usize>,
    batching_pause_max: Option<Duration>,
    interceptors: Vec<Arc<dyn HandshakeInterceptor>>,
    trusted_proxies: Vec<String>,
    proxy_headers: ProxyHeaders,
}

impl Builder {
    /// Mounts an endpoint on a path. Segments in braces are parameters: `/ws/{sid}`.
    #[must_use]
    pub fn endpoint(mut self, path: impl Into<String>, endpoint: impl IntoEndpoint) -> Self {
        self.endpoints.push((path.into(), endpoint.into_endpoint()));
        self
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
    /// location / {
    ///     proxy_pass http://127.0.0.1:8080;
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Upgrade $http_upgrade;
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

    /// Calls a function again and again: `"0/5 * * * * ?"` is every five seconds, in the dialect
    /// of Spring's `@Scheduled`, in local time; a [`Trigger`] says rates and delays.
    #[must_use]
    pub fn schedule<A, F: ScheduledFunction<A>>(
        mut self,
        trigger: impl IntoTrigger,
        function: F,
    ) -> Self {
        let trigger = trigger.into_trigger();
        let who = trigger
            .as_ref()
            .map_or_else(|_| "schedule".into(), |it| format!("schedule {it}"));
        self.required_states.extend(
            F::required_states()
                .into_iter()
                .map(|one| (who.clone(), one)),
        );
        let function = Arc::new(function);
        let call: Scheduled = Box::new(move |application| {
            let running = function.call(&application);
            Box::pin(async move {
                if let Err(error) = running.await {
                    tracing::error!(%error, "a scheduled function failed");
                }
            })
        });
        self.schedules.push((trigger, call));
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
        for (path, endpoint) in &self.endpoints {
            for required in &endpoint.required_states {
                self.check_state(&format!("endpoint {path}"), *required)?;
            }
        }
        for (who, required) in &self.required_states {
            self.check_state(who, *required)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = self
            .shards
            .unwrap_or(cores / 2)
            .clamp(1, campanile_hub::SHARDS_MAX);
        let pause_max = self.batching_pause_max.unwrap_or(driver::PAUSE_MAX_DEFAULT);
        let (hub, idle) = driver::prepare(count, pause_max)?;
        let mut formats = WebSocketFormats::new(&hub, count)?;
        let proxies = TrustedProxies::new(&self.trusted_proxies, self.proxy_headers)?;
        let proxies = Arc::new(proxies);
        let mut endpoints = Routes::new();
        for (path, endpoint) in self.endpoints {
            if let Err(source) = endpoint.handshake.check() {
                return Err(BuildError::Rules { path, source });
            }
            let first = &self.interceptors;
            let mounted = Mounted::new(&path, endpoint, &mut formats, first, &proxies)?;
            PathTemplate::parse(&path)
                .and_then(|template| endpoints.insert(template, mounted))
                .map_err(|source| BuildError::Path { path, source })?;
        }
        let schedules = self
            .schedules
            .into_iter()
            .map(|(trigger, call)| Ok((trigger?, call)))
            .collect::<Result<_, TriggerError>>()?;
        let handle = Handle::new(hub);
        let routes = self
            .routes_with
            .into_iter()
            .fold(self.routes, |routes, make| {
                routes.merge(make(handle.clone()))
            });
        Ok(Campanile {
            application: Arc::new(Application::new(self.states, handle)),
            endpoints,
            routes,
            schedules,
            idle,
        })
    }

    fn check_state(&self, who: &str, required: RequiredState) -> Result<(), BuildError> {
        if self.states.has(required.id) {
            Ok(())
        } else {
            Err(BuildError::NoState {
                who: who.to_owned(),
                name: required.name,
            })
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("endpoints", &self.endpoints.len())
            .finish_non_exhaustive()
    }
}

/// An application that is ready to run: give it to [`serve`](crate::serve), or mount it into an
/// axum application with [`into_router`](Self::into_router).
pub struct Campanile {
    application: Arc<Application>,
    endpoints: Routes<Mounted>,
    routes: Router,
    schedules: Vec<(Trigger, Scheduled)>,
    idle: driver::Idle,
}

impl Campanile {
    /// Begins an application.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The handle to publish with; it works from now on, also before the application is served.
    pub fn handle(&self) -> Handle {
        self.application.handle().clone()
    }

    /// Starts the shards' threads and the schedules. Must be called within a tokio runtime.
    pub(crate) fn start(self) -> std::io::Result<(Running, Router)> {
        let shards = Shards::start(self.idle, &self.application)?;
        let mut schedules = JoinSet::new();
        for (trigger, call) in self.schedules {
            let application = Arc::clone(&self.application);
            schedules.spawn(runner::run(trigger, move || call(Arc::clone(&application))));
        }
        let running = Running {
            endpoints: self.endpoints,
            shards,
            hub: self.application.handle().hub().clone(),
            _schedules: schedules,
        };
        Ok((running, self.routes))
    }
}

impl fmt::Debug for Campanile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campanile").finish_non_exhaustive()
    }
}

/// An application at work. Its threads and schedules end when it is dropped.
pub(crate) struct Running {
    pub(crate) endpoints: Routes<Mounted>,
    pub(crate) shards: Shards,
    pub(crate) hub: campanile_hub::Hub,
    _schedules: JoinSet<()>,
}
