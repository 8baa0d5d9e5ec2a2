//! The threads that drive the hub's shards: sockets in, callbacks, sockets out.
//!
//! A shard is one thread with a current-thread runtime. It alone touches its sessions' sockets,
//! queues and deadlines. A connection is a struct in a table, not a task: an idle one costs that
//! struct and its registration with the kernel's poller, nothing else.

mod caller;
pub(crate) mod clock;
mod connection;
mod deflating;
mod format;
mod governor;
mod inbound;
mod lingering;
#[cfg(feature = "test-kit")]
mod memory;
mod pacing;
mod pipe;
mod shard_driver;
mod shard_thread;
mod sockets;
mod transport;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use campanile_hub::{Hub, NewSession, Refusal, SessionId, Shard};
use mio::{Poll, Token};
use tokio::sync::oneshot;

pub(crate) use self::connection::UNREAD_REPLIES_BYTES_MAX;
pub(crate) use self::format::{EndpointFormats, SockJsFormats, WebSocketFormats, close_frame};
#[cfg(test)]
pub(crate) use self::inbound::Inbound;
#[cfg(feature = "test-kit")]
pub(crate) use self::memory::{MemoryPeer, MemoryShard, memory_pipe};
pub(crate) use self::pacing::PAUSE_MAX_DEFAULT;
pub(crate) use self::pipe::{PIPE_BYTES_MAX, PipeEnd, pipe, pipe_for_requests};
#[cfg(feature = "tls")]
pub(crate) use self::transport::TlsTransport;
pub(crate) use self::transport::Transport;
use crate::endpoint::{Callbacks, Endpoint};
use crate::events::Start;
use crate::state::Application;
use crate::stomp::StompRuntime;
use crate::wire::Wire;

/// What the poller says when a thread is woken by another one.
const WAKE_TOKEN: Token = Token(usize::MAX);

/// What a shard needs to know of an endpoint.
pub(crate) struct EndpointRuntime {
    pub(crate) callbacks: Callbacks,
    pub(crate) limits: campanile_websocket::Limits,
    /// There if its sessions speak STOMP.
    pub(crate) stomp: Option<Arc<StompRuntime>>,
}

impl EndpointRuntime {
    pub(crate) fn new(endpoint: &Endpoint, stomp: Option<Arc<StompRuntime>>) -> Self {
        Self {
            callbacks: endpoint.callbacks.clone(),
            limits: endpoint.limits,
            stomp,
        }
    }
}

