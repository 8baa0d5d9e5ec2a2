//! All sessions on one thread, over one poller and one buffer: how they open, read and end.

mod sending;

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind, Read},
    net::SocketAddr,
    time::Duration,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    clock::Clock,
    deflate::{Deflate, Inflation},
    error::{BenchError, OpeningError},
    masks::Masks,
    plan::Plan,
    session::{Session, Shared, State},
    tally::Tally,
    target::Target,
};

/// Octets that one read takes at least.
const READ_BYTES: usize = 256 << 10;

/// Sessions that one wait tells of.
const EVENTS: usize = 1024;

/// Different reasons that are told apart; further ones are counted together.
const REASONS_MAX: usize = 32;

/// What came of reading a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// At most deliveries.
    Nothing,
    /// It is open, so many nanoseconds after its connection was begun.
    Opened(u64),
    /// The server has closed it.
    Closed,
    /// It has left, as it wanted to.
    Left,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    address: SocketAddr,
    target: Target,
    plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) sessions: Vec<Session>,
    shared: Shared,
    buffer: Vec<u8>,
    /// A publication in its envelope, and the same compressed.
    scratch: (Vec<u8>, Vec<u8>),
    /// Sessions that may have something to read or write.
    ready: VecDeque<u32>,
    /// Sessions that the server closed.
    pub(crate) closed_by_server: u64,
    /// How often each reason was given.
    pub(crate) reasons: BTreeMap<String, u64>,
}

