//! Who is at a destination, and what queues hold (S99).

use std::collections::BTreeSet;
use std::sync::Arc;

use campanile_hub::{Cursor, Destination, QueueState, Refusal, SHARDS_MAX, SessionView, View};
use tokio::sync::mpsc;

use crate::handle::Handle;
use crate::registry::REGISTRY_ITEMS_MAX;
use crate::session::Session;

/// Who a publication to a destination would reach, on this node, at one moment.
#[derive(Clone, Debug)]
pub struct Presence {
    sessions: Vec<Session>,
    is_complete: bool,
}

impl Presence {
    /// The sessions, each once, in no particular order.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The names of their users, each once and in order.
    pub fn users(&self) -> BTreeSet<&str> {
        self.sessions.iter().filter_map(Session::user).collect()
    }

    /// How many of the sessions are nobody's.
    pub fn guests(&self) -> usize {
        let sessions = self.sessions.iter();
        sessions.filter(|one| one.user().is_none()).count()
    }

    /// Whether these are all; if not, there are more than
    /// [`REGISTRY_ITEMS_MAX`](crate::REGISTRY_ITEMS_MAX) sessions.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl Handle {
    /// Who is at a destination: the open sessions that have subscribed to it, by its name or by a
    /// pattern; of a queue those that take messages from it (S99). Each shard is asked in turn and
    /// looks at all its sessions: this is for people who look, not for each message. For a number
    /// alone [`subscriptions`](Self::subscriptions) is cheaper.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when a shard is behind by its limit: ask again.
    pub async fn presence(&self, destination: impl Into<Arc<str>>) -> Result<Presence, Refusal> {
        let (told, mut lists) = mpsc::channel(SHARDS_MAX);
        let (hub, wanted) = (self.hub().clone(), self.destination(destination));
        let look = move |view: &View<'_>| {
            let all = view.sessions().filter(|one| is_at(*one, &wanted));
            let some = all.take(REGISTRY_ITEMS_MAX + 1);
            let some = some.map(|one| Session::new(Arc::clone(one.session()), hub.clone()));
            drop(told.try_send(some.collect::<Vec<_>>()));
        };
        self.hub().look(look).finished()?;
        let mut sessions = Vec::new();
        while let Some(some) = lists.recv().await {
            sessions.extend(some);
        }
        let is_complete = sessions.len() <= REGISTRY_ITEMS_MAX;
        sessions.truncate(REGISTRY_ITEMS_MAX);
        Ok(Presence {
            sessions,
            is_complete,
        })
    }

    /// How many subscriptions a publication to a destination would reach now, those of patterns
    /// included; of a queue how many consumers it has (S99).
    pub fn subscriptions(&self, destination: impl Into<Arc<str>>) -> usize {
        match self.destination(destination) {
            Destination::Queue(name) => self.queue(&name).map_or(0, |queue| queue.consumers),
            other => self.hub().reach(&other).0,
        }
    }

    /// What a queue holds now; `None` if there is no such queue, as when it is empty and has no
    /// consumers.
    pub fn queue(&self, name: &str) -> Option<QueueState> {
        self.hub().queue(name)
    }

    /// Where everything that is published from now on comes after: the cursor for a client that is
    /// given a first state now, by a page or an answer, and then subscribes with `after` (S98).
    pub fn cursor(&self) -> Cursor {
        self.hub().cursor()
    }

    fn destination(&self, name: impl Into<Arc<str>>) -> Destination {
        self.endpoints().broker().destination(name)
    }
}

fn is_at(session: SessionView<'_>, wanted: &Destination) -> bool {
    let mut subscriptions = session.subscriptions();
    subscriptions.any(|(destination, _)| match (destination, wanted) {
        (Destination::Matching(pattern), Destination::Named(name)) => pattern.matches(name),
        (other, wanted) => other == wanted,
    })
}
