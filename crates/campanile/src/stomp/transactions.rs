//! What a client has put into its open transactions.
//!
//! Nothing of it has been looked at: where a message may be sent, and whether it is this session's to
//! acknowledge, is found out when the transaction is committed.

use std::time::Duration;

use campanile_hub::{Message, Moment, Verdict};
use campanile_stomp::{AckId, Acknowledge, Frame, Version};

use super::labels;
use super::messages::own_header;
use super::reply::Refused;

/// How many transactions one session may have open.
pub const TRANSACTIONS_MAX: usize = 16;

/// How many frames all open transactions of one session may have together.
pub const TRANSACTION_FRAMES_MAX: usize = 1_000;

/// How many bytes all open transactions of one session may have together: bodies, headers and names.
pub const TRANSACTION_BYTES_MAX: usize = 1 << 20;

/// How long a transaction may be open.
pub const TRANSACTION_AGE_MAX: Duration = Duration::from_secs(60);

/// A message as ACK and NACK name it, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// The subscription's id; only clients of 1.0 may leave it out. In 1.2 it is missing from what
    /// was not written by us.
    pub(super) subscription: Option<Box<str>>,
    pub(super) message_id: Box<str>,
    pub(super) verdict: Verdict,
}

impl Acknowledged {
    /// Reads an ACK, or a NACK.
    pub(super) fn read(
        version: Version,
        acknowledge: &Acknowledge<'_>,
        frame: &Frame<'_>,
        verdict: Verdict,
    ) -> Self {
        let (subscription, message_id) = match &acknowledge.message {
            // 1.0 does not say that there is such a header, and many clients write it.
            AckId::MessageId(id) => {
                let subscription = frame.header("subscription");
                let subscription = subscription.map(|it| own_header(version, &it).into());
                (subscription, &**id)
            }
            AckId::InSubscription {
                subscription,
                message_id,
            } => (Some((&**subscription).into()), &**message_id),
            AckId::Ack(id) => match labels::acknowledged_by(id) {
                Some((message_id, subscription)) => (Some(subscription.into()), message_id),
                None => (None, &**id),
            },
        };
        Self {
            subscription,
            message_id: message_id.into(),
            verdict,
        }
    }

    fn bytes(&self) -> usize {
        self.message_id.len() + self.subscription.as_ref().map_or(0, |it| it.len())
    }
}

/// A frame of a transaction.
#[derive(Debug)]
pub(super) enum Step {
    Send {
        destination: Box<str>,
        message: Message,
    },
    Settle(Acknowledged),
}

impl Step {
    fn bytes(&self) -> usize {
        match self {
            Self::Send {
                destination,
                message,
            } => {
                let headers = message.headers.iter();
                let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
                destination.len() + headers + message.content.bytes().len()
            }
            Self::Settle(acknowledged) => acknowledged.bytes(),
        }
    }
}

#[derive(Debug)]
struct Open {
    name: Box<str>,
    began: Moment,
    steps: Vec<Step>,
    bytes: usize,
}

/// The open transactions of one session.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: Vec<Open>,
    /// Whether the shard will tell that one may be too old.
    is_reminded: bool,
}

impl Transactions {
    /// Begins one. Answers when its session is to be reminded of its age, if it will not be yet.
    pub(super) fn begin(&mut self, name: &str, now: Moment) -> Result<Option<Moment>, Refused> {
        if self.place(name).is_some() {
            let detail = format!("a transaction {name:?} is open; choose another name");
            return Err(Refused::new("transaction-known", detail));
        }
        if self.open.len() >= TRANSACTIONS_MAX {
            let detail = format!(
                "a session may have {TRANSACTIONS_MAX} transactions open; commit or abort some"
            );
            return Err(Refused::new("too-many-transactions", detail));
        }
        self.open.push(Open {
            name: name.into(),
            began: now,
            steps: Vec::new(),
            bytes: name.len(),
        });
        Ok(self.remind())
    }

    /// When the session is to be reminded, if it will not be yet.
    fn remind(&mut self) -> Option<Moment> {
        let first = self.open.iter().map(|one| one.began).min()?;
        let is_reminded = std::mem::replace(&mut self.is_reminded, true);
        (!is_reminded).then(|| first.plus(TRANSACTION_AGE_MAX))
    }

    /// Adds a frame. A transaction that there is no room for is forgotten.
    pub(super) fn add(&mut self, name: &str, step: Step) -> Result<(), Refused> {
        let Some(place) = self.place(name) else {
            return Err(unknown(name));
        };
        let frames: usize = self.open.iter().map(|one| one.steps.len()).sum();
        let bytes: usize = self.open.iter().map(|one| one.bytes).sum();
        if frames >= TRANSACTION_FRAMES_MAX || bytes + step.bytes() > TRANSACTION_BYTES_MAX {
            self.open.remove(place);
            let detail = format!(
                "the open transactions of a session may have {TRANSACTION_FRAMES_MAX} frames and \
                 {TRANSACTION_BYTES_MAX} bytes together; {name:?} is aborted; make smaller ones"
            );
            return Err(Refused::new("transaction-too-big", detail));
        }
        let one = &mut self.open[place];
        one.bytes += step.bytes();
        one.steps.push(step);
        Ok(())
    }

