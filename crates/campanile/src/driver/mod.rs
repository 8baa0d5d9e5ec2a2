//! The threads that drive the hub's shards: sockets in, callbacks, sockets out.
//!
//! A shard is one thread with a current-thread runtime. It alone touches its sessions' sockets,
//! queues and deadlines. A connection is a struct in a table, not a task: an idle one costs that
//! struct and its registration with the kernel's poller, nothing else.

mod caller;
mod connection;
mod format;
mod inbound;
mod lingering;
mod pacing;
mod shard_thread;
mod sockets;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use campanile_hub::{Hub, NewSession, Refusal, SessionId, Shard};
use tokio::sync::{Notify, oneshot};

pub(crate) use self::format::WebSocketFormat;
pub(crate) use self::pacing::PAUSE_MAX_DEFAULT;
use crate::endpoint::{Callbacks, Endpoint};
use crate::state::Application;

/// What a shard needs to know of an endpoint.
pub(crate) struct EndpointRuntime {
    pub(crate) callbacks: Callbacks,
    pub(crate) limits: campanile_websocket::Limits,
}

impl EndpointRuntime {
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        Self {
            callbacks: endpoint.callbacks.clone(),
            limits: endpoint.limits,
        }
    }
}

/// A socket whose handshake has just been answered.
pub(crate) struct Arrival {
    pub(crate) stream: mio::net::TcpStream,
    /// Bytes that came in the same segment as the handshake.
    pub(crate) early: Vec<u8>,
}

/// What other threads ask of a shard's thread.
pub(crate) enum Ask {
    /// Open a session whose socket is still to come.
    Open {
        session: Arc<NewSession>,
        opened: oneshot::Sender<Result<SessionId, Refusal>>,
    },
    /// Give a session its socket.
    Attach {
        session: SessionId,
        endpoint: Arc<EndpointRuntime>,
        arrival: Arrival,
    },
    /// A session's socket will not come.
    Abandon(SessionId),
    /// Close all sessions, evenly over this time, and say when the last one is gone.
    Drain {
        over: Duration,
        done: oneshot::Sender<()>,
    },
}

/// A session that is open before its handshake is answered, so that nothing is missed that is
/// published once the client knows that it is connected. Without its socket it is abandoned.
pub(crate) struct Reservation {
    door: Arc<Door>,
    session: Option<SessionId>,
}

impl Reservation {
    /// Gives the session its socket.
    pub(crate) fn attach(mut self, endpoint: Arc<EndpointRuntime>, arrival: Arrival) {
        if let Some(session) = self.session.take() {
            self.door.ask(Ask::Attach {
                session,
                endpoint,
                arrival,
            });
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.door.ask(Ask::Abandon(session));
        }
    }
}

/// One shard's door for other threads. Bounded by the limit on connections of whoever accepts
/// them.
#[derive(Default)]
pub(crate) struct Door {
    asks: Mutex<VecDeque<Ask>>,
    closed: AtomicBool,
    notify: Arc<Notify>,
}

impl Door {
    fn ask(&self, ask: Ask) {
        self.asks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(ask);
        self.notify.notify_one();
    }

    fn take(&self) -> VecDeque<Ask> {
        std::mem::take(&mut *self.asks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.notify.notify_one();
    }
}

/// The shards' threads. They end when this is dropped.
pub(crate) struct Shards {
    doors: Arc<[Arc<Door>]>,
    next: std::sync::atomic::AtomicUsize,
}

/// A hub whose shards have no threads yet.
pub(crate) struct Idle {
    shards: Vec<Shard>,
    doors: Arc<[Arc<Door>]>,
    pause_max: Duration,
}

/// Makes a hub with so many shards, each of which pauses for at most this long between batches.
pub(crate) fn prepare(count: usize, pause_max: Duration) -> Result<(Hub, Idle), Refusal> {
    let doors: Arc<[Arc<Door>]> = (0..count).map(|_| Arc::default()).collect();
    let wakes = doors
        .iter()
        .enumerate()
        .map(|(shard, door): (usize, &Arc<Door>)| {
            let notify = Arc::clone(&door.notify);
            pacing::wake(shard, Arc::new(move || notify.notify_one()))
        })
        .collect();
    let (hub, shards) = Hub::new(wakes)?;
    Ok((
        hub,
        Idle {
            shards,
            doors,
            pause_max,
        },
    ))
}

impl Shards {
    /// Starts the threads.
    pub(crate) fn start(idle: Idle, application: &Arc<Application>) -> io::Result<Self> {
        for shard in idle.shards {
            let doors = Arc::clone(&idle.doors);
            shard_thread::spawn(shard, doors, Arc::clone(application), idle.pause_max)?;
        }
        Ok(Self {
            doors: idle.doors,
            next: std::sync::atomic::AtomicUsize::new(0),
        })
    }

    /// Opens a session on a shard, each in turn.
    pub(crate) async fn open(&self, session: NewSession) -> Result<Reservation, Refusal> {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.doors.len();
        let door = Arc::clone(&self.doors[next]);
        let (opened, answer) = oneshot::channel();
        let session = Arc::new(session);
        door.ask(Ask::Open {
            session: Arc::clone(&session),
            opened,
        });
        // No answer means that the shard's thread has ended.
        let id = answer.await.unwrap_or(Err(Refusal::Leaving))?;
        Ok(Reservation {
            door,
            session: Some(id),
        })
    }

    /// Closes all sessions with 1001, evenly spread over this time, and waits for the last.
    pub(crate) async fn drain(&self, over: Duration) {
        let mut all = Vec::new();
        for door in self.doors.iter() {
            let (done, finished) = oneshot::channel();
            door.ask(Ask::Drain { over, done });
            all.push(finished);
        }
        for finished in all {
            // An error means that the shard's thread has ended, and its sessions with it.
            let _ = finished.await;
        }
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        for door in self.doors.iter() {
            door.close();
        }
    }
}
