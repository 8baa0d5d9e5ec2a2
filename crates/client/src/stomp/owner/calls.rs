//! What users ask for, and what goes out for it.

use std::sync::Arc;

use campanile_stomp::Command;

use super::{Owner, answer_if_awaited};
use crate::stomp::{
    error::StompError,
    events::Event,
    handle::{Ask, Order, Phase, Reply},
    link::Link,
    receipts::Waiter,
    subscriptions::{Name, Wish},
};

impl Owner {
    /// Does what is asked for. An error is one of the connection's.
    pub(super) fn answer(&mut self, ask: Ask, link: &mut Link) -> Result<(), StompError> {
        // What was given up before comes first: the server counts what is open.
        while let Ok(name) = self.aborts.try_recv() {
            self.abort(&name, link)?;
        }
        match ask {
            Ask::Send { order, reply } => self.send(order, reply, link),
            Ask::Subscribe { wish, reply } => self.subscribe(wish, reply, link),
            Ask::Unsubscribe { name, reply } => self.unsubscribe(&name, reply, link),
            Ask::Begin { name, reply } => self.begin(name, reply, link),
        }
    }

    /// The same while there is no connection.
    pub(super) fn answer_offline(&mut self, ask: Ask) {
        match ask {
            Ask::Unsubscribe { name, reply } => {
                self.subscriptions.remove(&name);
                answer_if_awaited(reply, Ok(()));
            }
            Ask::Send { order, reply } => {
                let error = match (&order.transaction, order.connection) {
                    (Some(_), _) => StompError::TransactionLost,
                    (None, Some(_)) => StompError::Stale,
                    (None, None) => StompError::Offline,
                };
                answer_if_awaited(Some(reply), Err(error));
            }
            Ask::Subscribe { reply, .. } | Ask::Begin { reply, .. } => {
                answer_if_awaited(Some(reply), Err(StompError::Offline));
            }
        }
    }

    fn send(&mut self, mut order: Order, reply: Reply, link: &mut Link) -> Result<(), StompError> {
        if let Err(error) = self.check(&order) {
            let _ = reply.send(Err(error));
            return Ok(());
        }
        if let Some(name) = &order.transaction {
            if matches!(order.command, Command::Commit | Command::Abort) {
                self.transactions.remove(name);
            }
            // Before those of the user's: the first of a name counts.
            order.headers.insert(0, transaction_header(name));
        }
        if !order.asks_receipt {
            let sent = link.append(order.command, &order.headers, &order.body);
            let _ = reply.send(sent.clone());
            return sent;
        }
        let receipt = self.receipts.next_id();
        order
            .headers
            .insert(0, ("receipt".to_owned(), receipt.clone()));
        self.receipts.add(receipt, Waiter::Call(reply));
        link.append(order.command, &order.headers, &order.body)
    }

    /// Why a frame cannot be sent on this connection.
    fn check(&mut self, order: &Order) -> Result<(), StompError> {
        let transaction = order.transaction.as_ref();
        if transaction.is_some_and(|it| !self.transactions.contains(it)) {
            return Err(StompError::TransactionLost);
        }
        if order.connection.is_some_and(|it| it != self.connection) {
            return Err(StompError::Stale);
        }
        match order.asks_receipt {
            true => self.receipts.check(),
            false => Ok(()),
        }
    }

    fn begin(&mut self, name: Arc<str>, reply: Reply, link: &mut Link) -> Result<(), StompError> {
        if reply.is_closed() {
            // Who has given up will not abort it.
            return Ok(());
        }
        if let Err(error) = self.receipts.check() {
            let _ = reply.send(Err(error));
            return Ok(());
        }
        let receipt = self.receipts.next_id();
        let headers = [
            transaction_header(&name),
            ("receipt".to_owned(), receipt.clone()),
        ];
        self.transactions.insert(name.clone());
        self.receipts.add(receipt, Waiter::Begin { name, reply });
        link.append(Command::Begin, &headers, b"")
    }

    /// A transaction was given up; unless it has ended anyway, the server is told.
    pub(super) fn abort(&mut self, name: &Arc<str>, link: &mut Link) -> Result<(), StompError> {
        if !self.transactions.remove(name) {
            return Ok(());
        }
        link.append(Command::Abort, &[transaction_header(name)], b"")
    }

    fn subscribe(&mut self, wish: Wish, reply: Reply, link: &mut Link) -> Result<(), StompError> {
        if let Some(abandoned) = self.subscriptions.abandoned(&wish.name.id) {
            self.unsubscribe(&abandoned, None, link)?;
        }
        let checked = self.subscriptions.check(&wish);
        if let Err(error) = checked.and_then(|()| self.receipts.check()) {
            let _ = reply.send(Err(error));
            return Ok(());
        }
        let receipt = self.receipts.next_id();
        let waiter = Waiter::Subscription {
            name: wish.name.clone(),
            reply: Some(reply),
        };
        self.receipts.add(receipt.clone(), waiter);
        let headers = self.subscriptions.add(wish).headers(&receipt);
        link.append(Command::Subscribe, &headers, b"")
    }

    pub(super) fn subscribe_again(&mut self, link: &mut Link) -> Result<(), StompError> {
        for registered in self.subscriptions.iter() {
            let receipt = self.receipts.next_id();
            let waiter = Waiter::Subscription {
                name: registered.wish.name.clone(),
                reply: None,
            };
            link.append(Command::Subscribe, &registered.headers(&receipt), b"")?;
            self.receipts.add(receipt, waiter);
        }
        self.phase
            .send_replace(Phase::Connected(link.session.clone()));
        self.tell(Event::Connected(link.session.clone()));
        Ok(())
    }

    pub(super) fn unsubscribe(
        &mut self,
        name: &Name,
        reply: Option<Reply>,
        link: &mut Link,
    ) -> Result<(), StompError> {
        if self.subscriptions.remove(name).is_none() {
            // The server has refused it, or this is the second time.
            answer_if_awaited(reply, Ok(()));
            return Ok(());
        }
        let mut headers = vec![("id".to_owned(), name.id.clone())];
        match reply {
            Some(reply) if self.receipts.check().is_ok() => {
                let receipt = self.receipts.next_id();
                headers.push(("receipt".to_owned(), receipt.clone()));
                self.receipts.add(receipt, Waiter::Call(reply));
            }
            other => answer_if_awaited(other, Ok(())),
        }
        link.append(Command::Unsubscribe, &headers, b"")
    }
}

fn transaction_header(name: &Arc<str>) -> (String, String) {
    ("transaction".to_owned(), name.to_string())
}
