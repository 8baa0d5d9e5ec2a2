//! An application's endpoints, which may change while it runs.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use crate::around::Decorator;
use crate::build_error::BuildError;
use crate::driver::WebSocketFormats;
use crate::endpoint::Endpoint;
use crate::extract::{RequiredState, StateOwner};
use crate::front::TrustedProxies;
use crate::handler::Callback;
use crate::handshake::HandshakeInterceptor;
use crate::mounted::Mounted;
use crate::path::{PathTemplate, Routes};
use crate::state::States;
use crate::statistics::Counters;
use crate::stomp::{
    Brokering, HandlerRoutes, Registered, Stages, StompFormats, StompRules, StompRuntime,
};
use crate::wire::Wire;

/// What the endpoint of those who come over TCP is called, where others have a path.
const TCP_NAME: &str = "stomp+tcp";

/// What the application has for all its endpoints.
pub(crate) struct Common {
    pub(crate) states: Arc<States>,
    pub(crate) decorators: Vec<Decorator>,
    /// With the states that it needs.
    pub(crate) on_error: Option<(Callback, Vec<RequiredState>)>,
    pub(crate) interceptors: Vec<Arc<dyn HandshakeInterceptor>>,
    pub(crate) proxies: Arc<TrustedProxies>,
    pub(crate) broker: Arc<Brokering>,
    pub(crate) handlers: Vec<Registered>,
    pub(crate) stages: Arc<Stages>,
}

/// The endpoints on their paths. Handshakes read a version of the table that nobody changes;
/// whoever mounts an endpoint makes the next version.
pub(crate) struct Endpoints {
    common: Common,
    formats: Mutex<WebSocketFormats>,
    /// Made when the first endpoint needs it.
    stomp: Mutex<Option<StompRuntime>>,
    tcp: OnceLock<Arc<Mounted>>,
    routes: RwLock<Arc<Routes<Arc<Mounted>>>>,
    /// What happens to the sessions of all of them.
    counters: Arc<Counters>,
}

impl Endpoints {
    pub(crate) fn new(common: Common, mut formats: WebSocketFormats) -> Self {
        formats.name_users(common.broker.users());
        Self {
            common,
            formats: Mutex::new(formats),
            stomp: Mutex::default(),
            tcp: OnceLock::new(),
            routes: RwLock::default(),
            counters: Arc::default(),
        }
    }

    /// No endpoints, and nothing in common.
    #[cfg(test)]
    pub(crate) fn none(hub: &campanile_hub::Hub) -> Self {
        let proxies = TrustedProxies::new(&[], crate::front::ProxyHeaders::default());
        let common = Common {
            states: Arc::default(),
            decorators: Vec::new(),
            on_error: None,
            interceptors: Vec::new(),
            proxies: Arc::new(proxies.expect("no proxies")),
            broker: Arc::new(crate::Broker::new().build().expect("a broker")),
            handlers: Vec::new(),
            stages: Arc::default(),
        };
        Self::new(common, WebSocketFormats::new(hub, 1).expect("a format"))
    }

