//! The opening handshake of RFC 6455 4.2.2, without any of its checks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// RFC 6455 1.3.
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Where a request's head ends, if it has ended.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|start| start + 4)
}

/// The path that is asked for, without its query, and the answer.
pub(crate) fn answer(head: &str) -> Option<(&str, String)> {
    let (request, headers) = head.split_once("\r\n")?;
    let target = request.split(' ').nth(1)?;
    let path = target.split('?').next()?;
    let key = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value.trim())
    })?;
    let accept = STANDARD.encode(Sha1::digest(format!("{key}{KEY_SUFFIX}")));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Some((path, answer))
}
