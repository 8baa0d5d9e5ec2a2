//! MESSAGE frames within messages of SockJS, where they stand escaped.
//!
//! The line end before what all subscribers share stands with that, and not behind what is one
//! subscriber's alone: so most subscriptions have ends of prefixes that are the same escaped.

use bytes::Bytes;
use campanile_sockjs::append_escaped;

use super::format::COMMAND;
use super::labels;
use crate::sockjs;
use crate::wire::Wire;

/// What the rest of a MESSAGE begins with. A close that takes its place begins otherwise.
const REST_BEGIN: &[u8] = b"\\n";

/// What all subscribers share of a MESSAGE; `rest` begins with the line end before it. The whole
/// close, if the message cannot be carried.
pub(super) fn rest(wire: Wire, rest: &[u8]) -> Bytes {
    sockjs::rest(wire, rest).unwrap_or_else(|| sockjs::not_text(wire))
}

/// What one subscriber alone gets of a MESSAGE, up to its last line end; nothing where the message
/// cannot be carried. `ack` and `more` are whole header lines.
pub(super) fn append_prefix(
    wire: Wire,
    out: &mut Vec<u8>,
    label: &str,
    ack: &str,
    more: &str,
    shared: &[u8],
) {
    if !shared.starts_with(REST_BEGIN) {
        return;
    }
    let command = str::from_utf8(COMMAND).unwrap_or_default();
    let lines = [command, labels::header(label), ack, more].concat();
    let lines = lines.strip_suffix('\n').unwrap_or(&lines);
    let mut escaped = Vec::with_capacity(lines.len() + 16);
    append_escaped(&mut escaped, lines);
    sockjs::append_begin(wire, out, escaped.len() + shared.len());
    out.extend_from_slice(&escaped);
}

/// What such a prefix ends with, where this header is its last line; `None` if it looks otherwise
/// escaped.
pub(super) fn prefix_end(header: &str) -> Option<&str> {
    header
        .strip_suffix('\n')
        .filter(|line| sockjs::is_plain(line))
}
