//! Transactions: what takes effect together, or not at all.

use std::sync::Arc;

use campanile_stomp::Command;
use tokio::sync::mpsc;

use super::{
    error::StompError,
    handle::{Ask, Handle, Order},
    message::StompMessage,
    send::Sending,
};

/// How many transactions of one client may be open.
pub const TRANSACTIONS_MAX: usize = 64;

/// A transaction (STOMP 1.2, BEGIN; S72), begun by
/// [`StompClient::begin`](super::StompClient::begin). Dropping it aborts it.
///
/// ```no_run
/// use campanile_client::stomp::{StompClient, StompError, StompMessage};
///
/// # async fn run(client: StompClient, order: StompMessage) -> Result<(), StompError> {
/// let transaction = client.begin().await?;
/// transaction.send("/queue/invoices", "Ada owes 42").await?;
/// transaction.send("/queue/parcels", "for Ada").await?;
/// transaction.ack(&order).await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
///
/// It does not outlive the connection that it was begun on. If that is lost before
/// [`commit`](Self::commit) was called, nothing of it has taken effect, and its next call fails with
/// [`StompError::TransactionLost`]. If it is lost later, before the receipt has come, nobody knows:
/// then `commit` fails with the loss.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction {
    handle: Handle,
    name: Arc<str>,
    /// Where its name goes if it is given up.
    abort: Option<mpsc::OwnedPermit<Arc<str>>>,
}

impl Transaction {
    pub(super) async fn begin(handle: &Handle) -> Result<Self, StompError> {
        let abort = Some(handle.reserve_abort()?);
        let name: Arc<str> = format!("transaction-{}", handle.next_serial()).into();
        // From here on, dropping it takes back what was asked for.
        let transaction = Self {
            handle: handle.clone(),
            name: name.clone(),
            abort,
        };
        let ask = |reply| Ask::Begin { name, reply };
        handle.ask_and_wait(ask).await?;
        Ok(transaction)
    }

    /// Sends a message when the transaction is committed; as
    /// [`StompClient::send`](super::StompClient::send), but that only a receipt that is
    /// [asked for](Sending::receipt) is waited for. It says that the server has taken note.
    ///
    /// # Errors
    /// Those of that one, and [`StompError::TransactionLost`].
    pub fn send(&self, destination: &str, body: impl AsRef<[u8]>) -> Sending<'_> {
        let sending = Sending::new(&self.handle, destination, body.as_ref());
        sending.within(self.name.clone())
    }

    /// Acknowledges a message when the transaction is committed; see [`StompMessage::ack`]. Until
    /// then it counts as not dealt with.
    ///
    /// # Errors
    /// Those of that one, and [`StompError::TransactionLost`].
    pub async fn ack(&self, message: &StompMessage) -> Result<(), StompError> {
        self.order(message.acking()?).await
    }

    /// Rejects a message when the transaction is committed; see [`StompMessage::nack`].
    ///
    /// # Errors
    /// Those of that one, and [`StompError::TransactionLost`].
    pub async fn nack(&self, message: &StompMessage) -> Result<(), StompError> {
        self.order(message.nacking()?).await
    }

    /// Discards a message when the transaction is committed; see [`StompMessage::discard`].
    ///
    /// # Errors
    /// Those of that one, and [`StompError::TransactionLost`].
    pub async fn discard(&self, message: &StompMessage) -> Result<(), StompError> {
        self.order(message.discarding()?).await
    }

    /// Lets all of it take effect, and waits for the server's receipt: then it has.
    ///
    /// # Errors
    /// [`StompError::Refused`]: the server refuses a part of it, and nothing has taken effect.
    /// [`TransactionLost`](StompError::TransactionLost): nothing has, either. Those of a receipt
    /// that does not come: nobody knows.
    pub async fn commit(mut self) -> Result<(), StompError> {
        self.end(Command::Commit, true).await
    }

    /// Gives it up: nothing of it takes effect. Dropping does the same without waiting.
    ///
    /// # Errors
    /// [`StompError::Disconnected`], or the last loss when there will be no connection.
    pub async fn abort(mut self) -> Result<(), StompError> {
        let asks_receipt = self.handle.auto_receipt();
        match self.end(Command::Abort, asks_receipt).await {
            Err(StompError::TransactionLost) => Ok(()),
            other => other,
        }
    }

    async fn end(&mut self, command: Command, asks_receipt: bool) -> Result<(), StompError> {
        let order = Order {
            command,
            headers: Vec::new(),
            body: Vec::new(),
            asks_receipt,
            connection: None,
            transaction: None,
        };
        let ended = self.order(order).await;
        if matches!(ended, Ok(()) | Err(StompError::Refused(_))) {
            // It went out; otherwise it may wait yet, and must not.
            self.abort = None;
        }
        ended
    }

    async fn order(&self, mut order: Order) -> Result<(), StompError> {
        order.transaction = Some(self.name.clone());
        self.handle.send(order).await
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // One that the server has ended, or never begun, is not aborted.
        if let Some(abort) = self.abort.take() {
            abort.send(self.name.clone());
        }
    }
}
