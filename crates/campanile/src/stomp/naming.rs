//! What the names of destinations mean.

use std::sync::Arc;

use campanile_hub::{Destination, Pattern, Separator};

use super::reply::Refused;

/// What the names of destinations begin with.
#[derive(Debug)]
pub(crate) struct Prefixes {
    pub(super) application: String,
    pub(super) users: String,
    pub(super) topics: Vec<String>,
    pub(super) queues: Vec<String>,
    pub(super) separator: Separator,
}

/// A broker's settings at work.
#[derive(Debug)]
pub(crate) struct Brokering {
    pub(super) prefixes: Prefixes,
    pub(super) clients_send: Vec<Pattern>,
    pub(crate) subscriptions_max: usize,
}

/// What a destination is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// One of the application's own: what comes behind its prefix.
    Application(&'a str),
    Topic,
    Queue,
    /// A user destination: what comes behind `/user`.
    User(&'a str),
}

impl Prefixes {
    /// What a destination is; `None` for one that there cannot be.
    pub(super) fn kind<'a>(&self, name: &'a str) -> Option<Kind<'a>> {
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
        // What is said of topics wins: `/queue` may be one, as it is in Spring.
        if self.topics.iter().any(is_under) {
            Some(Kind::Topic)
        } else if self.queues.iter().any(is_under) {
            Some(Kind::Queue)
        } else {
            (self.topics.is_empty() && !name.is_empty()).then_some(Kind::Topic)
        }
    }
}

impl Brokering {
    /// What user destinations begin with.
    pub(crate) fn users(&self) -> &str {
        &self.prefixes.users
    }

    /// What a destination is.
    pub(crate) fn kind<'a>(&self, name: &'a str) -> Result<Kind<'a>, Refused> {
        self.prefixes.kind(name).ok_or_else(|| self.unknown(name))
    }

    /// Where a message goes to that is published under a name: a queue, or whoever has subscribed to
    /// the name. Whose a user destination is depends on who sends; it is not looked at here.
    pub(crate) fn destination(&self, name: impl Into<Arc<str>>) -> Destination {
        let name = name.into();
        match self.prefixes.kind(&name) == Some(Kind::Queue) {
            true => Destination::Queue(name),
            false => Destination::Named(name),
        }
    }

    fn unknown(&self, name: &str) -> Refused {
        let prefixes = &self.prefixes;
        // The mistake that is made most: one slash too few, or too many.
        let other = match name.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None => format!("/{name}"),
        };
        let detail = if prefixes.kind(&other).is_some() {
            format!("there is no destination {name:?}: write {other:?}")
        } else {
            let queues = match prefixes.queues.as_slice() {
                [] => String::new(),
                some => format!("queues with {}, ", some.join(", ")),
            };
            let (topics, users) = (prefixes.topics.join(", "), &prefixes.users);
            format!(
                "there is no destination {name:?}: topics begin with {topics}, {queues}user \
                 destinations with {users}/"
            )
        };
        Refused::new("unknown-destination", detail)
    }

    /// A subscription's pattern, or the one destination that it is.
    pub(crate) fn pattern(&self, text: &str) -> Result<Pattern, Refused> {
        Pattern::parse(text, self.prefixes.separator)
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
    use crate::stomp::broker::Broker;
    use crate::stomp::broker_error::BrokerError;

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
            ("topic/a", "user destinations with me/"),
            ("/user/queue.a", "user destinations with me/"),
        ] {
            let detail = broker.kind(unknown).expect_err(unknown).detail;
            assert!(detail.contains(hint), "{detail}");
        }
        let error = Broker::new().users("/").build().expect_err("no prefix");
        assert_eq!(error, BrokerError::NoUserPrefix);
    }

    #[test]
    fn s91_queues_have_prefixes_of_their_own_and_topics_win() {
        let kind = |broker: Broker, name: &str| {
            let broker = broker.build().expect("a broker");
            broker.kind(name).map_or("none", |kind| match kind {
                Kind::Topic => "topic",
                Kind::Queue => "queue",
                _ => "other",
            })
        };
        assert_eq!(kind(Broker::new(), "/queue/a"), "queue");
        assert_eq!(kind(Broker::new(), "/queues/a"), "none");
        assert_eq!(kind(Broker::new(), "/queue"), "none");
        let spring = || Broker::new().topics(["/topic", "/queue"]);
        assert_eq!(kind(spring(), "/queue/a"), "topic");
        assert_eq!(kind(spring().queues(["/jobs"]), "/jobs/a"), "queue");
        let open = || Broker::new().topics([""; 0]);
        assert_eq!(kind(open(), "/queue/a"), "queue");
        assert_eq!(kind(open(), "/anything"), "topic");
        assert_eq!(kind(open().queues([""; 0]), "/queue/a"), "topic");
        assert_eq!(kind(Broker::new().queues([""; 0]), "/queue/a"), "none");
        let dots = Broker::new().queues(["queue."]).separator(Separator::Dot);
        assert_eq!(kind(dots, "queue.a"), "queue");
        let broker = Broker::new().build().expect("a broker");
        assert_eq!(
            broker.destination("/queue/a"),
            Destination::queue("/queue/a")
        );
        assert_eq!(
            broker.destination("/topic/a"),
            Destination::named("/topic/a")
        );
    }
}
