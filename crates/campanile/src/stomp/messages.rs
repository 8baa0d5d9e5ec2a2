//! From SEND to what is published, and whom for.

use campanile_hub::{Content, Destination, Headers, Message, PathParameters, SessionId};
use campanile_stomp::{Frame, Header, Send, Version, is_forwarded, is_text_content_type};

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

/// A header of ours in a frame of this version: the examples of 1.0 have blanks around values.
pub(super) fn own_header(version: Version, value: &str) -> &str {
    match version {
        Version::V10 => value.trim_matches(' '),
        Version::V11 | Version::V12 => value,
    }
}

/// How long a message may wait in a queue, in milliseconds: RabbitMQ's and ActiveMQ's header
/// `expiration`. Elsewhere it means nothing.
pub(super) fn check_expiration(
    destination: &Destination,
    message: &Message,
) -> Result<(), Refused> {
    let expiration = message.headers.get("expiration");
    let is_number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain && text.parse::<u64>().is_ok()
    };
    match expiration {
        Some(text) if matches!(destination, Destination::Queue(_)) && !is_number(text) => {
            Err(Refused::new(
                "bad-header",
                "expiration must be a whole number of milliseconds",
            ))
        }
        _ => Ok(()),
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

/// What a session's own user destination is: its own, and its user's (S116, S120).
///
/// A name with `%2F` is refused (S119): whoever sends to it would reach the user whose name has a
/// slash there.
pub(crate) fn of_this(rest: &str, session: &Session) -> Result<Vec<Destination>, Refused> {
    let own = Destination::of_session(session.id(), rest);
    let Some(user) = session.user() else {
        return Ok(vec![own]);
    };
    if user.contains("%2F") || user.contains("%2f") {
        return Err(Refused::new(
            "bad-user-name",
            "this user's name contains %2F, which stands for a slash; nobody could send to it",
        ));
    }
    Ok(vec![own, Destination::of_user(user, rest)])
}

/// What names of private destinations begin with that no client can name: a name of theirs begins
/// with what divides segments.
const ANSWERED: &str = "answered:";

/// The destination that keeps the id of a subscription which a handler has answered.
pub(super) fn answered_by_handler(session: &Session, name: &str) -> Destination {
    Destination::of_session(session.id(), format!("{ANSWERED}{name}"))
}

/// What a client has called such a destination; `None` for any other.
pub(super) fn name_answered(private: &str) -> Option<&str> {
    private.strip_prefix(ANSWERED)
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
    let content_type = match message.content.is_text() {
        true => "text/plain;charset=UTF-8",
        false => "application/octet-stream",
    };
    let headers = message.headers.clone();
    let all = headers.iter().chain([("content-type", content_type)]);
    message.with_headers(all)
}
