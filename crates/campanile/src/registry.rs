//! Who is there: users, their sessions, and what those have subscribed to (S122).

use std::collections::BTreeMap;
use std::sync::Arc;

use campanile_hub::{Destination, Hub, Refusal, SHARDS_MAX, SessionView, View};
use tokio::sync::mpsc;

use crate::handle::Handle;
use crate::session::Session;
use crate::stomp::{name_of, subscription_id};

/// How many sessions and subscriptions, taken together, one answer of the registry has.
pub const REGISTRY_ITEMS_MAX: usize = 100_000;

/// An answer of the registry.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Whether that is all; if not, there are more than [`REGISTRY_ITEMS_MAX`].
    pub is_complete: bool,
}

/// A user who has open sessions.
#[derive(Clone, Debug)]
pub struct UserEntry {
    name: String,
    sessions: Vec<SessionEntry>,
}

/// A session, with what it has subscribed to.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    session: Session,
    subscriptions: Vec<SubscriptionEntry>,
}

/// A subscription of a session.
#[derive(Clone, Debug)]
pub struct SubscriptionEntry {
    session: Session,
    id: Option<String>,
    destination: String,
    label: Box<str>,
}

impl UserEntry {
    /// The name, as it was given at the handshake.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The open sessions, on whatever endpoint.
    pub fn sessions(&self) -> &[SessionEntry] {
        &self.sessions
    }
}

impl SessionEntry {
    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What it has subscribed to, in no particular order.
    pub fn subscriptions(&self) -> &[SubscriptionEntry] {
        &self.subscriptions
    }
}

impl SubscriptionEntry {
    /// Whose it is.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What a STOMP client calls it; `None` if it has given no id, and for subscriptions that
    /// [`Session::subscribe`] has made.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The destination or pattern, as it was written.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Ends it, after what was published to it so far (S33). Nothing tells the client, which would be
    /// refused if it ended the subscription, too: let it know yourself.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when its session has ended, [`Refusal::Overloaded`] when a shard is
    /// behind.
    pub fn end(&self) -> Result<(), Refusal> {
        match &*self.label {
            // Sessions' endpoints have this label, too.
            "" => self.session.unsubscribe(self.destination.as_str()),
            label => self.session.unsubscribe_label(label),
        }
    }
}

/// Makes entries of what is seen at a shard.
#[derive(Clone)]
struct Clerk {
    hub: Hub,
    /// What user destinations begin with.
    users: Arc<str>,
}

impl Clerk {
    fn session(&self, view: SessionView<'_>) -> SessionEntry {
        let session = Session::new(Arc::clone(view.session()), self.hub.clone());
        let mut subscriptions: Vec<SubscriptionEntry> = Vec::new();
        for (destination, label) in view.subscriptions() {
            let Some(name) = name_of(destination, &self.users) else {
                continue;
            };
            let is_private = matches!(destination, Destination::Private(_));
            // To a user destination belong the user's and the session's own.
            if is_private && subscriptions.iter().any(|one| *one.label == *label) {
                continue;
            }
            subscriptions.push(SubscriptionEntry {
                session: session.clone(),
                id: subscription_id(label),
                destination: name,
                label: label.into(),
            });
        }
        SessionEntry {
            session,
            subscriptions,
        }
    }

    /// Entries of sessions until there are more items than an answer has.
    fn sessions<'a>(&self, views: impl Iterator<Item = SessionView<'a>>) -> Vec<SessionEntry> {
        let mut items = 0;
        let mut entries = Vec::new();
        for view in views {
            let entry = self.session(view);
            items += 1 + entry.subscriptions.len();
            entries.push(entry);
            if items > REGISTRY_ITEMS_MAX {
                break;
            }
        }
        entries
    }
}

impl Handle {
    /// Everybody who has open sessions, by name, with their sessions and subscriptions (S122). Each
    /// shard is asked in turn and looks at all its sessions: this is for people who look, not for
    /// each message.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when a shard is behind by its limit: ask again.
    pub async fn users(&self) -> Result<Listing<UserEntry>, Refusal> {
        let (told, lists) = mpsc::channel(SHARDS_MAX);
        let clerk = self.clerk();
        let look = move |view: &View<'_>| {
            let views = view.sessions();
            let of_users = views.filter(|one| one.session().principal().is_some());
            drop(told.try_send(clerk.sessions(of_users)));
        };
        self.hub().look(look).finished()?;
        Ok(users_of(lists).await)
    }

    /// A user with all open sessions and their subscriptions; `None` for one who has no session
    /// (S122). What is beyond [`REGISTRY_ITEMS_MAX`] is left out.
    ///
    /// # Errors
    /// As [`users`](Self::users).
    pub async fn user(&self, name: impl Into<Arc<str>>) -> Result<Option<UserEntry>, Refusal> {
        let (told, lists) = mpsc::channel(SHARDS_MAX);
        let (clerk, destination) = (self.clerk(), Destination::user(name));
        let of_user = destination.clone();
        let look = move |view: &View<'_>| {
            drop(told.try_send(clerk.sessions(view.subscribers(&of_user))));
        };
        self.hub().look_at(&destination, look).finished()?;
        Ok(users_of(lists).await.items.pop())
    }

    /// How many users have open sessions (S122).
    pub fn user_count(&self) -> usize {
        self.hub().users()
    }

    /// The subscriptions that `picks` says yes to, whoever's they are (S122). It is asked on the
    /// sessions' own threads, about each subscription there is: it must be quick and must not
    /// block. One that panics has found nothing there.
    ///
    /// # Errors
    /// As [`users`](Self::users).
    pub async fn find_subscriptions(
        &self,
        picks: impl Fn(&SubscriptionEntry) -> bool + Send + Sync + 'static,
    ) -> Result<Listing<SubscriptionEntry>, Refusal> {
        let (told, mut lists) = mpsc::channel(SHARDS_MAX);
        let clerk = self.clerk();
        let look = move |view: &View<'_>| {
            let all = view
                .sessions()
                .flat_map(|one| clerk.session(one).subscriptions);
            let picked = all.filter(&picks).take(REGISTRY_ITEMS_MAX + 1);
            drop(told.try_send(picked.collect::<Vec<_>>()));
        };
        self.hub().look(look).finished()?;
        let mut items = Vec::new();
        while let Some(some) = lists.recv().await {
            items.extend(some);
        }
        let is_complete = items.len() <= REGISTRY_ITEMS_MAX;
        items.truncate(REGISTRY_ITEMS_MAX);
        Ok(Listing { items, is_complete })
    }

    fn clerk(&self) -> Clerk {
        Clerk {
            hub: self.hub().clone(),
            users: self.endpoints().broker().users().into(),
        }
    }
}

/// Sessions by the name of their user, up to what an answer has.
async fn users_of(mut lists: mpsc::Receiver<Vec<SessionEntry>>) -> Listing<UserEntry> {
    let mut users: BTreeMap<String, Vec<SessionEntry>> = BTreeMap::new();
    let (mut items, mut is_complete) = (0, true);
    while let Some(some) = lists.recv().await {
        for entry in some {
            items += 1 + entry.subscriptions.len();
            if items > REGISTRY_ITEMS_MAX {
                is_complete = false;
            } else if let Some(user) = entry.session.user() {
                users.entry(user.to_owned()).or_default().push(entry);
            }
        }
    }
    let items = users.into_iter();
    let items = items.map(|(name, sessions)| UserEntry { name, sessions });
    Listing {
        items: items.collect(),
        is_complete,
    }
}
