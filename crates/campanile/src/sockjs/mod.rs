//! SockJS: an endpoint that also serves clients whose way to it lets no WebSocket through.

mod options;

pub use self::options::{SockJs, SockJsTransport};
