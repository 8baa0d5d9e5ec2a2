//! SockJS: an endpoint that also serves clients whose way to it lets no WebSocket through.

mod below;
mod options;

pub(crate) use self::below::{Below, below};
pub use self::options::{SockJs, SockJsTransport};
