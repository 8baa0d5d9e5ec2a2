//! The task that owns a client's connection: it alone reads and writes, and opens it again.

use std::future::pending;

use campanile_stomp::Command;
use tokio::{
    select,
    sync::{broadcast, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    builder::Plan,
    error::StompError,
    events::Event,
    frame::Received,
    handle::{Ask, Order, Phase, Reply, WeakHandle},
    link::Link,
    message::{Missed, StompMessage},
    receipts::{Receipts, Waiter},
    reconnect::dice,
    subscription::WhenFull,
    subscriptions::{Name, Subscriptions, Wish},
};

/// See the module.
pub(super) struct Owner {
    plan: Plan,
    asks: mpsc::Receiver<Ask>,
    /// For the messages, which can be acknowledged.
    handle: WeakHandle,
    phase: watch::Sender<Phase>,
    events: broadcast::Sender<Event>,
    subscriptions: Subscriptions,
    receipts: Receipts,
    /// Counts the connections.
    connection: u64,
    /// A message whose queue is full. While there is one, nothing is read.
    held: Option<Held>,
    /// The last frame, if it was an ERROR: why the server ends the connection.
    refusal: Option<StompError>,
}

#[derive(Debug)]
struct Held {
    queue: mpsc::Sender<StompMessage>,
    message: StompMessage,
}

/// How it ends with one connection.
enum End {
    /// Somebody wants to disconnect, or nobody is left.
    Wanted(Option<Reply>),
    Lost(StompError),
}

impl Owner {
    pub(super) fn new(
        plan: Plan,
        asks: mpsc::Receiver<Ask>,
        handle: WeakHandle,
        phase: watch::Sender<Phase>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        Self {
            plan,
            asks,
            handle,
            phase,
            events,
            subscriptions: Subscriptions::default(),
            receipts: Receipts::default(),
            connection: 0,
            held: None,
            refusal: None,
        }
    }

    /// Until the end.
    pub(super) async fn run(mut self, mut link: Link) {
        let mut attempts = 0;
        loop {
            let opened = Instant::now();
            let error = match self.serve(&mut link).await {
                End::Lost(error) => error,
                End::Wanted(reply) => {
                    let left = self.leave(&mut link).await;
                    self.finish(None, reply, left);
                    return;
                }
            };
            drop(link);
            if opened.elapsed() >= self.plan.reconnect.delay_max {
                attempts = 0;
            }
            let error = self.lose(error);
            match self.reopen(error, &mut attempts).await {
                Ok(new) => link = new,
                Err(End::Lost(error)) => {
                    self.finish(Some(error), None, Ok(()));
                    return;
                }
                Err(End::Wanted(reply)) => {
                    self.finish(None, reply, Ok(()));
                    return;
                }
            }
        }
    }

    async fn serve(&mut self, link: &mut Link) -> End {
        if self.connection > 0
            && let Err(error) = self.subscribe_again(link)
        {
            return End::Lost(error);
        }
        loop {
            let is_reading = self.held.is_none();
            let look = link.next_look(is_reading);
            let can_ask = !link.is_full();
            let done = select! {
                ask = self.asks.recv(), if can_ask => match ask {
                    None => return End::Wanted(None),
                    Some(Ask::Disconnect { reply }) => return End::Wanted(Some(reply)),
                    Some(ask) => self.answer(ask, link),
                },
                received = go_on(link, is_reading) => match received {
                    Ok(received) => self.receive(received, link),
                    Err(error) => Err(error),
                },
                permit = room(self.held.as_ref()) => {
                    self.deliver_held(permit);
                    link.resume();
                    Ok(())
                }
                () = at(look) => link.look(is_reading),
            };
            if let Err(error) = done {
                return End::Lost(error);
            }
        }
    }

    /// Does what is asked for. An error is one of the connection's.
    fn answer(&mut self, ask: Ask, link: &mut Link) -> Result<(), StompError> {
        match ask {
            Ask::Send { order, reply } => self.send(order, reply, link),
            Ask::Subscribe { wish, reply } => self.subscribe(wish, reply, link),
            Ask::Unsubscribe { name, reply } => self.unsubscribe(&name, reply, link),
            Ask::Disconnect { .. } => Ok(()),
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

    fn subscribe_again(&mut self, link: &mut Link) -> Result<(), StompError> {
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

    fn unsubscribe(
        &mut self,
        name: &Name,
        reply: Option<Reply>,
        link: &mut Link,
    ) -> Result<(), StompError> {
        if self.subscriptions.remove(name).is_none() {
            // The server has refused it, or this is the second time.
            answer_all(reply, Ok(()));
            return Ok(());
        }
        let mut headers = vec![("id".to_owned(), name.id.clone())];
        match reply {
            Some(reply) if self.receipts.check().is_ok() => {
                let receipt = self.receipts.next_id();
                headers.push(("receipt".to_owned(), receipt.clone()));
                self.receipts.add(receipt, Waiter::Call(reply));
            }
            other => answer_all(other, Ok(())),
        }
        link.append(Command::Unsubscribe, &headers, b"")
    }

    fn receive(&mut self, received: Received, link: &mut Link) -> Result<(), StompError> {
        self.refusal = None;
        match received.command {
            Command::Message => return self.deliver(received, link),
            Command::Receipt => {
                let waiter = received.header("receipt-id");
                let waiter = waiter.and_then(|id| self.receipts.take(id));
                answer_all(waiter.and_then(Waiter::into_reply), Ok(()));
            }
            Command::Error => self.refuse(received),
            // A second CONNECTED says nothing new; other commands are not for clients.
            _ => {}
        }
        Ok(())
    }

    /// An ERROR: who asked for what the server refuses is told. Whether the connection ends is the
    /// server's decision.
    fn refuse(&mut self, received: Received) {
        let error = Box::new(received.into_error());
        let refusal = StompError::Refused(error.clone());
        let waiter = error.receipt_id.as_deref();
        if let Some(waiter) = waiter.and_then(|id| self.receipts.take(id)) {
            if let Waiter::Subscription { name, .. } = &waiter
                && let Some(registered) = self.subscriptions.remove(name)
            {
                let _ = registered.wish.end.set(refusal.clone());
            }
            answer_all(waiter.into_reply(), Err(refusal.clone()));
        }
        self.refusal = Some(refusal);
        self.tell(Event::Refused(error));
    }

    fn deliver(&mut self, received: Received, link: &mut Link) -> Result<(), StompError> {
        // One that was unsubscribed from may still get what was on its way.
        let Some(registered) = self.subscriptions.of(&received) else {
            return Ok(());
        };
        let version = link.session.version;
        let (missed, handle) = (registered.missed, self.handle.clone());
        let message = StompMessage::new(received, missed, self.connection, version, handle);
        let queue = &registered.wish.queue;
        match queue.try_send(message) {
            Ok(()) => registered.missed = Missed::Nothing,
            Err(mpsc::error::TrySendError::Closed(_)) => {
                let name = registered.wish.name.clone();
                return self.unsubscribe(&name, None, link);
            }
            Err(mpsc::error::TrySendError::Full(message)) => match registered.wish.when_full {
                WhenFull::Drop => registered.drop_one(),
                WhenFull::Pause => {
                    let queue = queue.clone();
                    registered.missed = Missed::Nothing;
                    self.held = Some(Held { queue, message });
                }
            },
        }
        Ok(())
    }

    /// There is room for what was held, or nobody wants it any more.
    fn deliver_held(&mut self, permit: Option<mpsc::OwnedPermit<StompMessage>>) {
        if let (Some(held), Some(permit)) = (self.held.take(), permit) {
            permit.send(held.message);
        }
    }

    /// Tells all who wait that the connection is lost; returns why.
    fn lose(&mut self, error: StompError) -> StompError {
        let error = match (error, self.refusal.take()) {
            (StompError::Ended(_) | StompError::Lost(_), Some(refusal)) => refusal,
            (error, _) => error,
        };
        self.phase.send_replace(Phase::Offline);
        self.receipts.lose(&error);
        self.subscriptions.lose();
        self.tell(Event::Lost(error.clone()));
        error
    }

    /// Opens the connection again, as often as is planned.
    async fn reopen(&mut self, error: StompError, attempts: &mut u32) -> Result<Link, End> {
        let mut last = error;
        loop {
            *attempts = attempts.saturating_add(1);
            let Some(delay) = self.plan.reconnect.delay(*attempts, dice()) else {
                return Err(End::Lost(last));
            };
            let attempt = *attempts;
            self.tell(Event::Reconnecting { attempt, delay });
            match self.attempt(delay).await? {
                Ok(link) => {
                    self.connection += 1;
                    return Ok(link);
                }
                Err(error) if error.is_final() => return Err(End::Lost(error)),
                Err(error) => last = error,
            }
        }
    }

    /// One attempt, while calls are answered. The outer error: it is not wanted any more.
    async fn attempt(
        &mut self,
        delay: std::time::Duration,
    ) -> Result<Result<Link, StompError>, End> {
        let plan = self.plan.clone();
        let trying = async move {
            sleep(delay).await;
            Link::open(&plan).await
        };
        tokio::pin!(trying);
        loop {
            select! {
                tried = &mut trying => return Ok(tried),
                ask = self.asks.recv() => match ask {
                    None => return Err(End::Wanted(None)),
                    Some(Ask::Disconnect { reply }) => return Err(End::Wanted(Some(reply))),
                    Some(Ask::Unsubscribe { name, reply }) => {
                        self.subscriptions.remove(&name);
                        answer_all(reply, Ok(()));
                    }
                    Some(Ask::Send { reply, .. } | Ask::Subscribe { reply, .. }) => {
                        answer_all(Some(reply), Err(StompError::Offline));
                    }
                },
                permit = room(self.held.as_ref()) => self.deliver_held(permit),
            }
        }
    }

    /// DISCONNECT, its receipt, and the end of the connection (STOMP 1.2, DISCONNECT).
    async fn leave(&mut self, link: &mut Link) -> Result<(), StompError> {
        let after = self.plan.receipt_timeout;
        let left = timeout(after, self.say_goodbye(link)).await;
        link.close().await;
        left.unwrap_or(Err(StompError::ReceiptTimedOut { after }))
    }

    async fn say_goodbye(&mut self, link: &mut Link) -> Result<(), StompError> {
        if let Some(held) = self.held.take() {
            // Without room it is dropped, as are those that follow.
            let _ = held.queue.try_send(held.message);
        }
        let receipt = self.receipts.next_id();
        let headers = [("receipt".to_owned(), receipt.clone())];
        link.append(Command::Disconnect, &headers, b"")?;
        loop {
            let received = link.next().await?;
            let is_ours = received.header("receipt-id") == Some(&*receipt);
            match received.command {
                Command::Receipt if is_ours => return Ok(()),
                Command::Error if is_ours => {
                    return Err(StompError::Refused(Box::new(received.into_error())));
                }
                _ => self.receive(received, link)?,
            }
            self.held = None;
        }
    }

    /// There will be no connection any more.
    fn finish(self, error: Option<StompError>, reply: Option<Reply>, left: Result<(), StompError>) {
        // Before anybody is told, so that whoever calls next learns the same.
        self.phase.send_replace(Phase::Ended(error.clone()));
        let mut subscriptions = self.subscriptions;
        subscriptions.end(error.as_ref());
        let _ = self.events.send(Event::Ended(error));
        answer_all(reply, left);
    }

    fn tell(&self, event: Event) {
        // Without listeners there is nobody to tell.
        let _ = self.events.send(event);
    }
}

fn answer_all(reply: Option<Reply>, answer: Result<(), StompError>) {
    if let Some(reply) = reply {
        // Who has given up waiting needs no answer.
        let _ = reply.send(answer);
    }
}

/// The next frame; or, while nothing is to be read, only sends.
async fn go_on(link: &mut Link, is_reading: bool) -> Result<Received, StompError> {
    if is_reading {
        return link.next().await;
    }
    link.flush().await?;
    pending().await
}

/// Room for what is held; `None` if nobody wants it any more.
async fn room(held: Option<&Held>) -> Option<mpsc::OwnedPermit<StompMessage>> {
    let Some(held) = held else {
        return pending().await;
    };
    held.queue.clone().reserve_owned().await.ok()
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
