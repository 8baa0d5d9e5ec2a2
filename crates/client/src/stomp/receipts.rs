//! Who waits for which RECEIPT.

use std::{collections::HashMap, sync::Arc};

use super::{error::StompError, handle::Reply, subscriptions::Name};

/// How many receipts a client may wait for at the same time.
pub const RECEIPTS_MAX: usize = 16_384;

/// Who waits for a receipt.
#[derive(Debug)]
pub(super) enum Waiter {
    /// A call.
    Call(Reply),
    /// A subscription: if it is refused, it is over. The call that asked for it, unless it was asked
    /// for after a loss.
    Subscription { name: Name, reply: Option<Reply> },
    /// Whoever begins a transaction: if it is refused, there is none.
    Begin { name: Arc<str>, reply: Reply },
}

/// All of them, by the receipt's id.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: HashMap<String, Waiter>,
    last: u64,
}

impl Receipts {
    /// An id that no other receipt of this client has.
    pub(super) fn next_id(&mut self) -> String {
        self.last += 1;
        format!("receipt-{}", self.last)
    }

    /// Whether one more may be waited for. Those whose callers have given up are forgotten.
    pub(super) fn check(&mut self) -> Result<(), StompError> {
        if self.waiting.len() >= RECEIPTS_MAX {
            self.waiting.retain(|_, waiter| match waiter {
                Waiter::Call(reply) | Waiter::Begin { reply, .. } => !reply.is_closed(),
                Waiter::Subscription { reply, .. } => {
                    reply.as_ref().is_none_or(|it| !it.is_closed())
                }
            });
        }
        if self.waiting.len() >= RECEIPTS_MAX {
            return Err(StompError::TooManyReceipts {
                receipts_max: RECEIPTS_MAX,
            });
        }
        Ok(())
    }

    pub(super) fn add(&mut self, id: String, waiter: Waiter) {
        self.waiting.insert(id, waiter);
    }

    /// Who has waited for it.
    pub(super) fn take(&mut self, id: &str) -> Option<Waiter> {
        self.waiting.remove(id)
    }

    /// The connection was lost: none of them will come (S178).
    pub(super) fn lose(&mut self, error: &StompError) {
        for (_, waiter) in self.waiting.drain() {
            if let Some(reply) = waiter.into_reply() {
                let _ = reply.send(Err(error.clone()));
            }
        }
    }
}

impl Waiter {
    pub(super) fn into_reply(self) -> Option<Reply> {
        match self {
            Self::Call(reply) | Self::Begin { reply, .. } => Some(reply),
            Self::Subscription { reply, .. } => reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn s178_so_many_receipts_are_waited_for_and_those_given_up_make_room() {
        let mut receipts = Receipts::default();
        let mut answers = Vec::new();
        for _ in 0..RECEIPTS_MAX {
            receipts.check().expect("room");
            let (reply, answer) = oneshot::channel();
            let id = receipts.next_id();
            receipts.add(id, Waiter::Call(reply));
            answers.push(answer);
        }
        let error = receipts.check().expect_err("no room");
        assert!(matches!(error, StompError::TooManyReceipts { .. }));
        answers.pop();
        receipts.check().expect("room for one");
        receipts.lose(&StompError::Disconnected);
        let lost = answers
            .iter_mut()
            .map(|it| it.try_recv().expect("an answer"));
        assert!(lost.into_iter().all(|it| it.is_err()));
    }
}
