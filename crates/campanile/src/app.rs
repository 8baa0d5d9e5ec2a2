//! The application: endpoints, routes, state and schedules, put together by a builder.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use campanile_hub::TooManyFormats;

use crate::around::{Decorator, Next};
use crate::callbacks::WholeAndInParts;
use crate::context::Context;
use crate::driver::{self, EndpointFormats, EndpointRuntime, Shards, WebSocketFormats};
use crate::endpoint::{Endpoint, IntoEndpoint};
use crate::extract::{RequiredState, StateOwner};
use crate::handle::Handle;
use crate::handler::{Callback, Handler, ScheduledFunction};
use crate::path::{PathTemplate, Routes, TemplateError};
use crate::reply::IntoReply;
use crate::schedule::clock::Clock;
use crate::schedule::registry::{self, AtWork, Scheduled};
use crate::schedule::{IntoSchedule, Schedule, ScheduleError};
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
    /// A schedule's expression is not understood, or its name is taken.
    #[error("schedule: {0}")]
    Schedule(#[from] ScheduleError),
    /// A handler asks for state that the builder was not given.
    #[error("{who} needs `State<{name}>`: give it to the builder with `.state(…)`")]
    NoState {
        /// The endpoint or schedule.
        who: String,
        /// The type's name.
        name: &'static str,
    },
    /// A handler asks for a session's state that its endpoint does not make.
    #[error("{who} needs `SessionState<{name}>`: let it make one with `.session_state(…)`")]
    NoSessionState {
        /// The endpoint.
        who: String,
        /// The type's name.
        name: &'static str,
    },
    /// An endpoint has callbacks for whole messages and for parts of them.
    #[error("endpoint {path}: {source}")]
    Callbacks {
        /// Its template as it was given.
        path: String,
        /// Which callbacks.
        source: WholeAndInParts,
    },
    /// The shards could not be made.
    #[error(transparent)]
    Shards(#[from] driver::PrepareError),
    /// Too many wire formats: endpoints with more than four different settings of
    /// [`Endpoint::compression`](crate::Endpoint::compression).
    #[error(transparent)]
    Formats(#[from] TooManyFormats),
}

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
}

impl Builder {
    /// Mounts an endpoint on a path. Segments in braces are parameters: `/ws/{sid}`.
    #[must_use]
    pub fn endpoint(mut self, path: impl Into<String>, endpoint: impl IntoEndpoint) -> Self {
        self.endpoints.push((path.into(), endpoint.into_endpoint()));
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
    #[must_use]
    pub fn on_error<A, H: Handler<A>>(mut self, handler: H) -> Self {
        self.on_error = Some((Callback::new(handler), H::required_states()));
        self
    }

    /// Puts code around all callbacks of all endpoints, outside of what an endpoint puts around
    /// its own: see [`Endpoint::around`].
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
    pub fn build(mut self) -> Result<Campanile, BuildError> {
        self.complete_callbacks();
        for (path, endpoint) in &self.endpoints {
            for required in &endpoint.required_states {
                if !endpoint.callbacks.has_state(*required) {
                    self.check_state(&format!("endpoint {path}"), *required)?;
                }
            }
            endpoint.callbacks.check().map_err(|source| {
                let path = path.clone();
                BuildError::Callbacks { path, source }
            })?;
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
        let mut endpoints = Routes::new();
        for (path, endpoint) in self.endpoints {
            let formats = formats.of(endpoint.compression)?;
            let mounted = Mounted::new(&path, endpoint, formats);
            PathTemplate::parse(&path)
                .and_then(|template| endpoints.insert(template, mounted))
                .map_err(|source| BuildError::Path { path, source })?;
        }
        let schedules = self
            .schedules
            .into_iter()
            .map(|(schedule, function)| Ok((schedule?, function)))
            .collect::<Result<Vec<_>, ScheduleError>>()?;
        registry::check_names(schedules.iter().map(|(schedule, _)| schedule))?;
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

    /// Gives endpoints what the application has for all of them.
    fn complete_callbacks(&mut self) {
        for (_, endpoint) in &mut self.endpoints {
            if let (None, Some((callback, states))) = (&endpoint.callbacks.error, &self.on_error) {
                endpoint.callbacks.error = Some(callback.clone());
                endpoint.required_states.extend(states);
            }
            endpoint.callbacks.decorate(&self.decorators);
        }
    }

    fn check_state(&self, who: &str, required: RequiredState) -> Result<(), BuildError> {
        let (who, name) = (who.to_owned(), required.name);
        match required.owner {
            StateOwner::Application if self.states.has(required.id) => Ok(()),
            StateOwner::Application => Err(BuildError::NoState { who, name }),
            StateOwner::Session => Err(BuildError::NoSessionState { who, name }),
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

/// An endpoint on its path.
pub(crate) struct Mounted {
    pub(crate) endpoint: Endpoint,
    pub(crate) runtime: Arc<EndpointRuntime>,
    /// The path template, which names the endpoint's implicit destination.
    pub(crate) name: Arc<str>,
    pub(crate) formats: EndpointFormats,
}

impl Mounted {
    fn new(path: &str, endpoint: Endpoint, formats: EndpointFormats) -> Self {
        let runtime = Arc::new(EndpointRuntime::new(&endpoint));
        Self {
            endpoint,
            runtime,
            name: path.into(),
            formats,
        }
    }
}

/// An application that is ready to run: give it to [`serve`](crate::serve), or mount it into an
/// axum application with [`into_router`](Self::into_router).
pub struct Campanile {
    application: Arc<Application>,
    endpoints: Routes<Mounted>,
    routes: Router,
    schedules: Vec<(Schedule, Scheduled)>,
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
        self.start_by(Clock::system())
    }

    /// As [`start`](Self::start), with schedules that go by another clock.
    pub(crate) fn start_by(self, clock: Clock) -> std::io::Result<(Running, Router)> {
        let shards = Shards::start(self.idle, &self.application)?;
        let application = &self.application;
        let running = Running::new(application, self.endpoints, self.schedules, shards, clock);
        Ok((running, self.routes))
    }

    /// Starts everything in this thread, to be driven by hand, with schedules that go by another
    /// clock. Must be called within a tokio runtime.
    #[cfg(feature = "test-kit")]
    pub(crate) fn start_in_memory(
        self,
        local: &std::rc::Rc<tokio::task::LocalSet>,
        clock: Clock,
    ) -> (Running, Router, Vec<driver::MemoryShard>) {
        let (shards, by_hand) = Shards::in_memory(self.idle, &self.application, local);
        let application = &self.application;
        let running = Running::new(application, self.endpoints, self.schedules, shards, clock);
        (running, self.routes, by_hand)
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
    _schedules: AtWork,
}

impl Running {
    fn new(
        application: &Arc<Application>,
        endpoints: Routes<Mounted>,
        schedules: Vec<(Schedule, Scheduled)>,
        shards: Shards,
        clock: Clock,
    ) -> Self {
        let handle = application.handle();
        Self {
            endpoints,
            shards,
            hub: handle.hub().clone(),
            _schedules: handle.schedules().start(application, clock, schedules),
        }
    }
}
