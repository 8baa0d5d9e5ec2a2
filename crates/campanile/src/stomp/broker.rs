//! What clients may name, and what it means.

use campanile_hub::{Hub, Pattern, PatternError, Refusal, RetainedLimits, Separator};

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
/// Prefixes are whole segments; a separator at their end makes no difference. Destinations begin as
/// their prefixes do: with `/topic`, `topic/a` is refused, and with `topic` (or `topic.`, where
/// [dots divide](Self::separator)) `/topic.a` is (S126).
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
    users: String,
    topics: Vec<String>,
    separator: Separator,
    clients_send: Vec<String>,
    retained: Vec<String>,
    retained_limits: RetainedLimits,
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
    /// What is to be retained is no pattern.
    #[error("destinations that match `{text}` cannot keep their last value: {source}")]
    Retained {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// There are too many patterns for what is retained that are much alike.
    #[error("destinations that match `{text}` cannot keep their last value: {refusal}")]
    RetainedAlike {
        /// As it was given.
        text: String,
        /// What the hub says.
        refusal: Refusal,
    },
    /// All destinations would be user destinations.
    #[error("user destinations must begin with something: `/user`, for example")]
    NoUserPrefix,
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
            users: "/user".into(),
            topics: vec!["/topic".into()],
            separator: Separator::Slash,
            clients_send: Vec::new(),
            retained: Vec::new(),
            retained_limits: RetainedLimits::default(),
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

    /// What user destinations begin with: `/user`, unless this says otherwise (S115). A slash follows
    /// it, whatever [divides segments](Self::separator): `/user/queue.news`, and
    /// `/user/NAME/queue.news` to send to.
    #[must_use]
    pub fn users(mut self, prefix: impl Into<String>) -> Self {
        self.users = prefix.into();
        self
    }

    /// What topics begin with: whole segments, such as `/topic`. With none at all, every destination
    /// is a topic that is neither a user destination nor one of the application's (S83).
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

    /// Lets destinations that match a pattern keep their last publication for those who subscribe
    /// later: they get it first, and then what is published, without a gap and nothing twice (S98).
    /// May be said any number of times, with and without STOMP endpoints: it holds for
    /// [`Session::subscribe`](crate::Session::subscribe), too.
    ///
    /// A pattern that is subscribed to gets the values of all destinations that match it, in the
    /// order of their publication. They pass the session's [outbox](crate::OutboxPolicy): give it
    /// room for what you let clients ask for at once. To find them, all that is kept is looked at, while
    /// nothing can be published: [limits](Self::retained_limits) should be no higher than needed.
    /// User destinations keep nothing.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use campanile::{Broker, Campanile};
    ///
    /// let broker = Broker::new().retained("/topic/prices/**");
    /// let handle = Campanile::builder().broker(broker).build()?.handle();
    /// handle.publish("/topic/prices/acme", "17.20")?;
    /// assert!(handle.retained("/topic/prices/acme").is_some());
    /// assert!(handle.forget("/topic/prices/acme"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn retained(mut self, pattern: impl Into<String>) -> Self {
        self.retained.push(pattern.into());
        self
    }

    /// How many destinations keep their last publication, and how many bytes all of them may have;
    /// beyond it the oldest is let go of. 16,384 and 64 MiB, unless this says otherwise.
    #[must_use]
    pub fn retained_limits(mut self, limits: RetainedLimits) -> Self {
        self.retained_limits = limits;
        self
    }

    /// How many subscriptions one session may have; beyond it SUBSCRIBE is refused.
    #[must_use]
    pub fn subscriptions_max(mut self, subscriptions: usize) -> Self {
        self.subscriptions_max = subscriptions;
        self
    }

    /// Tells the hub what to retain.
    pub(crate) fn retain_at(&self, hub: &Hub) -> Result<(), BrokerError> {
        hub.set_retained_limits(self.retained_limits);
        for text in &self.retained {
            let pattern = Pattern::parse(text, self.separator);
            let pattern = pattern.map_err(|source| BrokerError::Retained {
                text: text.clone(),
                source,
            })?;
            hub.retain(&pattern)
                .map_err(|refusal| BrokerError::RetainedAlike {
                    text: text.clone(),
                    refusal,
                })?;
        }
        Ok(())
    }

    /// What user destinations begin with.
    pub(crate) fn user_prefix(&self) -> &str {
        trimmed(&self.users, self.separator)
    }

    pub(crate) fn build(self) -> Result<Brokering, BrokerError> {
        let separator = self.separator;
        let users = self.user_prefix().to_owned();
        if users.is_empty() {
            return Err(BrokerError::NoUserPrefix);
        }
        let topics = self.topics.iter();
        let topics = topics.map(|prefix| trimmed(prefix, separator).to_owned());
        let topics = topics.collect();
        let patterns = self.clients_send.into_iter().map(|text| {
            let pattern = Pattern::parse(&text, self.separator);
            pattern.map_err(|source| BrokerError::Pattern { text, source })
        });
        Ok(Brokering {
            application: trimmed(&self.application, separator).to_owned(),
            users,
            topics,
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
    users: String,
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

/// A prefix without the separator that may be written at its end.
fn trimmed(prefix: &str, separator: Separator) -> &str {
    prefix.trim_end_matches(['/', separator.character()])
}

impl Brokering {
    /// What user destinations begin with.
    pub(crate) fn users(&self) -> &str {
        &self.users
    }

    /// What a destination is.
    pub(crate) fn kind<'a>(&self, name: &'a str) -> Result<Kind<'a>, Refused> {
        self.known(name).ok_or_else(|| self.unknown(name))
    }

    fn known<'a>(&self, name: &'a str) -> Option<Kind<'a>> {
        if let Some(path) = name
            .strip_prefix(self.application.as_str())
            .filter(|path| path.starts_with('/'))
        {
            return Some(Kind::Application(path));
        }
        if let Some(rest) = name
            .strip_prefix(self.users.as_str())
            .filter(|rest| rest.starts_with('/'))
        {
            return Some(Kind::User(rest));
        }
        let is_under = |prefix: &String| {
            let rest = name.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.starts_with(self.separator.character()))
        };
        let is_topic = match self.topics.as_slice() {
            [] => !name.is_empty(),
            topics => topics.iter().any(is_under),
        };
        is_topic.then_some(Kind::Topic)
    }

    fn unknown(&self, name: &str) -> Refused {
        // The mistake that is made most: one slash too few, or too many.
        let other = match name.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None => format!("/{name}"),
        };
        let detail = if self.known(&other).is_some() {
            format!("there is no destination {name:?}: write {other:?}")
        } else {
            let (topics, users) = (self.topics.join(", "), &self.users);
            format!(
                "there is no destination {name:?}: topics begin with {topics}, user destinations \
                 with {users}/"
            )
        };
        Refused::new("unknown-destination", detail)
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
        let hint = broker.kind("topic/a").expect_err("no slash").detail;
        assert!(hint.contains("write \"/topic/a\""), "{hint}");
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

    #[test]
    fn s83_without_prefixes_every_destination_is_a_topic() {
        let broker = Broker::new().topics([""; 0]).build().expect("a broker");
        for name in ["/prices/a", "/topic/a", "prices"] {
            assert_eq!(broker.kind(name).ok(), Some(Kind::Topic), "{name}");
        }
        assert_eq!(broker.kind("/app/a").ok(), Some(Kind::Application("/a")));
        assert_eq!(broker.kind("/user/a").ok(), Some(Kind::User("/a")));
        assert!(broker.kind("").is_err());
    }

    #[test]
    fn s115_s126_prefixes_are_chosen_with_a_leading_slash_or_without() {
        let broker = Broker::new()
            .application("app")
            .users("me/")
            .topics(["topic."])
            .separator(Separator::Dot)
            .build()
            .expect("a broker");
        assert_eq!(broker.kind("topic.a").ok(), Some(Kind::Topic));
        assert_eq!(broker.kind("app/a").ok(), Some(Kind::Application("/a")));
        assert_eq!(broker.kind("me/queue.a").ok(), Some(Kind::User("/queue.a")));
        for (unknown, hint) in [
            ("/topic.a", "write \"topic.a\""),
            ("/me/queue.a", "write \"me/queue.a\""),
            ("topic/a", "with topic, user destinations with me/"),
            ("/user/queue.a", "with topic, user destinations with me/"),
        ] {
            let detail = broker.kind(unknown).expect_err(unknown).detail;
            assert!(detail.contains(hint), "{detail}");
        }
        let error = Broker::new().users("/").build().expect_err("no prefix");
        assert_eq!(error, BrokerError::NoUserPrefix);
    }
}
