//! The task that owns a client's connection: it alone reads and writes, and opens it again.

mod calls;
mod frames;

use std::{collections::HashSet, future::pending, sync::Arc, time::Duration};

use campanile_stomp::Command;
use tokio::{
    select,
    sync::{broadcast, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::stomp::{
    builder::Plan,
    client::CALLS_MAX,
    error::StompError,
    events::Event,
    frame::Received,
    handle::{Ask, Phase, Reply, WeakHandle},
    link::Link,
    message::StompMessage,
    receipts::Receipts,
    reconnect::dice,
    subscriptions::Subscriptions,
};

/// See the module.
pub(super) struct Owner {
    plan: Plan,
    asks: mpsc::Receiver<Ask>,
    /// Who wants to disconnect. The sender is gone with the last user.
    goodbyes: mpsc::Receiver<Reply>,
    /// Transactions that were given up.
    aborts: mpsc::Receiver<Arc<str>>,
    /// For the messages, which can be acknowledged.
    handle: WeakHandle,
    phase: watch::Sender<Phase>,
    events: broadcast::Sender<Event>,
    subscriptions: Subscriptions,
    receipts: Receipts,
    /// The transactions that are open on this connection; at most as many as the users hold.
    transactions: HashSet<Arc<str>>,
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

/// What users want: calls, to disconnect, to give up transactions.
type Questions = (
    mpsc::Receiver<Ask>,
    mpsc::Receiver<Reply>,
    mpsc::Receiver<Arc<str>>,
);

/// How it ends with one connection.
enum End {
    /// Somebody wants to disconnect, or nobody is left.
    Wanted(Option<Reply>),
    Lost(StompError),
}

impl Owner {
    pub(super) fn new(
        plan: Plan,
        (asks, goodbyes, aborts): Questions,
        handle: WeakHandle,
        phase: watch::Sender<Phase>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        Self {
            plan,
            asks,
            goodbyes,
            aborts,
            handle,
            phase,
            events,
            subscriptions: Subscriptions::default(),
            receipts: Receipts::default(),
            transactions: HashSet::new(),
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
                Some(ask) = self.asks.recv(), if can_ask => self.answer(ask, link),
                Some(name) = self.aborts.recv(), if can_ask => self.abort(&name, link),
                goodbye = self.goodbyes.recv() => return End::Wanted(goodbye),
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

    /// Tells all who wait that the connection is lost; returns why.
    fn lose(&mut self, error: StompError) -> StompError {
        let error = match (error, self.refusal.take()) {
            (StompError::Ended(_) | StompError::Lost(_), Some(refusal)) => refusal,
            (error, _) => error,
        };
        self.phase.send_replace(Phase::Offline);
        self.receipts.lose(&error);
        self.subscriptions.lose();
        self.transactions.clear();
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
    async fn attempt(&mut self, delay: Duration) -> Result<Result<Link, StompError>, End> {
        let plan = self.plan.clone();
        let trying = async move {
            sleep(delay).await;
            Link::open(&plan).await
        };
        tokio::pin!(trying);
        loop {
            select! {
                tried = &mut trying => return Ok(tried),
                Some(ask) = self.asks.recv() => self.answer_offline(ask),
                // They are gone with the connection.
                Some(_) = self.aborts.recv() => {}
                goodbye = self.goodbyes.recv() => return Err(End::Wanted(goodbye)),
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
        // What was asked for before comes first, as far as the server reads.
        for _ in 0..CALLS_MAX {
            match self.asks.try_recv() {
                Ok(ask) if !link.is_full() => self.answer(ask, link)?,
                _ => break,
            }
        }
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
        answer_if_awaited(reply, left);
    }

    fn tell(&self, event: Event) {
        // Without listeners there is nobody to tell.
        let _ = self.events.send(event);
    }
}

fn answer_if_awaited(reply: Option<Reply>, answer: Result<(), StompError>) {
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
