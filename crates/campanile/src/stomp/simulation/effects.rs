//! What a client's frame must do, told to the model once the server has taken it.

use std::collections::BTreeSet;

use super::acts::{Act, Sending, Settling, Subscribing, What};
use super::model::{Model, Open};
use super::places::{Place, Target, USERS, Wish};
use super::queues::SMALL_MAX;

/// For how long a transaction may be open, in milliseconds.
pub(super) const TRANSACTION_AGE_MAX: u64 = 60_000;

/// How many transactions a session may have open.
const TRANSACTIONS_MAX: usize = 16;

/// What has come of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    /// Where the log stood before, and where it stands now.
    pub(super) before: u64,
    pub(super) after: u64,
    /// The word of the ERROR, if it was refused.
    pub(super) refused: Option<&'a str>,
    /// The session was being closed before: then anything is refused that needs it.
    pub(super) is_closing: bool,
}

impl Taken<'_> {
    #[track_caller]
    fn is_done(self) -> bool {
        assert_eq!(self.refused, None, "it must not be refused");
        true
    }

    #[track_caller]
    fn is_refused_as(self, words: &[&str]) -> bool {
        let word = self.refused.unwrap_or_default();
        assert!(
            words.contains(&word),
            "{word:?} instead of one of {words:?}"
        );
        false
    }

    /// Nothing was published.
    #[track_caller]
    fn is_quiet(self) {
        assert_eq!(self.before, self.after, "nothing is published by this");
    }
}

impl Model {
    /// Notes that the server has taken a frame, and compares what came of it.
    pub(super) fn taken(&mut self, id: u64, act: &Act, taken: Taken<'_>) {
        let receipt = act.receipt.clone();
        if taken.is_closing && taken.refused.is_some() {
            if let What::Commit(name) | What::Abort(name) = &act.what {
                self.connection(id).transactions.remove(name);
            }
            return;
        }
        let is_done = match &act.what {
            What::Connect | What::Disconnect => taken.is_done(),
            What::Begin(name) => self.begin(id, name, taken),
            What::Abort(name) => match self.connection(id).transactions.remove(name) {
                Some(open) if self.is_too_old(&open) => {
                    taken.is_refused_as(&["transaction-expired"])
                }
                Some(_) => taken.is_done(),
                None => taken.is_refused_as(&["unknown-transaction"]),
            },
            What::Commit(name) => self.commit(id, name, &receipt, taken),
            What::Send(Sending {
                transaction: Some(name),
                ..
            })
            | What::Settle(Settling {
                transaction: Some(name),
                ..
            }) => {
                taken.is_quiet();
                match self.connection(id).transactions.get_mut(name) {
                    Some(open) => {
                        open.acts.push(act.what.clone());
                        taken.is_done()
                    }
                    None => taken.is_refused_as(&["unknown-transaction"]),
                }
            }
            What::Send(sending) => self.send(id, sending, taken),
            What::Settle(settling) if self.is_idle(id, settling) => taken.is_done(),
            What::Settle(settling) => match self.may_settle(id, [settling])
                || taken.refused.is_none() && self.may_be_early(id, settling)
            {
                true => {
                    self.settle(id, settling);
                    taken.is_done()
                }
                false => taken.is_refused_as(&["not-delivered"]),
            },
            What::Subscribe(subscribing) => self.subscribe(id, subscribing, &receipt, taken),
            What::Unsubscribe(key) => match self.leave(id, key) {
                true => {
                    let ends = receipt.clone().map(|receipt| (receipt, key.clone()));
                    self.connection(id).ends.extend(ends);
                    taken.is_done()
                }
                false => taken.is_refused_as(&["no-subscription"]),
            },
        };
        self.sights.refused += usize::from(!is_done);
        let is_answered_later = match &act.what {
            What::Send(Sending {
                transaction,
                target,
                ..
            }) => transaction.is_none() && matches!(target, Target::Handler(_)),
            // There only if it has called handlers.
            What::Commit(_) => self.awaits(id, &receipt),
            _ => false,
        };
        if is_done && !is_answered_later {
            self.connection(id).granted.extend(receipt);
        }
    }

