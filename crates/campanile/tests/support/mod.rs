//! An application served on a port of this machine for the time of one test.

#![allow(dead_code, reason = "each test file uses what it needs")]

pub(crate) mod acknowledging;
pub(crate) mod conform;
pub(crate) mod kit;
pub(crate) mod queues;
pub(crate) mod sockjs;
pub(crate) mod stomp;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use campanile::{Campanile, Handle};
use campanile_client::{Client, ClientError, Message};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take before the test gives up; nothing is expected to come near it.
const PATIENCE: Duration = Duration::from_secs(20);

/// An application at work.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl House {
    /// Serves an application on a port that the system chooses.
    pub(crate) async fn serve(app: Campanile) -> Self {
        let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let handle = app.handle();
        let (stop, stopped) = oneshot::channel();
        let serving = campanile::serve(listener, app)
            .shutdown_on(async { stopped.await.unwrap_or(()) })
            .drain_over(Duration::ZERO);
        let served = tokio::spawn(serving.into_future());
        Self {
            address,
            handle,
            stop,
            served,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    pub(crate) async fn open(&self, path: &str) -> Client {
        within(Client::connect(&self.url(path)))
            .await
            .expect("a session")
    }

    /// The status that a handshake is refused with.
    pub(crate) async fn refused(&self, path: &str, origin: Option<&str>) -> u16 {
        let builder = Client::builder(&self.url(path));
        let builder = match origin {
            Some(origin) => builder.origin(origin),
            None => builder,
        };
        match within(builder.connect()).await {
            Ok(_) => 101,
            Err(ClientError::Handshake(campanile_client::ClientHandshakeError::Refused {
                status,
                ..
            })) => status,
            Err(error) => panic!("not a refusal: {error}"),
        }
    }

    /// Tells the server to leave and waits until it has.
    pub(crate) async fn leave(self) {
        self.stop.send(()).expect("it is served");
        within(self.served)
            .await
            .expect("no panic")
            .expect("served");
    }
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes much too long")
}

pub(crate) async fn next(client: &mut Client) -> Message {
    within(client.next())
        .await
        .expect("no error")
        .expect("not over")
}

pub(crate) async fn next_text(client: &mut Client) -> String {
    match next(client).await {
        Message::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

/// The code and reason that the server closes with.
pub(crate) async fn next_close(client: &mut Client) -> (u16, String) {
    match next(client).await {
        Message::Close(Some(frame)) => (frame.code.get(), frame.reason),
        other => panic!("not a close: {other:?}"),
    }
}
