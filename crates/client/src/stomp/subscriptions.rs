//! The subscriptions of a client, as the owner of its connection keeps them.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use tokio::sync::mpsc;

use super::{
    error::StompError, frame::Received, message::Missed, message::StompMessage,
    subscription::WhenFull,
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
    /// Of SUBSCRIBE, but for `id` and `receipt`.
    pub(super) headers: Vec<(String, String)>,
    pub(super) queue: mpsc::Sender<StompMessage>,
    pub(super) when_full: WhenFull,
    /// Set before the queue ends if that was not wanted.
    pub(super) end: Arc<OnceLock<StompError>>,
}

/// A subscription that outlives connections.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) wish: Wish,
    /// What its next message is to tell.
    pub(super) missed: Missed,
}

impl Registered {
    /// The headers of SUBSCRIBE, the first time and after a loss.
    pub(super) fn headers(&self, receipt: &str) -> Vec<(String, String)> {
        let mut headers = vec![
            ("id".to_owned(), self.wish.name.id.clone()),
            ("receipt".to_owned(), receipt.to_owned()),
        ];
        headers.extend_from_slice(&self.wish.headers);
        headers
    }

    /// A message found no room and was dropped.
    pub(super) fn drop_one(&mut self) {
        self.missed = match self.missed {
            Missed::Nothing => Missed::Dropped(1),
            Missed::Dropped(count) => Missed::Dropped(count.saturating_add(1)),
            Missed::Unknown => Missed::Unknown,
        };
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
            missed: Missed::Nothing,
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

    /// The connection was lost: from here on, anything may be missing.
    pub(super) fn lose(&mut self) {
        self.by_id.retain(|_, it| !it.wish.queue.is_closed());
        for registered in self.by_id.values_mut() {
            registered.missed = Missed::Unknown;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.by_id.values()
    }

    /// There will be no more messages.
    pub(super) fn end(&mut self, error: Option<&StompError>) {
        for (_, registered) in self.by_id.drain() {
            if let Some(error) = error {
                let _ = registered.wish.end.set(error.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            end: Arc::default(),
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
        assert!(all.iter().all(|it| it.missed == Missed::Unknown));
    }

    #[test]
    fn s177_what_is_dropped_is_counted() {
        let mut all = Subscriptions::default();
        all.add(wish(1).0);
        let one = all.by_id.get_mut("id-1").expect("it is there");
        one.drop_one();
        one.drop_one();
        assert_eq!(one.missed, Missed::Dropped(2));
        one.missed = Missed::Unknown;
        one.drop_one();
        assert_eq!(one.missed, Missed::Unknown);
    }
}
