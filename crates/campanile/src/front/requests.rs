//! Connections that are no sessions yet: a listener has so many, and no more.

use std::collections::BTreeMap;
use std::future::Future;

use tokio::task::{AbortHandle, JoinSet};

use super::serve::UNFINISHED_REQUESTS_MAX;

/// The connections of one listener that are no sessions yet, oldest first.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) tasks: JoinSet<u64>,
    by_age: BTreeMap<u64, AbortHandle>,
    next: u64,
}

impl Requests {
    pub(super) fn spawn(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        if self.by_age.len() >= UNFINISHED_REQUESTS_MAX {
            self.drop_oldest();
        }
        let number = self.next;
        self.next += 1;
        let task = self.tasks.spawn(async move {
            connection.await;
            number
        });
        self.by_age.insert(number, task);
    }

    pub(super) fn drop_oldest(&mut self) {
        if let Some((_, oldest)) = self.by_age.pop_first() {
            oldest.abort();
        }
    }

    pub(super) fn ended(&mut self, number: Option<u64>) {
        // One that was cut off is not in the list any more.
        if let Some(number) = number {
            self.by_age.remove(&number);
        }
    }
}
