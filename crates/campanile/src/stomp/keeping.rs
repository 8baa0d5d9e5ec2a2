//! What a broker keeps: messages in queues, and histories.

use campanile_hub::{
    HistoryBounds, HistoryLimits, HistoryScope, Hub, Pattern, QueueLimits, Separator,
};

use super::broker::Broker;
use super::broker_error::BrokerError;
use super::naming::Kind;

/// # What is kept
impl Broker {
    /// What queues begin with: whole segments; `/queue`, unless this says otherwise (S91). What is
    /// sent to a queue waits for one of its consumers, and each message goes to one of them. What
    /// begins with one of the [topics' prefixes](Self::topics) is a topic even so. Give none, and
    /// there are no queues.
    ///
    /// Queues live in memory, as long as the process does, and clients are told so: CONNECTED has
    /// `queues:in-memory`.
    #[must_use]
    pub fn queues<T: Into<String>>(mut self, prefixes: impl IntoIterator<Item = T>) -> Self {
        self.queues = prefixes.into_iter().map(Into::into).collect();
        self
    }

    /// How queues behave whose names match a pattern: how much they hold, what becomes of messages
    /// that are rejected, and how long they wait (S94). Where several patterns match, the first that
    /// was given counts; [`QueueLimits::default`] is for all others.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use campanile::{Broker, Campanile, QueueLimits};
    ///
    /// let orders = QueueLimits {
    ///     rejections_max: 3,
    ///     redelivery_delay: Duration::from_secs(5),
    ///     dead_letters: Some("/queue/dead".into()),
    ///     ..QueueLimits::default()
    /// };
    /// let broker = Broker::new().queue_limits("/queue/orders/**", orders);
    /// let app = Campanile::builder().broker(broker).build()?;
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    #[must_use]
    pub fn queue_limits(mut self, pattern: impl Into<String>, limits: QueueLimits) -> Self {
        self.queue_limits.push((pattern.into(), limits));
        self
    }

    /// Lets destinations that match a pattern keep their past for those who come back: a client that
    /// subscribes with `after:CURSOR` gets what it has missed, and then what is published, without a
    /// gap and nothing twice; or it is told that this is not possible (S98). Where several patterns
    /// match, the first that was given counts.
    ///
    /// A pattern that begins with the [user prefix](Self::users), such as `/user/queue/**`, is for
    /// what users have under the names behind it. What is for one session alone has no history, since
    /// nobody comes back to it.
    ///
    /// Histories live in memory, as long as the process does, and clients are told so: CONNECTED has
    /// `history:in-memory`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use campanile::{Broker, Campanile, HistoryLimits};
    ///
    /// let recent = HistoryLimits {
    ///     count_max: 500,
    ///     bytes_max: 1 << 20,
    ///     age_max: Duration::from_secs(120),
    /// };
    /// let broker = Broker::new().history("/topic/chat/**", recent).history("/user/**", recent);
    /// let app = Campanile::builder().broker(broker).build()?;
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    #[must_use]
    pub fn history(mut self, pattern: impl Into<String>, limits: HistoryLimits) -> Self {
        self.histories.push((pattern.into(), limits));
        self
    }

    /// How much all histories together may hold; [`HistoryBounds::default`], unless this says
    /// otherwise.
    #[must_use]
    pub fn history_bounds(mut self, bounds: HistoryBounds) -> Self {
        self.history_bounds = Some(bounds);
        self
    }

    /// Tells the hub what has a history.
    pub(super) fn keep_histories(&self, hub: &Hub) -> Result<(), BrokerError> {
        if let Some(bounds) = self.history_bounds {
            hub.set_history_bounds(bounds);
        }
        for (text, limits) in &self.histories {
            let (scope, rest) = self.scope(text);
            let pattern = Pattern::parse(rest, self.separator);
            let pattern = pattern.map_err(|source| BrokerError::History {
                text: text.clone(),
                source,
            })?;
            hub.keep_history(scope, &pattern, *limits)
                .map_err(|refusal| BrokerError::HistoryAlike {
                    text: text.clone(),
                    refusal,
                })?;
        }
        Ok(())
    }

    /// Whose destinations a pattern is for, and what is left of it for their names.
    fn scope<'a>(&self, text: &'a str) -> (HistoryScope, &'a str) {
        let rest = text
            .strip_prefix(self.user_prefix())
            .filter(|rest| rest.starts_with('/'));
        match rest {
            None => (HistoryScope::Named, text),
            // The slash belongs to the first segment where dots divide segments, and `**` has to be
            // one of its own.
            Some(rest) if self.separator == Separator::Dot && rest.starts_with("/**") => {
                (HistoryScope::User, &rest[1..])
            }
            Some(rest) => (HistoryScope::User, rest),
        }
    }

    /// Tells the hub how queues behave.
    pub(super) fn limit_queues(&self, hub: &Hub) -> Result<(), BrokerError> {
        let prefixes = self.prefixes()?;
        for (text, limits) in &self.queue_limits {
            let pattern = Pattern::parse(text, self.separator);
            let pattern = pattern.map_err(|source| BrokerError::QueueLimits {
                text: text.clone(),
                source,
            })?;
            if let Some(name) = &limits.dead_letters
                && prefixes.kind(name) != Some(Kind::Queue)
            {
                return Err(BrokerError::DeadLetters {
                    text: text.clone(),
                    name: name.to_string(),
                });
            }
            hub.limit_queues(&pattern, limits.clone())
                .map_err(|refusal| BrokerError::QueueLimitsAlike {
                    text: text.clone(),
                    refusal,
                })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s98_a_history_is_for_names_or_for_what_users_have_under_names() {
        let slashes = Broker::new();
        let scope = |text| slashes.scope(text);
        assert_eq!(scope("/topic/**"), (HistoryScope::Named, "/topic/**"));
        assert_eq!(scope("/user/**"), (HistoryScope::User, "/**"));
        assert_eq!(scope("/user/queue/*"), (HistoryScope::User, "/queue/*"));
        assert_eq!(scope("/users/**"), (HistoryScope::Named, "/users/**"));
        let dots = Broker::new().separator(Separator::Dot);
        assert_eq!(dots.scope("/user/**"), (HistoryScope::User, "**"));
        let (_, rest) = dots.scope("/user/queue.**");
        for pattern in ["**", rest] {
            let pattern = Pattern::parse(pattern, Separator::Dot).expect("a pattern");
            assert!(pattern.matches("/queue.news"), "{pattern}");
        }
    }
}
