//! What a request asks for: destinations, and from where on.

use std::time::Duration;

use campanile_hub::{Begun, Cursor, Destination};
use http::StatusCode;
use tokio::sync::oneshot;

use super::endpoint::EventsRules;
use crate::handshake::{Handshake, Refused};
use crate::stomp::{Brokering, Kind, NOT_OURS};

/// The header in which browsers hand back the last id that they have got.
const LAST_EVENT_ID: &str = "last-event-id";

/// One of the destinations that are listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A topic, or a pattern over topics.
    Topic(Destination),
    /// What comes behind `/user`: the session itself knows whose it is.
    Own(Box<str>),
}

/// Why a session could not join its destinations.
pub(crate) type JoinRefused = Refused;

/// What a session begins with, once it has its transport.
pub(crate) struct Start {
    pub(crate) wanted: Vec<Wanted>,
    /// Up to where the client has received, if it has said so.
    pub(crate) after: Option<Cursor>,
    /// The record `subscribed` says how long a browser should wait before it comes back.
    pub(crate) retry: Duration,
    /// Whom it is to be told to how it has begun. Without anybody, a refusal ends the session.
    pub(crate) told: Option<oneshot::Sender<Result<Begun, JoinRefused>>>,
}

impl Start {
    /// Reads what a request asks for.
    ///
    /// # Errors
    /// 400, saying which destination is wrong and what to do.
    pub(crate) fn read(
        handshake: &Handshake,
        rules: &EventsRules,
        broker: &Brokering,
    ) -> Result<Box<Self>, Refused> {
        let limit = rules.destinations_max;
        let names: Vec<String> = handshake
            .query_values("destination")
            .take(limit.saturating_add(1))
            .collect();
        if names.is_empty() {
            return Err(bad(
                "say what to listen to: add ?destination=/topic/… to the URL",
            ));
        }
        if names.len() > limit {
            return Err(bad(format!(
                "more than {limit} destinations; name fewer, or a pattern such as /topic/**"
            )));
        }
        let wanted = names.iter().map(|name| wanted(name, broker));
        Ok(Box::new(Self {
            wanted: wanted.collect::<Result<_, _>>()?,
            after: after(handshake),
            retry: rules.retry,
            told: None,
        }))
    }
}

fn bad(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, detail)
}

fn wanted(name: &str, broker: &Brokering) -> Result<Wanted, Refused> {
    let kind = broker.kind(name).map_err(|refused| bad(refused.detail))?;
    match kind {
        Kind::Topic => {
            let pattern = broker.pattern(name);
            let pattern = pattern.map_err(|refused| bad(refused.detail))?;
            Ok(Wanted::Topic(Destination::matching(pattern)))
        }
        Kind::User(rest) => Ok(Wanted::Own(rest.into())),
        Kind::Queue => Err(bad(format!(
            "{name:?} is a queue, whose messages each go to one consumer; consume it with STOMP"
        ))),
        Kind::Application(_) => Err(bad(format!(
            "{name:?} is for messages to the application; listen to topics"
        ))),
    }
}

/// Up to where the client has received. A browser's own header counts more than the URL that its
/// page has made: the header is newer.
fn after(handshake: &Handshake) -> Option<Cursor> {
    let header = handshake.headers().get(LAST_EVENT_ID);
    let token = match header {
        // What is no text is no token of ours.
        Some(value) => value.to_str().unwrap_or("?").to_owned(),
        None => handshake.query("after")?,
    };
    (!token.is_empty()).then(|| token.parse().unwrap_or(NOT_OURS))
}

/// How long a JSON answer may wait for a message.
///
/// # Errors
/// 400 for what is no whole number of seconds, or too many.
pub(super) fn wait(handshake: &Handshake, rules: &EventsRules) -> Result<Duration, Refused> {
    let Some(text) = handshake.query("wait") else {
        return Ok(rules.wait);
    };
    let most = rules.wait_max.as_secs();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<u64>().ok().filter(|_| is_plain);
    match seconds.filter(|seconds| *seconds <= most) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(bad(format!(
            "wait is a whole number of seconds from 0 to {most}"
        ))),
    }
}
