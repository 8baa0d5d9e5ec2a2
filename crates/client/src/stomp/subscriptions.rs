//! The subscriptions of a client, as the owner of its connection keeps them.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::mpsc;

use super::{
    cursor::Cursor,
    error::StompError,
    frame::Received,
    message::StompMessage,
    recovery::{Recovery, Shared},
    subscribing::WhenFull,
};

/// How many subscriptions one client may have.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;

/// Which of a client's subscriptions one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// In the frames. It may be used again.
    pub(super) id: String,
    /// Is never used again.
    pub(super) serial: u64,
}

/// A subscription that somebody wants.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) name: Name,
    /// Of SUBSCRIBE, but for `id`, `receipt` and `after`.
    pub(super) headers: Vec<(String, String)>,
    pub(super) queue: mpsc::Sender<StompMessage>,
    pub(super) when_full: WhenFull,
    /// What it is to begin after, the first time.
    pub(super) after: Option<Cursor>,
    /// Whether it is to go on after a loss where it has ended.
    pub(super) recovers: bool,
    pub(super) shared: Arc<Shared>,
}

/// A subscription that outlives connections.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) wish: Wish,
    pub(super) recovery: Recovery,
}

impl Registered {
    /// The headers of SUBSCRIBE, the first time and after a loss.
    pub(super) fn headers(&self, receipt: &str) -> Vec<(String, String)> {
        let mut headers = vec![
            ("id".to_owned(), self.wish.name.id.clone()),
            ("receipt".to_owned(), receipt.to_owned()),
        ];
        if let Some(cursor) = self.recovery.after() {
            headers.push(("after".to_owned(), cursor.to_string()));
        }
        headers.extend_from_slice(&self.wish.headers);
        headers
    }
}

/// All of them, by id.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    by_id: HashMap<String, Registered>,
}

impl Subscriptions {
    /// Why a wish cannot be registered.
    pub(super) fn check(&self, wish: &Wish) -> Result<(), StompError> {
        if self.by_id.contains_key(&wish.name.id) {
            let id = wish.name.id.clone();
            return Err(StompError::IdTaken { id });
        }
        if self.by_id.len() >= SUBSCRIPTIONS_MAX {
            return Err(StompError::TooManySubscriptions {
                subscriptions_max: SUBSCRIPTIONS_MAX,
            });
        }
        Ok(())
    }

    /// Registers a wish that was [checked](Self::check).
    pub(super) fn add(&mut self, wish: Wish) -> &Registered {
        let registered = Registered {
            recovery: Recovery::new(wish.recovers, wish.after),
            wish,
        };
        let id = registered.wish.name.id.clone();
        let entry = self.by_id.entry(id);
        entry.insert_entry(registered).into_mut()
    }

    /// The one with that id, if nobody reads it any more.
    pub(super) fn abandoned(&self, id: &str) -> Option<Name> {
        let found = self.by_id.get(id)?;
        let is_abandoned = found.wish.queue.is_closed();
        is_abandoned.then(|| found.wish.name.clone())
    }

    /// Removes one, unless another one has its id by now.
    pub(super) fn remove(&mut self, name: &Name) -> Option<Registered> {
        let found = self.by_id.get(&name.id)?;
        if found.wish.name.serial != name.serial {
            return None;
        }
        self.by_id.remove(&name.id)
    }

    /// The one that is meant, unless it is gone.
    pub(super) fn named(&mut self, name: &Name) -> Option<&mut Registered> {
        let found = self.by_id.get_mut(&name.id)?;
        (found.wish.name.serial == name.serial).then_some(found)
    }

    /// Whose a MESSAGE is. In 1.0 a server may leave the subscription out: then it is that of the
    /// destination.
    pub(super) fn of(&mut self, message: &Received) -> Option<&mut Registered> {
        if let Some(id) = message.header("subscription") {
            return self.by_id.get_mut(id);
        }
        let destination = message.header("destination")?;
        self.by_id.values_mut().find(|it| {
            let mut headers = it.wish.headers.iter();
            headers.any(|(name, value)| name == "destination" && value == destination)
        })
    }

    /// The connection was lost: from here on, anything may be missing, until the server has said
    /// otherwise.
    pub(super) fn lose(&mut self) {
        self.by_id.retain(|_, it| !it.wish.queue.is_closed());
        for registered in self.by_id.values_mut() {
            registered.recovery.lose();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.by_id.values()
    }

    /// There will be no more messages.
    pub(super) fn end(&mut self, error: Option<&StompError>) {
        for (_, registered) in self.by_id.drain() {
            if let Some(error) = error {
                let _ = registered.wish.shared.end.set(error.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stomp::message::Missed;

    fn wish(number: usize) -> (Wish, mpsc::Receiver<StompMessage>) {
        let (queue, messages) = mpsc::channel(1);
        let wish = Wish {
            name: Name {
                id: format!("id-{number}"),
                serial: number as u64,
            },
            headers: Vec::new(),
            queue,
            when_full: WhenFull::Drop,
            after: None,
            recovers: true,
            shared: Arc::default(),
        };
        (wish, messages)
    }

    #[test]
    fn s177_so_many_subscriptions_are_registered() {
        let mut all = Subscriptions::default();
        let mut readers = Vec::new();
        for number in 0..SUBSCRIPTIONS_MAX {
            let (wish, messages) = wish(number);
            all.check(&wish).expect("room");
            all.add(wish);
            readers.push(messages);
        }
        let error = all.check(&wish(SUBSCRIPTIONS_MAX).0).expect_err("no room");
        assert!(matches!(error, StompError::TooManySubscriptions { .. }));
        let error = all.check(&wish(7).0).expect_err("taken");
        assert!(matches!(error, StompError::IdTaken { .. }));
        // Who has the id by now is not removed in the place of another one.
        let name = |serial| Name {
            id: "id-7".to_owned(),
            serial,
        };
        assert!(all.remove(&name(8)).is_none());
        assert!(all.remove(&name(7)).is_some());
        // What nobody reads any more does not outlive a connection.
        readers.truncate(3);
        all.lose();
        assert_eq!(all.iter().count(), 3);
        assert!(all.iter().all(|it| it.recovery.missed() == Missed::Unknown));
    }
}