/// A transport whose handshake has just been answered.
pub(crate) struct Arrival {
    pub(crate) transport: Transport,
    /// Bytes that came in the same segment as the handshake.
    pub(crate) early: Vec<u8>,
    /// What its bytes are.
    pub(crate) wire: Wire,
    /// The client may send compressed messages.
    pub(crate) may_compress: bool,
    /// What it listens to from its beginning on, at an endpoint where that is so.
    pub(crate) start: Option<Box<Start>>,
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
    /// Something has happened at the other end of a session's pipe.
    LookAtPipe(SessionId),
    /// Say when all is written that was to be written by now.
    SayWhenWritten(oneshot::Sender<()>),
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
pub(crate) struct Door {
    asks: Mutex<VecDeque<Ask>>,
    closed: AtomicBool,
    /// Somebody drives the shard.
    is_driven: AtomicBool,
    /// The thread has been woken and has not looked yet: once is enough.
    is_woken: AtomicBool,
    waker: mio::Waker,
}

impl Door {
    /// A door whose thread waits in this poller.
    fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self {
            asks: Mutex::default(),
            closed: AtomicBool::new(false),
            is_driven: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
            waker: mio::Waker::new(poll.registry(), WAKE_TOKEN)?,
        })
    }

    fn ask(&self, ask: Ask) {
        self.asks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(ask);
        self.wake();
    }

    /// Whether what is asked will be heard.
    fn is_attended(&self) -> bool {
        self.is_driven.load(Ordering::Acquire) && !self.closed.load(Ordering::Acquire)
    }

    /// Makes the thread look at what it was asked and at its inbox.
    fn wake(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a shard's thread could not be woken");
        }
    }

    /// Whoever asks or publishes after this wakes the thread again.
    fn is_looking(&self) {
        self.is_woken.swap(false, Ordering::AcqRel);
    }

    /// Whether somebody has asked for something.
    #[cfg(feature = "test-kit")]
    fn is_asked(&self) -> bool {
        !self
            .asks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    fn take(&self) -> VecDeque<Ask> {
        std::mem::take(&mut *self.asks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake();
    }
}

/// The doors of all shards.
#[derive(Clone)]
pub(crate) struct Doors(Arc<[Arc<Door>]>);

impl Doors {
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(Arc::new([]))
    }

    /// Closes all sessions with 1001, evenly spread over this time, and waits for the last.
    pub(crate) async fn drain(&self, over: Duration) {
        let mut all = Vec::new();
        for door in self.0.iter().filter(|door| door.is_attended()) {
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

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Doors({})", self.0.len())
    }
}

/// The shards' threads. They end when this is dropped.
pub(crate) struct Shards {
    doors: Arc<[Arc<Door>]>,
    next: std::sync::atomic::AtomicUsize,
}

/// A hub whose shards have no threads yet.
pub(crate) struct Idle {
    shards: Vec<(Shard, Poll)>,
    doors: Arc<[Arc<Door>]>,
    pause_max: Duration,
}

/// Why there can be no shards.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The hub could not be made.
    #[error("the hub could not be made: {0}")]
    Hub(#[from] Refusal),
    /// The operating system gave no poller.
    #[error("the operating system gives no poller (is the limit on descriptors reached?): {0}")]
    Poller(#[from] io::Error),
}

/// Makes a hub with so many shards, each of which pauses for at most this long between batches.
pub(crate) fn prepare(count: usize, pause_max: Duration) -> Result<(Hub, Idle), PrepareError> {
    let polls = (0..count)
        .map(|_| Poll::new())
        .collect::<io::Result<Vec<Poll>>>()?;
    let doors = polls
        .iter()
        .map(|poll| Door::new(poll).map(Arc::new))
        .collect::<io::Result<Arc<[_]>>>()?;
    let wakes = doors
        .iter()
        .cloned()
        .enumerate()
        .map(|(shard, door)| pacing::wake(shard, Arc::new(move || door.wake())))
        .collect();
    let (hub, shards) = Hub::with_clock(wakes, Arc::new(clock::now))?;
    let idle = Idle {
        shards: shards.into_iter().zip(polls).collect(),
        doors,
        pause_max,
    };
    Ok((hub, idle))
}

impl Idle {
    /// The doors that will be answered once the shards are driven.
    pub(crate) fn doors(&self) -> Doors {
        Doors(Arc::clone(&self.doors))
    }
}

impl Shards {
    /// Starts the threads.
    pub(crate) fn start(idle: Idle, application: &Arc<Application>) -> io::Result<Self> {
        for (shard, poll) in idle.shards {
            idle.doors[shard.index()]
                .is_driven
                .store(true, Ordering::Release);
            let doors = Arc::clone(&idle.doors);
            shard_thread::spawn(shard, poll, doors, Arc::clone(application), idle.pause_max)?;
        }
        Ok(Self {
            doors: idle.doors,
            next: std::sync::atomic::AtomicUsize::new(0),
        })
    }

    /// Shards that are driven by hand, whose callbacks run on in `local`.
    #[cfg(feature = "test-kit")]
    pub(crate) fn in_memory(
        idle: Idle,
        application: &Arc<Application>,
        local: &std::rc::Rc<tokio::task::LocalSet>,
    ) -> (Self, Vec<MemoryShard>) {
        let shards = idle.shards.into_iter().map(|(shard, _)| {
            idle.doors[shard.index()]
                .is_driven
                .store(true, Ordering::Release);
            let doors = Arc::clone(&idle.doors);
            MemoryShard::new(shard, doors, Arc::clone(application), local)
        });
        let shards = shards.collect();
        let doors = Self {
            doors: idle.doors,
            next: std::sync::atomic::AtomicUsize::new(0),
        };
        (doors, shards)
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
}

impl Drop for Shards {
    fn drop(&mut self) {
        for door in self.doors.iter() {
            door.close();
        }
    }
}
