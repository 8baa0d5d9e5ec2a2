//! What users ask for, and what goes out for it.

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
        match ask {
            Ask::Send { order, reply } => self.send(order, reply, link),
            Ask::Subscribe { wish, reply } => self.subscribe(wish, reply, link),
            Ask::Unsubscribe { name, reply } => self.unsubscribe(&name, reply, link),
        }
    }

    fn send(&mut self, mut order: Order, reply: Reply, link: &mut Link) -> Result<(), StompError> {
        if order.connection.is_some_and(|it| it != self.connection) {
            let _ = reply.send(Err(StompError::Stale));
            return Ok(());
        }
        if !order.asks_receipt {
            let sent = link.append(order.command, &order.headers, &order.body);
            let _ = reply.send(sent.clone());
            return sent;
        }
        if let Err(error) = self.receipts.check() {
            let _ = reply.send(Err(error));
            return Ok(());
        }
        let receipt = self.receipts.next_id();
        // Before those of the user's: the first of a name counts.
        order
            .headers
            .insert(0, ("receipt".to_owned(), receipt.clone()));
        self.receipts.add(receipt, Waiter::Call(reply));
        link.append(order.command, &order.headers, &order.body)
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
