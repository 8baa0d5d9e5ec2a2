//! The application: ready to run, and at work.

use std::fmt;
use std::sync::Arc;

use axum::Router;

use crate::builder::Builder;
use crate::driver::{self, Doors, Shards};
use crate::endpoints::Endpoints;
use crate::handle::Handle;
use crate::schedule::Schedule;
use crate::schedule::clock::Clock;
use crate::schedule::registry::{AtWork, Scheduled};
use crate::sockjs::HttpSessions;
use crate::state::Application;

/// An application that is ready to run: give it to [`serve`](crate::serve), or mount it into an
/// axum application with [`into_router`](Self::into_router).
pub struct Campanile {
    application: Arc<Application>,
    routes: Router,
    schedules: Vec<(Schedule, Scheduled)>,
    idle: driver::Idle,
}

impl Campanile {
    pub(crate) fn new(
        application: Arc<Application>,
        routes: Router,
        schedules: Vec<(Schedule, Scheduled)>,
        idle: driver::Idle,
    ) -> Self {
        Self {
            application,
            routes,
            schedules,
            idle,
        }
    }

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
        let running = Running::new(application, self.schedules, shards, clock);
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
        let running = Running::new(application, self.schedules, shards, clock);
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
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) shards: Shards,
    pub(crate) doors: Doors,
    pub(crate) hub: campanile_hub::Hub,
    /// Those of SockJS over plain HTTP.
    pub(crate) sockjs: HttpSessions,
    _schedules: AtWork,
}

impl Running {
    fn new(
        application: &Arc<Application>,
        schedules: Vec<(Schedule, Scheduled)>,
        shards: Shards,
        clock: Clock,
    ) -> Self {
        let handle = application.handle();
        Self {
            endpoints: Arc::clone(handle.endpoints()),
            shards,
            doors: handle.doors().clone(),
            hub: handle.hub().clone(),
            sockjs: HttpSessions::default(),
            _schedules: handle.schedules().start(application, clock, schedules),
        }
    }
}