    fn begin(&mut self, id: u64, name: &str, taken: Taken<'_>) -> bool {
        let since = self.now;
        let open = &mut self.connection(id).transactions;
        if open.contains_key(name) {
            return taken.is_refused_as(&["transaction-known"]);
        }
        if open.len() >= TRANSACTIONS_MAX {
            return taken.is_refused_as(&["too-many-transactions"]);
        }
        let acts = Vec::new();
        open.insert(name.to_owned(), Open { acts, since });
        taken.is_done()
    }

    fn is_too_old(&self, open: &Open) -> bool {
        self.now - open.since >= TRANSACTION_AGE_MAX
    }

    /// Where a message goes to, for a connection that sends it.
    fn place(&self, id: u64, target: Target) -> Option<Place> {
        match target {
            Target::Topic(topic) => Some(Place::Topic(topic)),
            Target::User(user, name) if self.connections[&id].user == Some(user) => {
                Some(Place::Own(id, name))
            }
            Target::User(user, name) => Some(Place::User(user, name)),
            Target::Queue(queue) => Some(Place::Queue(queue)),
            Target::Handler(_) => None,
        }
    }

    /// Notes that a message was accepted at a position.
    fn accept(&mut self, id: u64, number: usize, position: u64, taken: Taken<'_>) {
        let (target, is_marked) = {
            let message = &self.messages[number];
            (message.target, message.is_marked)
        };
        match self.place(id, target) {
            Some(Place::Queue(queue)) => self.enqueue(number, queue, (taken.before, taken.after)),
            Some(place) => self.publish(Some(id), place, number, is_marked, position),
            None => {}
        }
    }

    fn send(&mut self, id: u64, sending: &Sending, taken: Taken<'_>) -> bool {
        match sending.target {
            Target::Queue(queue) if taken.refused.is_some() => {
                self.check_full(queue, 1);
                taken.is_refused_as(&["queue-full"])
            }
            Target::Handler(_) => {
                taken.is_quiet();
                taken.is_done()
            }
            Target::Queue(_) => {
                assert!(taken.after > taken.before, "it has no position");
                self.accept(id, sending.number, taken.after, taken);
                taken.is_done()
            }
            Target::Topic(_) | Target::User(..) => {
                assert_eq!(taken.after, taken.before + 1, "one position each");
                self.accept(id, sending.number, taken.after, taken);
                taken.is_done()
            }
        }
    }

    fn check_full(&self, queue: usize, more: usize) {
        let waiting = self.waiting(queue).count();
        let is_full = queue == 2 && waiting + more > SMALL_MAX;
        assert!(is_full, "queue {queue} is not full with {waiting}");
    }

    fn subscribe(
        &mut self,
        id: u64,
        subscribing: &Subscribing,
        receipt: &Option<String>,
        taken: Taken<'_>,
    ) -> bool {
        let is_queue = matches!(subscribing.wish, Wish::Queue(_));
        if subscribing.after.is_some() && is_queue {
            return taken.is_refused_as(&["no-history", "receipt-required"]);
        }
        if subscribing.after.is_some() && receipt.is_none() {
            return taken.is_refused_as(&["receipt-required"]);
        }
        if is_queue {
            self.consume(id, subscribing);
            return taken.is_done();
        }
        taken.is_quiet();
        self.join(id, subscribing, taken.after, receipt.is_some());
        let begins = receipt
            .clone()
            .map(|receipt| (receipt, subscribing.key.clone()));
        self.connection(id).begins.extend(begins);
        taken.is_done()
    }

