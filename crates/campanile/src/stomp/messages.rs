//! From SEND to what is published, and whom for.

use campanile_hub::{Content, Destination, Headers, Message, PathParameters, SessionId};
use campanile_stomp::{Frame, Header, Send, is_forwarded, is_text_content_type};

use super::reply::Refused;
use crate::session::Session;

/// What goes on to receivers: the body, and those headers that are the sender's own (S79), of each
/// name the first, which alone counts (STOMP 1.2, Repeated Header Entries).
pub(super) fn message(send: &Send<'_>, frame: &Frame<'_>) -> Message {
    let is_text = send
        .content_type
        .as_deref()
        .is_none_or(is_text_content_type);
    let text = if is_text {
        str::from_utf8(send.body).ok()
    } else {
        None
    };
    let content = match text {
        Some(text) => Content::text(text),
        None => Content::binary(send.body.to_vec()),
    };
    let mut kept: Vec<Header<'_>> = Vec::new();
    for header in frame.headers().filter(|one| is_forwarded(&one.name)) {
        if kept.iter().all(|one| one.name != header.name) {
            kept.push(header);
        }
    }
    let headers: Headers = kept.into_iter().map(|one| (one.name, one.value)).collect();
    Message {
        headers,
        ..content.into()
    }
}

/// Whose a message to a user destination is: `/NAME/queue/news`, where a slash in a name is written
/// `%2F` (S117, S119). Who sends to their own name reaches the session that sends (S118).
pub(super) fn of_somebody(rest: &str, session: &Session) -> Result<Destination, Refused> {
    let parts = rest.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    let Some((name, _)) = parts.filter(|(name, _)| !name.is_empty()) else {
        return Err(Refused::new(
            "bad-destination",
            "send to /user/NAME/…, with the name of a user or the id of a session",
        ));
    };
    let path = &rest[name.len() + 1..];
    let name = name.replace("%2F", "/").replace("%2f", "/");
    if session.user() == Some(&name) {
        return Ok(Destination::of_session(session.id(), path));
    }
    Ok(match name.parse::<SessionId>() {
        Ok(id) => Destination::of_session(id, path),
        Err(_) => Destination::of_user(name, path),
    })
}

/// A reply's destination with the variables of the one that was sent to.
pub(super) fn fill(name: &str, parameters: &PathParameters) -> String {
    let filled = parameters.iter();
    filled.fold(name.to_owned(), |name, (variable, value)| {
        name.replace(&format!("{{{variable}}}"), value)
    })
}

/// Receivers are told what a body is.
pub(super) fn with_content_type(message: Message) -> Message {
    if message.headers.get("content-type").is_some() {
        return message;
    }
    let content_type = match message.content {
        Content::Text(_) => "text/plain;charset=UTF-8",
        _ => "application/octet-stream",
    };
    let headers = message.headers.clone();
    let all = headers.iter().chain([("content-type", content_type)]);
    message.with_headers(all)
}
