//! What the simulated sessions share with those of an application.

use std::sync::{Arc, PoisonError};

use campanile_hub::Hub;

use super::side::Errors;
use crate::stomp::handlers::{HandlerRoutes, Registered};
use crate::stomp::stages::Stages;
use crate::stomp::{Broker, StompFormats, StompRules, StompRuntime};
use crate::wire::Wire;

/// Clients may send wherever they like; `/app/a/{n}` repeats what it is sent at `/topic/a/{n}`.
pub(super) fn make(hub: &Hub, errors: &Errors) -> Arc<StompRuntime> {
    async fn repeat() {}
    let broker = Broker::new();
    let broker = ["/topic/**", "/queue/**", "/user/**"]
        .into_iter()
        .fold(broker, Broker::clients_may_send);
    let broker = broker.build().expect("a broker");
    let formats = StompFormats::new(hub, broker.users());
    formats.prepare(Wire::Bare).expect("room for formats");
    let registered = [Registered::new("/a/{n}".into(), repeat, false)];
    let handlers = HandlerRoutes::new(&registered, &[], None);
    let errors = Arc::clone(errors);
    let note = move |_: &crate::session::Session, error: &mut crate::stomp::StompError| {
        let mut all = errors.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(error.message().to_owned());
    };
    let stages = Stages {
        on_error: Some(Arc::new(note)),
        ..Stages::default()
    };
    Arc::new(StompRuntime {
        formats: Arc::new(formats),
        broker: Arc::new(broker),
        handlers: Arc::new(handlers.expect("a handler")),
        stages: Arc::new(stages),
        rules: StompRules::default(),
        on_error: None,
        counters: Arc::default(),
    })
}
