//! `/echo`: text and binary come back as they are. Its limits are those that test suites need.

use campanile::{Binary, Builder, Endpoint, OriginPolicy, SockJs, Text};

/// Autobahn sends messages of 16 MiB; some leave room for more. Over plain HTTP a request may have
/// less: see [`campanile::SOCKJS_BODY_BYTES_MAX`].
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Autobahn sends one message of 4 MiB in 65,536 frames.
const FRAGMENTS_MAX: usize = 131_072;

/// SockJS's own tests want streams that end soon.
pub(super) const STREAM_BYTES_MAX: usize = 4_096;

pub(super) fn mount(builder: Builder) -> Builder {
    let sockjs = SockJs::new().stream_bytes_max(STREAM_BYTES_MAX).jsonp(true);
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .message_bytes_max(MESSAGE_BYTES_MAX)
        .fragments_max(FRAGMENTS_MAX)
        .sockjs(sockjs)
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes);
    builder.endpoint("/echo", endpoint)
}
