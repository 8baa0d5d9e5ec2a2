//! The demos: small systems that people know from other frameworks, each on its path.
//!
//! Their pages may come from a file or from another port, so they accept any Origin.

mod chat;
mod clock;
mod echo;
mod greetings;
mod notify;
mod protocol;
mod sockjs;

use campanile::{Builder, EventsEndpoint, OriginPolicy};

pub(crate) use self::protocol::Listening;

/// Mounts all demos, and `/events`, where any of their destinations can be listened to; one of the
/// demos connects to where this server is `listening`.
pub(crate) fn mount(builder: Builder, listening: Listening) -> Builder {
    let builder = chat::mount(builder);
    let builder = notify::mount(builder);
    let builder = clock::mount(builder);
    let builder = greetings::mount(builder);
    let builder = echo::mount(builder);
    let builder = sockjs::mount(builder);
    let events = EventsEndpoint::new().origins(OriginPolicy::Any);
    let builder = builder.events("/events", events);
    protocol::mount(builder, listening)
}