    fn commit(&mut self, id: u64, name: &str, receipt: &Option<String>, taken: Taken<'_>) -> bool {
        let Some(open) = self.connection(id).transactions.remove(name) else {
            return taken.is_refused_as(&["unknown-transaction"]);
        };
        if self.is_too_old(&open) {
            return taken.is_refused_as(&["transaction-expired"]);
        }
        let settlings: Vec<&Settling> = open
            .acts
            .iter()
            .filter_map(|what| match what {
                What::Settle(settling) if !self.is_idle(id, settling) => Some(settling),
                _ => None,
            })
            .collect();
        let may_settle = self.may_settle(id, settlings.iter().copied());
        let numbers: Vec<(usize, Target)> = open
            .acts
            .iter()
            .filter_map(|what| match what {
                What::Send(sending) => Some((sending.number, sending.target)),
                _ => None,
            })
            .collect();
        let to = |queue: usize| {
            let all = numbers.iter();
            all.filter(|(_, target)| *target == Target::Queue(queue))
                .count()
        };
        if taken.refused.is_some() {
            let may_be_full = to(2) > 0;
            if may_settle {
                self.check_full(2, to(2));
            }
            return match (may_settle, may_be_full) {
                (true, _) => taken.is_refused_as(&["queue-full"]),
                (false, true) => taken.is_refused_as(&["not-delivered", "queue-full"]),
                (false, false) => taken.is_refused_as(&["not-delivered"]),
            };
        }
        let is_held = |one: &&Settling| self.may_settle(id, [*one]) || self.may_be_early(id, one);
        let may_settle = may_settle || settlings.iter().all(is_held);
        assert!(may_settle, "it settles what connection {id} does not have");
        for settling in settlings {
            self.settle(id, settling);
        }
        let (mut position, mut called) = (taken.before, BTreeSet::new());
        for (number, target) in numbers {
            if matches!(target, Target::Handler(_)) {
                called.insert(number);
                continue;
            }
            position += 1;
            self.accept(id, number, position, taken);
        }
        assert!(
            taken.after >= position,
            "each of its messages has a position"
        );
        if !called.is_empty() {
            self.connection(id).called.push((called, receipt.clone()));
        }
        self.sights.committed += 1;
        taken.is_done()
    }

    /// Whether a receipt is given once handlers have answered.
    fn awaits(&self, id: u64, receipt: &Option<String>) -> bool {
        let called = &self.connections[&id].called;
        receipt.is_some() && called.iter().any(|(_, one)| one == receipt)
    }

    /// A handler has answered what a connection has sent to `/app`, by publishing the same at
    /// its topic, and has given a receipt, if one was asked for.
    pub(super) fn handled(
        &mut self,
        id: u64,
        topic: usize,
        number: usize,
        receipt: Option<&str>,
        taken: Taken<'_>,
    ) {
        assert_eq!(taken.after, taken.before + 1, "a handler publishes once");
        assert!(taken.is_done());
        self.publish(Some(id), Place::Topic(topic), number, false, taken.after);
        self.sights.handled += 1;
        let connection = self.connection(id);
        let mut granted = receipt.map(str::to_owned);
        connection.called.retain_mut(|(left, together)| {
            if left.remove(&number) && left.is_empty() {
                granted = together.take();
            }
            !left.is_empty()
        });
        connection.granted.extend(granted);
    }

    /// The server has looked at the age of transactions, and refused those that are too old.
    pub(super) fn grown_old(&mut self, id: u64, has_ended: bool, words: &[String]) {
        let now = self.now;
        let transactions = &mut self.connection(id).transactions;
        let before = transactions.len();
        transactions.retain(|_, open| now - open.since < TRANSACTION_AGE_MAX);
        let expired = before - transactions.len();
        // The first closes the session, unless it may go on.
        let are_told = match words.len() {
            0 => has_ended || expired == 0,
            1 => expired > 0,
            all => all == expired,
        };
        let are_right = words.iter().all(|word| word == "transaction-expired");
        assert!(
            are_told && are_right,
            "{expired} expired, and {words:?} were told to {id}"
        );
        self.sights.expired += expired;
    }
}

/// Which user a connection's session belongs to.
pub(super) fn name_of(user: Option<usize>) -> Option<&'static str> {
    user.map(|user| USERS[user])
}
