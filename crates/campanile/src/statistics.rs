//! What has happened so far, in numbers (S159).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use campanile_hub::{Cause, Ending, Hub};
use campanile_stomp::Command;

/// What a process has seen since it started, for one application. From
/// [`Handle::statistics`](crate::Handle::statistics).
///
/// It is a snapshot: its numbers are read one after the other while sessions come and go. Displayed,
/// it is a line for a log:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = campanile::Campanile::builder().build()?;
/// assert_eq!(
///     app.handle().statistics().to_string(),
///     "sessions: 0 now, 0 opened; ended: 0 by clients, 0 lost, 0 by the application, 0 for \
///      breaches, 0 for reading slowly, 0 timed out, 0 at leaving; STOMP: 0 connected of 0, 0 \
///      disconnected, 0 sent, 0 subscribed, 0 unsubscribed, 0 errors, 0 unhandled",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Sessions that are here, closing ones included.
    pub sessions: usize,
    /// Sessions that there ever were.
    pub sessions_opened: u64,
    /// How sessions have ended.
    pub ended: EndedSessions,
    /// What STOMP clients have sent.
    pub stomp: StompFrames,
}

/// How sessions have ended, in numbers of sessions. All but the first are abnormal in some way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedSessions {
    /// The client closed, with a closing handshake or a DISCONNECT.
    pub by_clients: u64,
    /// The connection was cut without a word.
    pub lost: u64,
    /// The application closed.
    pub by_application: u64,
    /// The client broke its protocol or a limit, or was refused.
    pub breaches: u64,
    /// The client read too slowly for its outbox.
    pub slow_consumers: u64,
    /// The client was silent for too long, or did not say in time what it had to.
    pub timed_out: u64,
    /// The process was leaving.
    pub leaving: u64,
}

/// What STOMP clients have sent, in numbers of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StompFrames {
    /// CONNECT and STOMP frames.
    pub connect: u64,
    /// CONNECTED frames: those of the former that were accepted.
    pub connected: u64,
    /// DISCONNECT frames.
    pub disconnect: u64,
    /// SEND frames.
    pub send: u64,
    /// SUBSCRIBE frames.
    pub subscribe: u64,
    /// UNSUBSCRIBE frames.
    pub unsubscribe: u64,
    /// ACK frames.
    pub ack: u64,
    /// NACK frames.
    pub nack: u64,
    /// BEGIN frames.
    pub begin: u64,
    /// COMMIT frames.
    pub commit: u64,
    /// ABORT frames.
    pub abort: u64,
    /// ERROR frames, which went out.
    pub errors: u64,
    /// Frames for a handler that there is not (S144).
    pub unhandled: u64,
}

/// Where it is counted, from all threads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    by_clients: AtomicU64,
    lost: AtomicU64,
    by_application: AtomicU64,
    breaches: AtomicU64,
    slow_consumers: AtomicU64,
    timed_out: AtomicU64,
    leaving: AtomicU64,
    connect: AtomicU64,
    connected: AtomicU64,
    disconnect: AtomicU64,
    send: AtomicU64,
    subscribe: AtomicU64,
    unsubscribe: AtomicU64,
    ack: AtomicU64,
    nack: AtomicU64,
    begin: AtomicU64,
    commit: AtomicU64,
    abort: AtomicU64,
    errors: AtomicU64,
    unhandled: AtomicU64,
}

/// The code of a connection that was cut (RFC 6455 7.4.1).
const LOST: u16 = 1006;

impl Counters {
    /// A session has ended.
    pub(crate) fn ended(&self, ending: &Ending) {
        let counter = match ending.cause {
            Cause::Peer if ending.code == LOST => &self.lost,
            Cause::Peer => &self.by_clients,
            Cause::Application => &self.by_application,
            Cause::Protocol => &self.breaches,
            Cause::SlowConsumer => &self.slow_consumers,
            Cause::TimedOut => &self.timed_out,
            Cause::Leaving => &self.leaving,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A STOMP frame has come, or goes out. The others are not counted.
    pub(crate) fn frame(&self, command: Command) {
        let counter = match command {
            Command::Connect | Command::Stomp => &self.connect,
            Command::Connected => &self.connected,
            Command::Disconnect => &self.disconnect,
            Command::Send => &self.send,
            Command::Subscribe => &self.subscribe,
            Command::Unsubscribe => &self.unsubscribe,
            Command::Ack => &self.ack,
            Command::Nack => &self.nack,
            Command::Begin => &self.begin,
            Command::Commit => &self.commit,
            Command::Abort => &self.abort,
            Command::Error => &self.errors,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A STOMP frame was for a handler that there is not.
    pub(crate) fn unhandled(&self) {
        self.unhandled.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it, as it is now.
    pub(crate) fn read(&self, hub: &Hub) -> Statistics {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            sessions: hub.sessions(),
            sessions_opened: hub.sessions_opened(),
            ended: EndedSessions {
                by_clients: of(&self.by_clients),
                lost: of(&self.lost),
                by_application: of(&self.by_application),
                breaches: of(&self.breaches),
                slow_consumers: of(&self.slow_consumers),
                timed_out: of(&self.timed_out),
                leaving: of(&self.leaving),
            },
            stomp: StompFrames {
                connect: of(&self.connect),
                connected: of(&self.connected),
                disconnect: of(&self.disconnect),
                send: of(&self.send),
                subscribe: of(&self.subscribe),
                unsubscribe: of(&self.unsubscribe),
                ack: of(&self.ack),
                nack: of(&self.nack),
                begin: of(&self.begin),
                commit: of(&self.commit),
                abort: of(&self.abort),
                errors: of(&self.errors),
                unhandled: of(&self.unhandled),
            },
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ended, stomp) = (&self.ended, &self.stomp);
        write!(
            f,
            "sessions: {} now, {} opened; ended: {} by clients, {} lost, {} by the application, {} \
             for breaches, {} for reading slowly, {} timed out, {} at leaving; ",
            self.sessions,
            self.sessions_opened,
            ended.by_clients,
            ended.lost,
            ended.by_application,
            ended.breaches,
            ended.slow_consumers,
            ended.timed_out,
            ended.leaving,
        )?;
        write!(
            f,
            "STOMP: {} connected of {}, {} disconnected, {} sent, {} subscribed, {} unsubscribed, \
             {} errors, {} unhandled",
            stomp.connected,
            stomp.connect,
            stomp.disconnect,
            stomp.send,
            stomp.subscribe,
            stomp.unsubscribe,
            stomp.errors,
            stomp.unhandled,
        )
    }
}