    /// The table as it is now.
    pub(crate) fn routes(&self) -> Arc<Routes<Arc<Mounted>>> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&routes)
    }

    /// Where it is counted what happens to their sessions.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Mounts an endpoint.
    pub(crate) fn mount(&self, path: &str, endpoint: Endpoint) -> Result<(), BuildError> {
        let of_path = |source| BuildError::Path {
            path: path.to_owned(),
            source,
        };
        let template = PathTemplate::parse(path).map_err(of_path)?;
        let mounted = self.make(path, endpoint)?;
        let mut current = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        // Copied only while a handshake reads it.
        Arc::make_mut(&mut *current)
            .insert(template, Arc::new(mounted))
            .map_err(of_path)
    }

    /// Makes the endpoint of those who come over TCP.
    pub(crate) fn mount_tcp(&self, endpoint: Endpoint) -> Result<(), BuildError> {
        let mounted = self.make(TCP_NAME, endpoint)?;
        // It is made once, with the application.
        self.tcp.get_or_init(|| Arc::new(mounted));
        Ok(())
    }

    /// The endpoint of those who come over TCP, if there is one.
    pub(crate) fn tcp(&self) -> Option<&Arc<Mounted>> {
        self.tcp.get()
    }

    fn make(&self, path: &str, mut endpoint: Endpoint) -> Result<Mounted, BuildError> {
        // Asked before it is given what the application has for all endpoints.
        let speaks = endpoint.callbacks.speak() || endpoint.speaks_stomp;
        self.complete(path, &mut endpoint)?;
        for (_, routed) in &mut endpoint.handshake.routed {
            self.complete(path, routed)?;
        }
        endpoint
            .handshake
            .check()
            .map_err(|source| BuildError::Rules {
                path: path.to_owned(),
                source,
            })?;
        let stomp = match endpoint.speaks_stomp {
            true => Some(self.stomp(path, &endpoint)?),
            false => None,
        };
        let mut formats = self.formats.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, proxies) = (&self.common.interceptors, &self.common.proxies);
        let mounted = Mounted::new(
            path,
            endpoint,
            speaks,
            &mut formats,
            first,
            proxies,
            stomp.as_ref(),
        )?;
        Ok(mounted)
    }

    /// What all STOMP sessions of an endpoint share.
    fn stomp(&self, path: &str, endpoint: &Endpoint) -> Result<Arc<StompRuntime>, BuildError> {
        for handler in &self.common.handlers {
            let who = format!("handler {} at endpoint {path}", handler.path);
            for required in &handler.required_states {
                let has = endpoint.callbacks.has_state(*required);
                if required.owner == StateOwner::Session && !has {
                    check_state(&self.common.states, &who, *required)?;
                }
            }
        }
        let mut stomp = self.stomp.lock().unwrap_or_else(PoisonError::into_inner);
        let common = match &*stomp {
            Some(common) => common.clone(),
            None => stomp.insert(self.common_stomp()?).clone(),
        };
        common.formats.prepare(endpoint.wire)?;
        if endpoint.sockjs.is_some() {
            common.formats.prepare(Wire::SockJsWebSocket)?;
            common.formats.prepare(Wire::SockJsHttp)?;
        }
        let rules = endpoint.stomp_rules.clone();
        Ok(Arc::new(StompRuntime { rules, ..common }))
    }

    /// What all STOMP sessions share.
    fn common_stomp(&self) -> Result<StompRuntime, BuildError> {
        let formats = self.formats.lock().unwrap_or_else(PoisonError::into_inner);
        let Common {
            decorators,
            on_error,
            ..
        } = &self.common;
        let on_error = on_error.as_ref().map(|(callback, _)| callback);
        let handlers = HandlerRoutes::new(&self.common.handlers, decorators, on_error)?;
        let broker = Arc::clone(&self.common.broker);
        Ok(StompRuntime {
            formats: Arc::new(StompFormats::new(formats.hub(), broker.users())),
            broker,
            handlers: Arc::new(handlers),
            stages: Arc::clone(&self.common.stages),
            rules: StompRules::default(),
            on_error: on_error.map(|one| Decorator::all(decorators, one.clone())),
            counters: Arc::clone(&self.counters),
        })
    }

    /// What names of destinations mean.
    pub(crate) fn broker(&self) -> &Brokering {
        &self.common.broker
    }

    /// Takes the endpoint with this template away. Answers whether there was one.
    pub(crate) fn unmount(&self, path: &str) -> bool {
        let mut current = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let kept = current.iter().filter(|(one, _)| one.as_str() != path);
        let mut routes = Routes::new();
        for (template, mounted) in kept {
            // They were in one table before, so none is like another.
            let _ = routes.insert(template.clone(), Arc::clone(mounted));
        }
        let was_there = routes.iter().len() < current.iter().len();
        *current = Arc::new(routes);
        was_there
    }

    /// Gives an endpoint what the application has for all, and checks that it lacks nothing.
    fn complete(&self, path: &str, endpoint: &mut Endpoint) -> Result<(), BuildError> {
        let Common {
            states,
            decorators,
            on_error,
            ..
        } = &self.common;
        if let (None, Some((callback, states))) = (&endpoint.callbacks.error, on_error) {
            endpoint.callbacks.error = Some(callback.clone());
            endpoint.required_states.extend(states);
        }
        endpoint.callbacks.decorate(decorators);
        endpoint.stomp_rules.decorate(decorators);
        for required in &endpoint.required_states {
            if !endpoint.callbacks.has_state(*required) {
                check_state(states, &format!("endpoint {path}"), *required)?;
            }
        }
        endpoint.callbacks.check().map_err(|source| {
            let path = path.to_owned();
            BuildError::Callbacks { path, source }
        })
    }
}

/// Whether the application has the state that somebody needs.
pub(crate) fn check_state(
    states: &States,
    who: &str,
    required: RequiredState,
) -> Result<(), BuildError> {
    let (who, name) = (who.to_owned(), required.name);
    match required.owner {
        StateOwner::Application if states.has(required.id) => Ok(()),
        StateOwner::Application => Err(BuildError::NoState { who, name }),
        StateOwner::Session => Err(BuildError::NoSessionState { who, name }),
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes();
        let templates = routes.iter().map(|(template, _)| template.as_str());
        f.debug_set().entries(templates).finish()
    }
}
