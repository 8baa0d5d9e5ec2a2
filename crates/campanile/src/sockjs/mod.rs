//! SockJS: an endpoint that also serves clients whose way to it lets no WebSocket through.

mod below;
mod format;
mod http;
mod options;

pub(crate) use self::below::{Below, below};
pub(crate) use self::format::{
    SockJsFormat, append_begin, close, is_plain, message, not_text, ping, rest,
};
pub(crate) use self::http::{Circumstances, HttpSessions, body_bytes_max, refuse_upgrade, serve};
pub use self::http::{SOCKJS_BODY_BYTES_MAX, SOCKJS_HTTP_SESSIONS_MAX};
pub use self::options::{SockJs, SockJsTransport};
