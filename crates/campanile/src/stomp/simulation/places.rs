//! The destinations that simulated clients know, and which of them a subscription means.

/// The topics. The first three are also what the handlers' replies go to.
pub(super) const TOPICS: [&str; 6] = [
    "/topic/a/0",
    "/topic/a/1",
    "/topic/a/2",
    "/topic/b/0",
    "/topic/b/1",
    "/topic/c",
];

/// The topic that keeps its last value.
pub(super) const RETAINING: usize = 5;

/// How many of the topics handlers answer at.
pub(super) const ECHOING: usize = 3;

/// The patterns that are subscribed to, and the topics that they match.
pub(super) const PATTERNS: [(&str, &[usize]); 4] = [
    ("/topic/a/*", &[0, 1, 2]),
    ("/topic/**", &[0, 1, 2, 3, 4, 5]),
    ("/topic/*/0", &[0, 3]),
    ("/topic/{letter}/1", &[1, 4]),
];

/// Who has sessions; some sessions are nobody's.
pub(super) const USERS: [&str; 2] = ["ada", "bob"];

/// What users have under `/user`. The first has a history.
pub(super) const USER_NAMES: [&str; 2] = ["/queue/x", "/queue/y"];

/// The queues. What the first cannot deliver goes to the last.
pub(super) const QUEUES: [&str; 4] = ["/queue/dying", "/queue/lasting", "/queue/small", DEAD];

/// The queue of dead letters.
pub(super) const DEAD: &str = "/queue/dead";

/// The place of [`DEAD`] among the queues.
pub(super) const DEAD_QUEUE: usize = 3;

/// Where one message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Topic(usize),
    /// What a user has under a name.
    User(usize, usize),
    /// What one connection's session has under a name.
    Own(u64, usize),
    Queue(usize),
}

/// What a message is sent to, as its sender writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Topic(usize),
    User(usize, usize),
    Queue(usize),
    /// A handler, which publishes at the topic of this number.
    Handler(usize),
}

impl Target {
    pub(super) fn name(self) -> String {
        match self {
            Self::Topic(topic) => TOPICS[topic].to_owned(),
            Self::User(user, name) => format!("/user/{}{}", USERS[user], USER_NAMES[name]),
            Self::Queue(queue) => QUEUES[queue].to_owned(),
            Self::Handler(topic) => format!("/app/a/{topic}"),
        }
    }
}

/// What a client subscribes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Topic(usize),
    Pattern(usize),
    User(usize),
    Queue(usize),
}

impl Wish {
    pub(super) fn name(self) -> String {
        match self {
            Self::Topic(topic) => TOPICS[topic].to_owned(),
            Self::Pattern(pattern) => PATTERNS[pattern].0.to_owned(),
            Self::User(name) => format!("/user{}", USER_NAMES[name]),
            Self::Queue(queue) => QUEUES[queue].to_owned(),
        }
    }

    /// Whether what goes to this place is for the subscription of a connection whose session is
    /// this user's.
    pub(super) fn takes(self, place: Place, connection: u64, user: Option<usize>) -> bool {
        match (self, place) {
            (Self::Topic(wanted), Place::Topic(topic)) => wanted == topic,
            (Self::Pattern(pattern), Place::Topic(topic)) => PATTERNS[pattern].1.contains(&topic),
            (Self::User(wanted), Place::User(owner, name)) => wanted == name && user == Some(owner),
            (Self::User(wanted), Place::Own(owner, name)) => wanted == name && owner == connection,
            _ => false,
        }
    }
}
