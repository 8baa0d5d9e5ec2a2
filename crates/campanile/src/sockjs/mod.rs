//! SockJS: an endpoint that also serves clients whose way to it lets no WebSocket through.

mod format;
mod options;

pub(crate) use self::format::{
    SockJsFormat, append_begin, close, is_plain, message, not_text, ping, rest,
};
pub use self::options::{SockJs, SockJsTransport};