    /// Takes one to be committed or aborted: its name is free again.
    pub(super) fn take(&mut self, name: &str, now: Moment) -> Result<Vec<Step>, Refused> {
        let place = self.place(name).ok_or_else(|| unknown(name))?;
        let one = self.open.remove(place);
        match is_too_old(&one, now) {
            true => Err(expired(name)),
            false => Ok(one.steps),
        }
    }

    /// Forgets one, if it is there.
    pub(super) fn forget(&mut self, name: &str) {
        self.open.retain(|one| *one.name != *name);
    }

    /// The shard has reminded of their age: forgets those that are too old, and says why each is
    /// refused, and when to remind next.
    pub(super) fn grow_old(&mut self, now: Moment) -> (Vec<Refused>, Option<Moment>) {
        self.is_reminded = false;
        let gone = self.open.extract_if(.., |one| is_too_old(one, now));
        let refused = gone.map(|one| expired(&one.name)).collect();
        (refused, self.remind())
    }

    /// Whether nothing is left to be kept.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty() && !self.is_reminded
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.open.iter().position(|one| *one.name == *name)
    }
}

fn is_too_old(one: &Open, now: Moment) -> bool {
    now >= one.began.plus(TRANSACTION_AGE_MAX)
}

pub(super) fn unknown(name: &str) -> Refused {
    let detail = format!("there is no transaction {name:?}; BEGIN comes first");
    Refused::new("unknown-transaction", detail)
}

fn expired(name: &str) -> Refused {
    let seconds = TRANSACTION_AGE_MAX.as_secs();
    let detail =
        format!("the transaction {name:?} was open for {seconds} s and is aborted; commit sooner");
    Refused::new("transaction-expired", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    fn send(bytes: usize) -> Step {
        Step::Send {
            destination: "/queue/a".into(),
            message: Message::text("x".repeat(bytes)),
        }
    }

    fn word(result: Result<impl Sized, Refused>) -> String {
        result.err().map_or_else(String::new, |it| it.word.into())
    }

    #[test]
    fn s72_names_are_one_transactions_until_it_is_over() {
        let mut all = Transactions::default();
        assert_eq!(word(all.add("t", send(1))), "unknown-transaction");
        assert_eq!(all.begin("t", at(0)).ok(), Some(Some(at(60))));
        assert_eq!(word(all.begin("t", at(1))), "transaction-known");
        assert!(all.add("t", send(1)).is_ok());
        assert_eq!(all.take("t", at(2)).expect("open").len(), 1);
        assert_eq!(word(all.take("t", at(2))), "unknown-transaction");
        // It is reminded of already.
        assert_eq!(all.begin("t", at(3)).ok(), Some(None));
        for number in 1..TRANSACTIONS_MAX {
            assert!(all.begin(&number.to_string(), at(3)).is_ok());
        }
        assert_eq!(word(all.begin("one more", at(3))), "too-many-transactions");
        all.forget("t");
        assert!(all.begin("one more", at(3)).is_ok());
    }

    #[test]
    fn s72_frames_and_bytes_of_all_together_are_bounded_and_what_is_too_big_is_forgotten() {
        let mut all = Transactions::default();
        for name in ["a", "b"] {
            assert!(all.begin(name, at(0)).is_ok());
            for _ in 0..TRANSACTION_FRAMES_MAX / 2 {
                assert!(all.add(name, send(1)).is_ok());
            }
        }
        assert_eq!(word(all.add("b", send(1))), "transaction-too-big");
        assert_eq!(word(all.add("b", send(1))), "unknown-transaction");
        assert!(all.add("a", send(1)).is_ok(), "there is room again");
        let most = TRANSACTION_BYTES_MAX - TRANSACTION_FRAMES_MAX * 10;
        assert!(all.add("a", send(most)).is_ok());
        assert_eq!(word(all.add("a", send(10_000))), "transaction-too-big");
        assert!(!all.is_over(), "somebody will be reminded");
    }

    #[test]
    fn s72_what_is_too_old_is_forgotten_and_the_next_one_is_reminded_of() {
        let mut all = Transactions::default();
        assert_eq!(all.begin("old", at(0)).ok(), Some(Some(at(60))));
        assert_eq!(all.begin("young", at(20)).ok(), Some(None));
        let (refused, next) = all.grow_old(at(60));
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].word, "transaction-expired");
        assert_eq!(next, Some(at(80)));
        // Before the reminder comes, a tick late.
        assert_eq!(word(all.take("young", at(80))), "transaction-expired");
        let (refused, next) = all.grow_old(at(80));
        assert!(refused.is_empty() && next.is_none() && all.is_over());
    }
}
