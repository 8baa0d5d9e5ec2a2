//! Which sessions over plain HTTP there are.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use campanile_hub::Moment;

use super::session::HttpSession;

/// How many sessions of SockJS over plain HTTP an application has at most, those included that have
/// ended and are remembered for their disconnect delay. Beyond it a new one is answered 503.
pub const SOCKJS_HTTP_SESSIONS_MAX: usize = 65_536;

/// In how many portions the table is locked.
const PORTIONS: usize = 64;

/// How often a portion is looked through at most for sessions that nobody can want any more.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Sessions by their endpoint's path and their id.
pub(crate) struct HttpSessions {
    portions: Box<[Mutex<Portion>]>,
    hasher: RandomState,
    count: AtomicUsize,
    sessions_max: usize,
}

#[derive(Default)]
struct Portion {
    /// `None` while the first request of a session is asked whether it may come in.
    sessions: HashMap<Box<str>, Option<Arc<HttpSession>>>,
    swept_at: Moment,
}

/// What is known under a session's id.
pub(super) enum Found {
    /// The session.
    Session(Arc<HttpSession>),
    /// It is being opened by another request.
    Opening,
    /// Nothing.
    Nothing,
}

/// What a request may do that would open a session.
pub(super) enum Claimed<'a> {
    /// Open it.
    New(Claim<'a>),
    /// There is one already.
    Session(Arc<HttpSession>),
    /// Another request is opening it.
    Opening,
    /// There is no room for it.
    Full,
}

/// A place in the table for a session that is being opened; without it the place is free again.
pub(super) struct Claim<'a> {
    sessions: &'a HttpSessions,
    key: Box<str>,
    is_filled: bool,
}

impl Default for HttpSessions {
    fn default() -> Self {
        Self::at_most(SOCKJS_HTTP_SESSIONS_MAX)
    }
}

impl HttpSessions {
    pub(super) fn at_most(sessions_max: usize) -> Self {
        Self {
            portions: (0..PORTIONS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            count: AtomicUsize::new(0),
            sessions_max,
        }
    }

    /// What a session is called here.
    pub(super) fn key(base: &str, session: &str) -> String {
        format!("{base}\n{session}")
    }

    /// Looks for a session.
    pub(super) fn find(&self, key: &str, now: Moment) -> Found {
        match self.portion(key, now).sessions.get(key) {
            Some(Some(session)) if session.is_forgotten(now) => Found::Nothing,
            Some(Some(session)) => Found::Session(Arc::clone(session)),
            Some(None) => Found::Opening,
            None => Found::Nothing,
        }
    }

    /// Looks for a session, and keeps a place for it if there is none.
    pub(super) fn claim(&self, key: &str, now: Moment) -> Claimed<'_> {
        if self.count.load(Ordering::Acquire) >= self.sessions_max {
            for portion in &self.portions {
                self.sweep(&mut lock(portion), now);
            }
        }
        let mut portion = self.portion(key, now);
        match portion.sessions.entry(key.into()) {
            Entry::Occupied(mut known) => match known.get() {
                Some(session) if session.is_forgotten(now) => {
                    known.insert(None);
                    Claimed::New(Claim::of(self, key))
                }
                Some(session) => Claimed::Session(Arc::clone(session)),
                None => Claimed::Opening,
            },
            Entry::Vacant(place) => {
                let before = self.count.fetch_add(1, Ordering::AcqRel);
                if before >= self.sessions_max {
                    self.count.fetch_sub(1, Ordering::AcqRel);
                    return Claimed::Full;
                }
                place.insert(None);
                Claimed::New(Claim::of(self, key))
            }
        }
    }

