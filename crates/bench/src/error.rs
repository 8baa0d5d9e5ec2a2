//! What can keep a run from being made.

use std::io;

use campanile_websocket::ClientHandshakeError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// An option's value makes no sense.
    #[error("--{option}: {why}")]
    Option {
        /// The option's name on the command line.
        option: &'static str,
        /// What it must be.
        why: String,
    },
    /// Not an address that can be measured.
    #[error("{url} cannot be measured: {why}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The host's name has no address, or nobody listens there.
    #[error("nobody answers at {host}:{port}: {source}; is the server running?")]
    Unreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The process may not open as many descriptors as there are sessions.
    #[error(
        "{wanted} sessions need more descriptors than the {allowed} that this process may open; \
         raise the hard limit (ulimit -Hn) or ask for fewer --sessions"
    )]
    Descriptors {
        /// Descriptors needed.
        wanted: usize,
        /// The hard limit.
        allowed: u64,
    },
    /// A session could not be opened.
    #[error("session {session} could not be opened: {why}")]
    Opening {
        /// The session's number, from 0.
        session: usize,
        /// What happened.
        why: OpeningError,
    },
    /// Sessions do not open.
    #[error(
        "{open} of {wanted} sessions are open, and no other one has opened for {seconds} s; does \
         the server speak the dialect {dialect} there?"
    )]
    OpeningStopped {
        /// Sessions that are open.
        open: usize,
        /// Sessions asked for.
        wanted: usize,
        /// How long nothing has happened.
        seconds: u64,
        /// What the generator speaks.
        dialect: &'static str,
    },
    /// The first publication did not reach everybody, so that there is nothing to measure.
    #[error(
        "{heard} of {wanted} sessions heard the first message within {seconds} s; is every text \
         that arrives at this URL sent to {whom}, and --dialect right?"
    )]
    NotHeard {
        /// Sessions that heard it.
        heard: usize,
        /// Sessions that should have.
        wanted: usize,
        /// How long was waited.
        seconds: u64,
        /// Whom the shape expects it to reach.
        whom: &'static str,
    },
    /// The server has ended a session of a run with queues: what the others did then tells nothing.
    #[error("session {session} was ended by the server: {why}")]
    Ended {
        /// The session's number, from 0, producers first.
        session: usize,
        /// What the server said.
        why: String,
    },
    /// Consumers have asked for a receipt with their DISCONNECT and not got it, so that it is not
    /// known which of their acknowledgements have taken effect.
    #[error(
        "{sessions} consumers have said that they leave, and {seconds} s later the server has not \
         confirmed it; is it behind with acknowledgements?"
    )]
    NoReceipt {
        /// Consumers that wait.
        sessions: usize,
        /// How long was waited.
        seconds: u64,
    },
    /// The process to watch cannot be read.
    #[error("--pid {pid}: there is no such process to be read here: {source}")]
    Process {
        /// The process.
        pid: u32,
        /// What the system says.
        source: io::Error,
    },
    /// The system failed.
    #[error("the system does not let the load be made: {0}")]
    System(#[from] io::Error),
}

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// TCP.
    #[error("{0}")]
    Tcp(#[from] io::Error),
    /// The answer is no WebSocket's.
    #[error("{0}")]
    Handshake(#[from] ClientHandshakeError),
    /// The connection ended.
    #[error("the server closed it ({0})")]
    Closed(String),
    /// The dialect's own opening was refused.
    #[error("the server refused it: {0}")]
    Dialect(String),
}
