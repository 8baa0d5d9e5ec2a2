//! An innocent session that must not notice what others do.

use std::time::Duration;

use campanile_client::{Client, CloseCode, Message};
use tokio::{sync::watch, task::JoinHandle};

use crate::{PATIENCE, Server, clients, within};

/// Messages that are under way at once.
const WINDOW: u64 = 8;
/// Pause between windows, so that the bystander itself is no load.
const PAUSE: Duration = Duration::from_millis(2);

/// Keeps echoing numbered messages on `/echo` in a task of its own, until it is stopped. Every
/// echo must come back, in order.
#[derive(Debug)]
pub struct Bystander {
    stop: watch::Sender<bool>,
    echoed: watch::Receiver<u64>,
    task: JoinHandle<Result<u64, String>>,
}

impl Bystander {
    /// Starts one, and waits for its first echoes.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn start(server: &Server) -> Self {
        let client = clients::open(server, "/echo").await;
        let (stop, stopped) = watch::channel(false);
        let (count, echoed) = watch::channel(0);
        let task = tokio::spawn(echo_on(client, stopped, count));
        let mut bystander = Self { stop, echoed, task };
        bystander.await_echoes(WINDOW).await;
        bystander
    }

    /// Waits for `more` further echoes: time in which whatever is going on goes on.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn await_echoes(&mut self, more: u64) {
        let goal = *self.echoed.borrow() + more;
        let reached = within(
            "the bystander's echoes",
            self.echoed.wait_for(|it| *it >= goal),
        );
        if reached.await.is_err() {
            let result = (&mut self.task).await;
            panic!("the bystander ended early: {result:?}");
        }
    }

    /// Stops it, and returns how many echoes it has had.
    ///
    /// # Panics
    /// When an echo was lost, out of order or altered, or the connection was lost.
    pub async fn stop(self) -> u64 {
        // Fails only when the task has ended, and then its result says why.
        let _ = self.stop.send(true);
        match within("the bystander's end", self.task).await {
            Ok(Ok(echoes)) => echoes,
            Ok(Err(problem)) => panic!("the bystander suffered: {problem}"),
            Err(error) => panic!("the bystander's task failed: {error}"),
        }
    }
}

async fn echo_on(
    mut client: Client,
    stopped: watch::Receiver<bool>,
    count: watch::Sender<u64>,
) -> Result<u64, String> {
    let mut echoed = 0;
    while !*stopped.borrow() {
        for number in echoed..echoed + WINDOW {
            let sent = client.send_text(&message(number)).await;
            sent.map_err(|error| format!("sending message {number}: {error}"))?;
        }
        for _ in 0..WINDOW {
            let expected = message(echoed);
            match tokio::time::timeout(PATIENCE, client.next()).await {
                Err(_) => return Err(format!("no echo of {expected:?} within {PATIENCE:?}")),
                Ok(Ok(Some(Message::Text(text)))) if text == expected => {}
                Ok(other) => return Err(format!("{other:?} instead of {expected:?}")),
            }
            echoed += 1;
            count.send_replace(echoed);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let closed = client.close(CloseCode::NORMAL, "").await;
    closed.map_err(|error| format!("closing: {error}"))?;
    Ok(echoed)
}

fn message(number: u64) -> String {
    format!("bystander {number}")
}