    fn portion(&self, key: &str, now: Moment) -> MutexGuard<'_, Portion> {
        let hash = self.hasher.hash_one(key);
        // The remainder is below `PORTIONS`.
        let index = usize::try_from(hash % PORTIONS as u64).unwrap_or(0);
        let mut portion = lock(&self.portions[index]);
        self.sweep(&mut portion, now);
        portion
    }

    fn sweep(&self, portion: &mut Portion, now: Moment) {
        if portion.sessions.is_empty() || now.since(portion.swept_at) < SWEEP_INTERVAL {
            return;
        }
        portion.swept_at = now;
        let before = portion.sessions.len();
        let is_wanted = |session: &HttpSession| !session.is_forgotten(now);
        portion
            .sessions
            .retain(|_, session| session.as_deref().is_none_or(is_wanted));
        let gone = before - portion.sessions.len();
        self.count.fetch_sub(gone, Ordering::AcqRel);
        if portion.sessions.is_empty() {
            portion.sessions = HashMap::new();
        }
    }
}

fn lock(portion: &Mutex<Portion>) -> MutexGuard<'_, Portion> {
    portion.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Claim<'a> {
    fn of(sessions: &'a HttpSessions, key: &str) -> Self {
        Self {
            sessions,
            key: key.into(),
            is_filled: false,
        }
    }

    /// Puts the session in its place.
    pub(super) fn fill(mut self, session: Arc<HttpSession>) {
        let place = Some(session);
        let now = Moment::default();
        let key = std::mem::take(&mut self.key);
        self.sessions.portion(&key, now).sessions.insert(key, place);
        self.is_filled = true;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.is_filled {
            let mut portion = self.sessions.portion(&self.key, Moment::default());
            if portion.sessions.remove(&self.key).is_some() {
                self.sessions.count.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use campanile_sockjs::Transport;

    use super::super::session::Owner;
    use super::*;
    use crate::driver::{clock, pipe_for_requests};

    const DELAY: Duration = Duration::from_secs(5);

    /// A session and its shard's end.
    fn session() -> (Arc<HttpSession>, impl Sized) {
        let (transport, end) = pipe_for_requests(DELAY, 100);
        let owner = Owner {
            user: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let session = HttpSession::new(Transport::Xhr, owner, DELAY, end);
        (Arc::new(session), transport)
    }

    fn new<'a>(sessions: &'a HttpSessions, key: &str, now: Moment) -> Claim<'a> {
        match sessions.claim(key, now) {
            Claimed::New(claim) => claim,
            _ => panic!("{key} is not new"),
        }
    }

    #[test]
    fn s40_a_full_table_takes_no_more_until_one_is_given_up() {
        let sessions = HttpSessions::at_most(2);
        let now = clock::now();
        let first = new(&sessions, "a", now);
        let second = new(&sessions, "b", now);
        assert!(matches!(sessions.claim("c", now), Claimed::Full));
        assert!(matches!(sessions.claim("a", now), Claimed::Opening));
        assert!(matches!(sessions.find("a", now), Found::Opening));
        drop(first);
        assert!(matches!(sessions.find("a", now), Found::Nothing));
        let (kept, _transport) = session();
        second.fill(kept);
        assert!(matches!(sessions.claim("b", now), Claimed::Session(_)));
        drop(new(&sessions, "c", now));
        assert_eq!(sessions.count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn s47_sessions_that_have_ended_make_room_after_their_delay() {
        let sessions = HttpSessions::at_most(2);
        let now = clock::now();
        let (alive, _transport) = session();
        new(&sessions, "alive", now).fill(alive);
        let (ended, transport) = session();
        new(&sessions, "ended", now).fill(ended);
        drop(transport);
        assert!(matches!(sessions.claim("c", now), Claimed::Full));
        let later = clock::now().plus(DELAY);
        assert!(matches!(sessions.find("ended", later), Found::Nothing));
        drop(new(&sessions, "ended", later));
        drop(new(&sessions, "c", later));
        let much_later = later.plus(DELAY);
        assert!(matches!(
            sessions.find("alive", much_later),
            Found::Session(_)
        ));
        assert_eq!(sessions.count.load(Ordering::Relaxed), 1);
    }
}
