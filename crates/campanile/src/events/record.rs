//! Publications and what else is told of, as JSON.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use campanile_hub::{Begun, Cursor, Headers, Moment, Publication};

use crate::driver::clock;
use crate::stomp::name_of;

/// The header that has a field of its own.
const CONTENT_TYPE: &str = "content-type";

/// How far the two clocks may drift apart before they are put together again. Until then one
/// publication has the same time in whichever way it is told of.
const DRIFT_MILLIS_MAX: u64 = 50;

/// What the time of day is at a moment of the driver's clock.
#[derive(Debug, Default)]
pub(super) struct Wall {
    /// What is to be added, in milliseconds.
    offset: AtomicI64,
}

impl Wall {
    /// A moment in milliseconds since 1970.
    fn at(&self, moment: Moment) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
        let offset = now - millis(clock::now());
        let known = self.offset.load(Ordering::Relaxed);
        let offset = if known.abs_diff(offset) > DRIFT_MILLIS_MAX {
            self.offset.store(offset, Ordering::Relaxed);
            offset
        } else {
            known
        };
        offset + millis(moment)
    }
}

fn millis(moment: Moment) -> i64 {
    i64::try_from(moment.millis()).unwrap_or(i64::MAX)
}

/// A text as JSON has it.
fn text(out: &mut Vec<u8>, text: &str) {
    // Neither memory nor text can fail.
    let _ = serde_json::to_writer(out, text);
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b',');
    text(out, name);
    out.push(b':');
    text(out, value);
}

/// A publication; `None` for one whose destination has no name. All that differs between those who
/// receive it is around this.
pub(super) fn message(publication: &Publication, users: &str, wall: &Wall) -> Option<Vec<u8>> {
    let destination = name_of(publication.destination(), users)?;
    let (content, headers) = (publication.content(), publication.headers());
    let bytes = content.bytes();
    let mut out = Vec::with_capacity(bytes.len() + 256);
    out.extend_from_slice(b"{\"id\":");
    text(&mut out, &publication.id().to_string());
    field(&mut out, "destination", &destination);
    let declared = headers.get(CONTENT_TYPE);
    let usual = match content.is_text() {
        true => "text/plain",
        false => "application/octet-stream",
    };
    let content_type = declared.unwrap_or(usual);
    field(&mut out, "contentType", content_type);
    let may_be_text = content.is_text() || !content_type.starts_with("application/octet-stream");
    match str::from_utf8(bytes).ok().filter(|_| may_be_text) {
        Some(data) => field(&mut out, "data", data),
        None => field(&mut out, "dataBase64", &STANDARD.encode(bytes)),
    }
    append_headers(&mut out, headers);
    let accepted = wall.at(publication.accepted());
    // What is out of a calendar's range is left out; no clock is.
    if let Ok(accepted) = jiff::Timestamp::from_millisecond(accepted) {
        field(&mut out, "time", &format!("{accepted:.3}"));
    }
    out.push(b'}');
    Some(out)
}

/// Each header once: of each name the first counts (STOMP 1.2, Repeated Header Entries).
fn append_headers(out: &mut Vec<u8>, headers: &Headers) {
    let mut named: Vec<&str> = Vec::new();
    for (name, value) in headers.iter() {
        if name == CONTENT_TYPE || named.contains(&name) {
            continue;
        }
        match named.is_empty() {
            true => out.extend_from_slice(b",\"headers\":{"),
            false => out.push(b','),
        }
        text(out, name);
        out.push(b':');
        text(out, value);
        named.push(name);
    }
    if !named.is_empty() {
        out.push(b'}');
    }
}

/// The fields that say how a session has begun: from where to go on if nothing else came, and
/// whether anything is missing before that.
pub(super) fn subscribed(cursor: Cursor, begun: &Begun) -> String {
    let recovered = match begun.recovered {
        Some(recovered) => format!(",\"recovered\":{recovered}"),
        None => String::new(),
    };
    // A cursor needs no escapes.
    format!("\"cursor\":\"{cursor}\"{recovered}")
}

/// The fields that say what a policy has dropped.
pub(super) fn gap(destination: &str, dropped: u32, last: &str) -> String {
    let mut out = b"\"destination\":".to_vec();
    text(&mut out, destination);
    out.extend_from_slice(format!(",\"dropped\":{dropped}").as_bytes());
    field(&mut out, "id", last);
    String::from_utf8(out).unwrap_or_default()
}

/// The fields that say why a session ends.
pub(super) fn close(code: u16, reason: &str) -> String {
    let mut out = format!("\"code\":{code}").into_bytes();
    field(&mut out, "reason", reason);
    String::from_utf8(out).unwrap_or_default()
}
