//! The users' end of a client.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, watch};

use super::{
    builder::{Plan, StompBuilder},
    error::StompError,
    events::{EVENTS_MAX, Events},
    handle::{Channels, Handle, Phase},
    link::{Link, Session},
    owner::Owner,
    send::Sending,
    subscribing::Subscribing,
    transaction::{TRANSACTIONS_MAX, Transaction},
};

/// How many calls may wait for the connection to take them. Those that follow wait for room.
pub const CALLS_MAX: usize = 64;

/// A managed connection to a STOMP server (S183), over WebSocket or TCP.
///
/// It can be cloned; all clones share the connection, which one task owns. That task ends, politely,
/// with [`disconnect`](Self::disconnect), or when the last clone and the last
/// [`Subscription`](super::Subscription) are dropped. A lost connection is opened again, see
/// [`Reconnect`](super::Reconnect).
#[derive(Debug, Clone)]
pub struct StompClient {
    handle: Handle,
}

impl StompClient {
    /// Connects with the default options to `ws://`, `wss://`, `stomp://` (TCP, port 61613 unless
    /// the URL names one) or `stomps://` (TCP with TLS, port 61614).
    ///
    /// # Errors
    /// Those of [`StompBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, StompError> {
        Self::builder(url).connect().await
    }

    /// Options for a connection to `url`.
    pub fn builder(url: &str) -> StompBuilder {
        StompBuilder::new(url)
    }

    pub(super) fn start(plan: Plan, link: Link) -> Self {
        let (asks, questions) = mpsc::channel(CALLS_MAX);
        let (goodbyes, leaving) = mpsc::channel(1);
        let (aborts, aborted) = mpsc::channel(TRANSACTIONS_MAX);
        let (phase, phases) = watch::channel(Phase::Connected(link.session.clone()));
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let handle = Handle::new(
            Channels {
                asks,
                goodbyes,
                aborts,
                phase: phases,
                events: events.downgrade(),
            },
            plan.receipt_timeout,
            plan.auto_receipt,
        );
        let owner = Owner::new(
            plan,
            (questions, leaving, aborted),
            handle.downgrade(),
            phase,
            events,
        );
        tokio::spawn(owner.run(link));
        Self { handle }
    }

    /// Sends a message: await what this returns, perhaps after more has been said about it.
    ///
    /// ```no_run
    /// # async fn run(client: campanile_client::stomp::StompClient)
    /// #     -> Result<(), campanile_client::stomp::StompError> {
    /// client.send("/topic/prices", "42").await?;
    /// client.send("/app/hello", r#"{"name":"Ada"}"#)
    ///     .content_type("application/json")
    ///     .receipt()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When awaited: [`StompError::Offline`] while there is no connection,
    /// [`Disconnected`](StompError::Disconnected) or the last loss when there will be none; with a
    /// receipt also [`Refused`](StompError::Refused),
    /// [`ReceiptTimedOut`](StompError::ReceiptTimedOut),
    /// [`TooManyReceipts`](StompError::TooManyReceipts), and what the connection was lost by.
    pub fn send(&self, destination: &str, body: impl AsRef<[u8]>) -> Sending<'_> {
        Sending::new(&self.handle, destination, body.as_ref())
    }

    /// Subscribes to a destination, or to a pattern if the server knows patterns: await what this
    /// returns, perhaps after more has been said about it. It waits for the server's receipt.
    ///
    /// # Errors
    /// When awaited: those of [`send`](Self::send) with a receipt,
    /// [`StompError::IdTaken`] and [`TooManySubscriptions`](StompError::TooManySubscriptions).
    pub fn subscribe(&self, destination: &str) -> Subscribing<'_> {
        Subscribing::new(&self.handle, destination)
    }

    /// Begins a transaction (BEGIN; S72), and waits for the server's receipt: what is sent and
    /// acknowledged in it takes effect together, when it is committed. The server may have bounds
    /// on it; Campanile's are 16 open ones, together 1,000 frames and 1 MiB, and 60 s.
    ///
    /// # Errors
    /// Those of [`send`](Self::send) with a receipt, and
    /// [`StompError::TooManyTransactions`] beyond [`TRANSACTIONS_MAX`].
    pub async fn begin(&self) -> Result<Transaction, StompError> {
        Transaction::begin(&self.handle).await
    }

    /// What the server has said about the session; `None` while there is none.
    pub fn session(&self) -> Option<Arc<Session>> {
        match &*self.handle.phase().borrow() {
            Phase::Connected(session) => Some(session.clone()),
            _ => None,
        }
    }

    /// Waits until there is a connection; at once if there is one.
    ///
    /// # Errors
    /// [`StompError::Disconnected`], or the last loss, when there will be none.
    pub async fn connected(&self) -> Result<Arc<Session>, StompError> {
        let mut phase = self.handle.phase();
        let settled = phase.wait_for(|phase| !matches!(phase, Phase::Offline));
        match settled.await.as_deref() {
            Ok(Phase::Connected(session)) => Ok(session.clone()),
            Ok(Phase::Ended(Some(error))) => Err(error.clone()),
            _ => Err(StompError::Disconnected),
        }
    }

    /// What happens to the connection from now on.
    pub fn events(&self) -> Events {
        Events::new(self.handle.events())
    }

    /// Disconnects: DISCONNECT, the receipt for it, the end of the connection. All clones are
    /// disconnected, subscriptions end when what waits in them has been read, and messages that
    /// find them full meanwhile are dropped. While there is no connection, this ends the attempts.
    ///
    /// # Errors
    /// Those of a receipt that does not come. The client is disconnected nevertheless.
    pub async fn disconnect(&self) -> Result<(), StompError> {
        // The owner has a bound of its own for this.
        self.handle.say_goodbye().await
    }
}