impl Fleet {
    /// Sessions that are not connected yet.
    pub(crate) fn new(plan: &Plan, clock: Clock) -> Result<Self, BenchError> {
        let target = Target::parse(&plan.url)?.with_defaults_of(plan.dialect);
        let address = target.reach()?;
        let session = |index| {
            let destination = target.destination(plan, index);
            Session::new(index, plan.channel_of(index), destination)
        };
        let frame_bytes_max = (2 * plan.payload_bytes).max(READ_BYTES);
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            address,
            clock,
            sessions: (0..plan.sessions).map(session).collect(),
            shared: Shared {
                dialect: plan.dialect,
                masks: Masks::new(),
                deflate: Deflate::new(),
                frame_bytes_max,
                pongs: 0,
            },
            buffer: vec![0; frame_bytes_max + READ_BYTES],
            scratch: (Vec::new(), Vec::new()),
            ready: VecDeque::with_capacity(EVENTS),
            closed_by_server: 0,
            reasons: BTreeMap::new(),
            plan: plan.clone(),
            target,
        })
    }

    /// Begins to connect a session that is absent.
    pub(crate) fn connect(&mut self, index: usize) -> io::Result<()> {
        let session = &mut self.sessions[index];
        session.since = self.clock.now();
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(index), interest)?;
        session.stream = Some(stream);
        session.state = State::Connecting;
        Ok(())
    }

    /// Waits until a session is ready, for at most `timeout`, which is rounded up to milliseconds.
    pub(crate) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let timeout = if self.ready.is_empty() {
            timeout
        } else {
            Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            let index = event.token().0 as u32;
            self.ready.push_back(index);
            // The end is behind what is still to be read, and the poller tells of it only once.
            if event.is_read_closed() {
                self.ready.push_back(index);
            }
        }
        Ok(())
    }

    /// How many sessions should be read now.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// A session that should be read now.
    pub(crate) fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_front().map(|index| index as usize)
    }

    /// Reads what a session has received, once, and writes what waits for it.
    ///
    /// # Errors
    /// When it could not be opened; it is absent then.
    pub(crate) fn read(
        &mut self,
        index: usize,
        tally: &mut Tally,
    ) -> Result<Happened, OpeningError> {
        let result = self.try_read(index, tally);
        if result.is_err() {
            self.sessions[index].reset();
        }
        result
    }

    fn try_read(&mut self, index: usize, tally: &mut Tally) -> Result<Happened, OpeningError> {
        let is_connecting = matches!(self.sessions[index].state, State::Connecting);
        if is_connecting && !self.has_connected(index)? {
            return Ok(Happened::Nothing);
        }
        let session = &mut self.sessions[index];
        if !session.out.is_empty()
            && let Err(error) = session.flush()
        {
            return self.end(index, &error.to_string(), tally);
        }
        if session.is_paused {
            return Ok(Happened::Nothing);
        }
        let Some(stream) = &mut session.stream else {
            return Ok(Happened::Nothing);
        };
        let kept = session.partial.len();
        self.buffer[..kept].copy_from_slice(&session.partial);
        let room = &mut self.buffer[kept..];
        let room_bytes = room.len();
        let received = match stream.read(room) {
            Ok(0) => return self.end(index, "without a close frame", tally),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Happened::Nothing),
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.ready.push_back(index as u32);
                return Ok(Happened::Nothing);
            }
            Err(error) => return self.end(index, &error.to_string(), tally),
        };
        if received == room_bytes || session.is_late {
            // The poller tells only of what is new, and there may be more: what came while it did
            // not read, the end included, was told then.
            self.ready.push_back(index as u32);
        }
        let now = self.clock.now();
        self.take(index, kept + received, now, tally)
    }

    /// Makes sense of the first octets of the buffer.
    fn take(
        &mut self,
        index: usize,
        filled: usize,
        now: u64,
        tally: &mut Tally,
    ) -> Result<Happened, OpeningError> {
        let session = &mut self.sessions[index];
        let octets = &self.buffer[..filled];
        let mut has_opened = false;
        let mut begin = 0;
        match &session.state {
            State::Handshaking(handshake) => {
                match handshake.read_response(octets)? {
                    Some((response, head_bytes)) => {
                        session.inflation = Inflation::agreed(&response.extensions);
                        begin = head_bytes;
                    }
                    None => {
                        session.partial.clear();
                        session.partial.extend_from_slice(octets);
                        return Ok(Happened::Nothing);
                    }
                }
                has_opened = session.greet(&mut self.shared, tally)?;
            }
            // What it still gets does not matter any more, only the end does.
            State::Leaving { .. } => return Ok(Happened::Nothing),
            _ => {}
        }
        let taken = session.take_frames(&octets[begin..], &mut self.shared, tally, now)?;
        let rest = &octets[begin + taken.used..];
        session.partial.clear();
        session.partial.extend_from_slice(rest);
        has_opened |= taken.has_opened;
        if let Some(reason) = taken.ending {
            // Sends the answer to the server's close, if that is possible.
            let _ = session.flush();
            return self.close(index, &reason, tally);
        }
        if !session.out.is_empty()
            && let Err(error) = session.flush()
        {
            return self.end(index, &error.to_string(), tally);
        }
        Ok(if has_opened {
            Happened::Opened(now - session.since)
        } else {
            Happened::Nothing
        })
    }

    /// Sends the opening handshake if TCP is connected.
    fn has_connected(&mut self, index: usize) -> Result<bool, OpeningError> {
        let session = &mut self.sessions[index];
        let Some(stream) = &session.stream else {
            return Ok(false);
        };
        if let Some(error) = stream.take_error()? {
            return Err(error.into());
        }
        if stream.peer_addr().is_err() {
            return Ok(false);
        }
        let nonce = self.shared.masks.take::<16>()?;
        let handshake = self.target.handshake(&self.plan, index, nonce);
        session.out = handshake.request_bytes();
        session.state = State::Handshaking(Box::new(handshake));
        Ok(true)
    }

    /// The connection of a session has ended.
    fn end(
        &mut self,
        index: usize,
        why: &str,
        tally: &mut Tally,
    ) -> Result<Happened, OpeningError> {
        let result = match self.sessions[index].state {
            State::Open => self.close(index, &format!("1006 {why}"), tally),
            State::Leaving { is_ours: true } => Ok(Happened::Left),
            State::Leaving { is_ours: false } | State::Absent => Ok(Happened::Nothing),
            _ => Err(OpeningError::Closed(why.to_owned())),
        };
        self.sessions[index].reset();
        result
    }

    /// The server closes a session.
    fn close(
        &mut self,
        index: usize,
        reason: &str,
        tally: &mut Tally,
    ) -> Result<Happened, OpeningError> {
        let session = &mut self.sessions[index];
        if !matches!(session.state, State::Open) {
            return Err(OpeningError::Closed(reason.to_owned()));
        }
        tally.leave(session.channel, &session.ledger);
        session.state = State::Leaving { is_ours: false };
        self.closed_by_server += 1;
        let is_new = !self.reasons.contains_key(reason);
        let reason = if is_new && self.reasons.len() >= REASONS_MAX {
            "other reasons"
        } else {
            reason
        };
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        Ok(Happened::Closed)
    }

    /// Pongs that have arrived so far.
    pub(crate) fn pongs(&self) -> u64 {
        self.shared.pongs
    }

    /// Whether a session receives publications.
    pub(crate) fn is_open(&self, index: usize) -> bool {
        matches!(self.sessions[index].state, State::Open)
    }

    /// Sessions that have a connection, open or not.
    pub(crate) fn connected(&self) -> usize {
        let sessions = self.sessions.iter();
        sessions.filter(|session| session.stream.is_some()).count()
    }

    /// Sessions that are on their way to be open.
    pub(crate) fn connecting(&self) -> usize {
        let is_opening = |session: &&Session| {
            let state = &session.state;
            matches!(
                state,
                State::Connecting | State::Handshaking(_) | State::Joining
            )
        };
        self.sessions.iter().filter(is_opening).count()
    }

    /// Whether the server has agreed to compress.
    pub(crate) fn is_compressed(&self) -> bool {
        let mut sessions = self.sessions.iter();
        sessions.any(|session| !matches!(session.inflation, Inflation::None))
    }

    /// Ends a session's connection at once.
    pub(crate) fn drop_connection(&mut self, index: usize) {
        self.sessions[index].reset();
    }

    /// Lets a session that has stopped reading go on.
    pub(crate) fn resume(&mut self, index: usize) {
        self.sessions[index].is_paused = false;
        self.ready.push_back(index as u32);
    }
}
