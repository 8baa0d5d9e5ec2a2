//! `/echo`: text and binary come back as they are. Its limits are those that test suites need.

use campanile::{Binary, Builder, Endpoint, OriginPolicy, Text};

/// Autobahn sends messages of 16 MiB; some leave room for more.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Autobahn sends one message of 4 MiB in 65,536 frames.
const FRAGMENTS_MAX: usize = 131_072;

pub(super) fn mount(builder: Builder) -> Builder {
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .message_bytes_max(MESSAGE_BYTES_MAX)
        .fragments_max(FRAGMENTS_MAX)
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes);
    builder.endpoint("/echo", endpoint)
}
