//! What clients may name, and what it means.

use campanile_hub::{
    HistoryBounds, HistoryLimits, Hub, Pattern, QueueLimits, RetainedLimits, Separator,
};

use super::broker_error::BrokerError;
use super::naming::{Brokering, Prefixes};

/// How many subscriptions one session may have, unless [`Broker::subscriptions_max`] says otherwise.
pub const SUBSCRIPTIONS_MAX: usize = 1_000;

/// The destinations that STOMP clients may name.
///
/// A **topic** is whatever begins with one of the topic prefixes (`/topic` by default): all who have
/// subscribed receive what is sent to it. A **queue** begins with one of the
/// [queue prefixes](Self::queues) (`/queue` by default): what is sent to it waits for one of its
/// consumers. A **user destination** begins with `/user`: what a session
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
    pub(super) queues: Vec<String>,
    pub(super) separator: Separator,
    clients_send: Vec<String>,
    retained: Vec<String>,
    retained_limits: RetainedLimits,
    pub(super) queue_limits: Vec<(String, QueueLimits)>,
    pub(super) histories: Vec<(String, HistoryLimits)>,
    pub(super) history_bounds: Option<HistoryBounds>,
    subscriptions_max: usize,
}

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}

impl Broker {
    /// Topics under `/topic` and queues under `/queue`, which clients may subscribe to and not send to
    /// (S83, S90).
    pub fn new() -> Self {
        Self {
            application: "/app".into(),
            users: "/user".into(),
            topics: vec!["/topic".into()],
            queues: vec!["/queue".into()],
            separator: Separator::Slash,
            clients_send: Vec::new(),
            retained: Vec::new(),
            retained_limits: RetainedLimits::default(),
            queue_limits: Vec::new(),
            histories: Vec::new(),
            history_bounds: None,
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
    /// is a topic that is neither a [queue](Self::queues), nor a user destination, nor one of the
    /// application's (S83). `["/topic", "/queue"]` makes queues topics, as they are in Spring.
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

    /// Tells the hub what to keep.
    pub(crate) fn set_up(&self, hub: &Hub) -> Result<(), BrokerError> {
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
        self.keep_histories(hub)?;
        self.limit_queues(hub)
    }

    /// What user destinations begin with.
    pub(super) fn user_prefix(&self) -> &str {
        trimmed(&self.users, self.separator)
    }

    /// What names mean.
    pub(super) fn prefixes(&self) -> Result<Prefixes, BrokerError> {
        let separator = self.separator;
        let trimmed = |prefix: &String| trimmed(prefix, separator).to_owned();
        let users = self.user_prefix().to_owned();
        if users.is_empty() {
            return Err(BrokerError::NoUserPrefix);
        }
        Ok(Prefixes {
            application: trimmed(&self.application),
            users,
            topics: self.topics.iter().map(trimmed).collect(),
            queues: self.queues.iter().map(trimmed).collect(),
            separator,
        })
    }

    pub(crate) fn build(self) -> Result<Brokering, BrokerError> {
        let prefixes = self.prefixes()?;
        let patterns = self.clients_send.into_iter().map(|text| {
            let pattern = Pattern::parse(&text, self.separator);
            pattern.map_err(|source| BrokerError::Pattern { text, source })
        });
        Ok(Brokering {
            prefixes,
            clients_send: patterns.collect::<Result<_, _>>()?,
            subscriptions_max: self.subscriptions_max,
        })
    }
}

/// A prefix without the separator that may be written at its end.
fn trimmed(prefix: &str, separator: Separator) -> &str {
    prefix.trim_end_matches(['/', separator.character()])
}
