//! How users reach the task that owns a client's connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use campanile_stomp::Command;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::timeout,
};

use super::{
    error::StompError,
    events::Event,
    link::Session,
    subscriptions::{Name, Wish},
    transaction::TRANSACTIONS_MAX,
};

/// Where an answer is awaited.
pub(super) type Reply = oneshot::Sender<Result<(), StompError>>;

/// What the owner is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// Answered when it is on its way, or with its receipt.
    Send { order: Order, reply: Reply },
    /// Answered with its receipt.
    Subscribe { wish: Wish, reply: Reply },
    /// Answered with its receipt, if somebody waits.
    Unsubscribe { name: Name, reply: Option<Reply> },
    /// Answered with its receipt.
    Begin { name: Arc<str>, reply: Reply },
}

/// A frame to send.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) command: Command,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) asks_receipt: bool,
    /// The connection that it makes sense on; `None` for any.
    pub(super) connection: Option<u64>,
    /// The transaction that it is a part of.
    pub(super) transaction: Option<Arc<str>>,
}

/// How the connection is.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    Connected(Arc<Session>),
    Offline,
    /// For good; without an error if that was wanted.
    Ended(Option<StompError>),
}

/// One user's end. The connection lives as long as there is one.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    asks: mpsc::Sender<Ask>,
    goodbyes: mpsc::Sender<Reply>,
    shared: Arc<Shared>,
}

/// A user's part of the channels to the owner.
pub(super) struct Channels {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) goodbyes: mpsc::Sender<Reply>,
    /// The names of transactions that were given up.
    pub(super) aborts: mpsc::Sender<Arc<str>>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) events: broadcast::WeakSender<Event>,
}

/// What does not keep the connection alive.
#[derive(Debug, Clone)]
pub(super) struct WeakHandle {
    asks: mpsc::WeakSender<Ask>,
    goodbyes: mpsc::WeakSender<Reply>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    phase: watch::Receiver<Phase>,
    events: broadcast::WeakSender<Event>,
    /// Of the next subscription or transaction.
    serial: AtomicU64,
    aborts: mpsc::Sender<Arc<str>>,
    receipt_timeout: Duration,
    auto_receipt: bool,
}

impl Handle {
    pub(super) fn new(channels: Channels, receipt_timeout: Duration, auto_receipt: bool) -> Self {
        let shared = Arc::new(Shared {
            phase: channels.phase,
            events: channels.events,
            serial: AtomicU64::new(0),
            aborts: channels.aborts,
            receipt_timeout,
            auto_receipt,
        });
        Self {
            asks: channels.asks,
            goodbyes: channels.goodbyes,
            shared,
        }
    }

    pub(super) fn downgrade(&self) -> WeakHandle {
        WeakHandle {
            asks: self.asks.downgrade(),
            goodbyes: self.goodbyes.downgrade(),
            shared: self.shared.clone(),
        }
    }

    pub(super) fn auto_receipt(&self) -> bool {
        self.shared.auto_receipt
    }

    pub(super) fn next_serial(&self) -> u64 {
        self.shared.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A place for the name of one more transaction that may be given up.
    pub(super) fn reserve_abort(&self) -> Result<mpsc::OwnedPermit<Arc<str>>, StompError> {
        let aborts = self.shared.aborts.clone();
        aborts.try_reserve_owned().map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StompError::TooManyTransactions {
                transactions_max: TRANSACTIONS_MAX,
            },
            mpsc::error::TrySendError::Closed(_) => self.why_ended(),
        })
    }

    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.shared.phase.clone()
    }

    /// `None` once the client has ended.
    pub(super) fn events(&self) -> Option<broadcast::Receiver<Event>> {
        let events = self.shared.events.upgrade()?;
        Some(events.subscribe())
    }

    pub(super) async fn send(&self, order: Order) -> Result<(), StompError> {
        if order.asks_receipt {
            self.ask_and_wait(|reply| Ask::Send { order, reply }).await
        } else {
            self.ask(|reply| Ask::Send { order, reply }).await
        }
    }

    /// Asks, and waits for the answer for as long as receipts are waited for.
    pub(super) async fn ask_and_wait(
        &self,
        ask: impl FnOnce(Reply) -> Ask,
    ) -> Result<(), StompError> {
        let after = self.shared.receipt_timeout;
        let answer = timeout(after, self.ask(ask)).await;
        answer.unwrap_or(Err(StompError::ReceiptTimedOut { after }))
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, ask: impl FnOnce(Reply) -> Ask) -> Result<(), StompError> {
        let (reply, answer) = oneshot::channel();
        if self.asks.send(ask(reply)).await.is_err() {
            return Err(self.why_ended());
        }
        answer.await.unwrap_or_else(|_| Err(self.why_ended()))
    }

    /// Disconnects. This does not wait behind other calls, which a server that reads nothing may
    /// hold up for ever.
    pub(super) async fn say_goodbye(&self) -> Result<(), StompError> {
        let (reply, answer) = oneshot::channel();
        if self.goodbyes.send(reply).await.is_err() {
            return Err(self.why_ended());
        }
        answer.await.unwrap_or_else(|_| Err(self.why_ended()))
    }

    /// Asks for what nobody waits for. Without room it is not asked.
    pub(super) fn ask_without_waiting(&self, ask: Ask) {
        let _ = self.asks.try_send(ask);
    }

    fn why_ended(&self) -> StompError {
        match &*self.shared.phase.borrow() {
            Phase::Ended(Some(error)) => error.clone(),
            _ => StompError::Disconnected,
        }
    }
}

impl WeakHandle {
    pub(super) fn upgrade(&self) -> Option<Handle> {
        Some(Handle {
            asks: self.asks.upgrade()?,
            goodbyes: self.goodbyes.upgrade()?,
            shared: self.shared.clone(),
        })
    }
}
