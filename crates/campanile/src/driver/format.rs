//! Publications as WebSocket frames.

use bytes::Bytes;
use campanile_hub::{Content, Format};
use campanile_websocket::{CloseCode, encode_binary, encode_close, encode_frame};
use campanile_websocket::{Opcode, encode_close_empty};

/// RFC 6455 frames without extensions: one frame a message.
#[derive(Debug)]
pub(crate) struct WebSocketFormat;

impl Format for WebSocketFormat {
    fn encode_content(&self, content: &Content) -> Bytes {
        match content {
            Content::Text(text) => encode_frame(Opcode::Text, text.as_bytes()),
            Content::Binary(bytes) => encode_binary(bytes),
        }
    }

    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        Some(match CloseCode::new(code) {
            Some(code) => encode_close(code, reason),
            // 1005 and 1006 are never sent (RFC 6455 7.4.1).
            None => encode_close_empty(),
        })
    }
}
