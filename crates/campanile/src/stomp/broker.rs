//! What clients may name, and what it means.

use campanile_hub::{Pattern, PatternError, Separator};

use super::reply::Refused;

/// How many subscriptions one session may have, unless [`Broker::subscriptions_max`] says otherwise.
pub const SUBSCRIPTIONS_MAX: usize = 1_000;

/// The destinations that STOMP clients may name.
///
/// A **topic** is whatever begins with one of the topic prefixes (`/topic` by default): all who have
/// subscribed receive what is sent to it. A **user destination** begins with `/user`: what a session
/// subscribes to as `/user/queue/news` is its user's alone, and whoever may send reaches it as
/// `/user/NAME/queue/news`.
///
/// ```
/// use campanile::{Broker, Separator};
///
/// let broker = Broker::new()
///     .topics(["/topic", "/rooms"])
///     .separator(Separator::Slash)
///     .clients_may_send("/rooms/**");
/// ```
#[derive(Clone, Debug)]
pub struct Broker {
    application: String,
    topics: Vec<String>,
    separator: Separator,
    clients_send: Vec<String>,
    subscriptions_max: usize,
}

/// Why a broker's settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// What clients may send to is no pattern.
    #[error("clients may not be allowed to send to `{text}`: {source}")]
    Pattern {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        source: PatternError,
    },
}

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}

impl Broker {
    /// Topics under `/topic`, which clients may subscribe to and not send to (S83, S90).
    pub fn new() -> Self {
        Self {
            application: "/app".into(),
            topics: vec!["/topic".into()],
            separator: Separator::Slash,
            clients_send: Vec::new(),
            subscriptions_max: SUBSCRIPTIONS_MAX,
        }
    }

    /// What the destinations of the application's own handlers begin with: `/app`, unless this says
    /// otherwise (S127).
    #[must_use]
    pub fn application(mut self, prefix: impl Into<String>) -> Self {
        self.application = prefix.into();
        self
    }

    /// What topics begin with: whole segments, such as `/topic`.
    #[must_use]
    pub fn topics<T: Into<String>>(mut self, prefixes: impl IntoIterator<Item = T>) -> Self {
        self.topics = prefixes.into_iter().map(Into::into).collect();
        self
    }

    /// What segments are divided by in destinations and patterns (S84).
    #[must_use]
    pub fn separator(mut self, separator: Separator) -> Self {
        self.separator = separator;
        self
    }

    /// Lets clients send to destinations that match a pattern, past any callback of yours; they may
    /// send nowhere by default (S90).
    #[must_use]
    pub fn clients_may_send(mut self, pattern: impl Into<String>) -> Self {
        self.clients_send.push(pattern.into());
        self
    }

    /// How many subscriptions one session may have; beyond it SUBSCRIBE is refused.
    #[must_use]
    pub fn subscriptions_max(mut self, subscriptions: usize) -> Self {
        self.subscriptions_max = subscriptions;
        self
    }

    pub(crate) fn build(self) -> Result<Brokering, BrokerError> {
        let patterns = self.clients_send.into_iter().map(|text| {
            let pattern = Pattern::parse(&text, self.separator);
            pattern.map_err(|source| BrokerError::Pattern { text, source })
        });
        Ok(Brokering {
            application: self.application,
            topics: self.topics,
            separator: self.separator,
            clients_send: patterns.collect::<Result<_, _>>()?,
            subscriptions_max: self.subscriptions_max,
        })
    }
}

/// A broker's settings at work.
#[derive(Debug)]
pub(crate) struct Brokering {
    application: String,
    topics: Vec<String>,
    separator: Separator,
    clients_send: Vec<Pattern>,
    pub(crate) subscriptions_max: usize,
}

/// What a destination is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// One of the application's own: what comes behind its prefix.
    Application(&'a str),
    Topic,
    /// A user destination: what comes behind `/user`.
    User(&'a str),
}

impl Brokering {
    /// What a destination is.
    pub(crate) fn kind<'a>(&self, name: &'a str) -> Result<Kind<'a>, Refused> {
        if let Some(path) = name
            .strip_prefix(self.application.as_str())
            .filter(|path| path.starts_with('/'))
        {
            return Ok(Kind::Application(path));
        }
        if let Some(rest) = name
            .strip_prefix("/user")
            .filter(|rest| rest.starts_with('/'))
        {
            return Ok(Kind::User(rest));
        }
        let is_under = |prefix: &String| {
            let rest = name.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.starts_with(self.separator.character()))
        };
        if self.topics.iter().any(is_under) {
            return Ok(Kind::Topic);
        }
        let detail = format!(
            "there is no destination {name:?}: topics begin with {}, user destinations with /user/",
            self.topics.join(", ")
        );
        Err(Refused::new("unknown-destination", detail))
    }

    /// A subscription's pattern, or the one destination that it is.
    pub(crate) fn pattern(&self, text: &str) -> Result<Pattern, Refused> {
        Pattern::parse(text, self.separator)
            .map_err(|error| Refused::new("bad-destination", error.to_string()))
    }

    /// Whether a client may send there.
    pub(crate) fn check_send(&self, name: &str) -> Result<(), Refused> {
        if self.clients_send.iter().any(|one| one.matches(name)) {
            return Ok(());
        }
        let detail =
            format!("clients may not send to {name:?}; the server's operator can allow it");
        Err(Refused::new("forbidden", detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s83_s90_prefixes_are_whole_segments_and_sending_is_denied_by_default() {
        let broker = Broker::new().topics(["/topic", "/rooms"]);
        let broker = broker
            .clients_may_send("/rooms/*")
            .build()
            .expect("a broker");
        assert_eq!(broker.kind("/topic/a").ok(), Some(Kind::Topic));
        assert_eq!(
            broker.kind("/user/queue/a").ok(),
            Some(Kind::User("/queue/a"))
        );
        for unknown in ["/topics/a", "/topic", "topic/a", "/users/a", ""] {
            let refused = broker.kind(unknown).expect_err(unknown);
            assert_eq!(refused.word, "unknown-destination", "{unknown}");
        }
        assert!(broker.check_send("/rooms/1").is_ok());
        assert_eq!(
            broker.check_send("/topic/a").expect_err("no").word,
            "forbidden"
        );
        let wrong = Broker::new().clients_may_send("/a/{b:.*}").build();
        assert!(
            wrong
                .expect_err("no expression")
                .to_string()
                .contains("/a/{b:.*}")
        );
    }
}
