//! All sessions of a run with queues, on one thread, over one poller and one buffer.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read},
    net::SocketAddr,
    time::Duration,
};

use campanile_stomp::Limits;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    clock::Clock,
    error::BenchError,
    plan::Plan,
    queue::{
        session::{Happened, Session, Shared, State, Task},
        tally::Tally,
    },
    target::Target,
};

/// Octets that one read takes at most.
const READ_BYTES: usize = 256 << 10;

/// Sessions that one wait tells of.
const EVENTS: usize = 1024;

/// The queues if the URL names none.
const DEFAULT_DESTINATION: &str = "/queue/bench-{queue}";

/// All sessions: the producers, and then the consumers.
#[derive(Debug)]
pub(crate) struct Crew {
    poll: Poll,
    events: Events,
    address: SocketAddr,
    clock: Clock,
    sessions: Vec<Session>,
    producers: usize,
    shared: Shared,
    buffer: Vec<u8>,
    /// Sessions that may have something to read or write.
    ready: VecDeque<usize>,
    /// Sessions that the server has ended, and why.
    pub(crate) ended: Vec<(usize, String)>,
}

impl Crew {
    /// Sessions that are not connected yet.
    pub(crate) fn new(plan: &Plan, clock: Clock) -> Result<Self, BenchError> {
        let target = Target::parse_tcp(&plan.url)?;
        let address = target.reach()?;
        let destination = match target.fragment() {
            "" => DEFAULT_DESTINATION,
            named => named,
        };
        if plan.queue.queues > 1 && !destination.contains("{queue}") {
            let why = "{queue} must stand in the URL, as in tcp://HOST#/queue/{queue}".to_owned();
            return Err(BenchError::Option {
                option: "queues",
                why,
            });
        }
        let queue = |number: usize| destination.replace("{queue}", &number.to_string());
        let producers = (0..plan.queue.producers).map(Task::Produce);
        let consumers = (0..plan.queue.consumers).map(Task::Consume);
        let body_bytes_max = 2 * plan.payload_bytes;
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            address,
            clock,
            sessions: producers.chain(consumers).map(Session::new).collect(),
            producers: plan.queue.producers,
            shared: Shared {
                plan: plan.queue,
                queues: (0..plan.queue.queues).map(queue).collect(),
                limits: Limits {
                    body_bytes_max,
                    frame_bytes_max: body_bytes_max + READ_BYTES,
                    ..Limits::default()
                },
            },
            buffer: vec![0; READ_BYTES],
            ready: VecDeque::with_capacity(EVENTS),
            ended: Vec::new(),
        })
    }

    /// Begins to connect a session that is absent.
    pub(crate) fn connect(&mut self, index: usize) -> io::Result<()> {
        let session = &mut self.sessions[index];
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

    /// Waits for at most `timeout`, which is rounded up to milliseconds, and reads all sessions
    /// that are ready, each once.
    pub(crate) fn turn(&mut self, timeout: Duration, tally: &mut Tally) -> io::Result<()> {
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
            self.ready.push_back(event.token().0);
            // The end is behind what is still to be read, and the poller tells of it only once.
            if event.is_read_closed() {
                self.ready.push_back(event.token().0);
            }
        }
        for _ in 0..self.ready.len() {
            let Some(index) = self.ready.pop_front() else {
                break;
            };
            let happened = self
                .read(index, tally)
                .unwrap_or_else(|error| Happened::Ended(error.to_string()));
            match happened {
                Happened::Nothing | Happened::Opened => {}
                Happened::Left => self.sessions[index].reset(),
                Happened::Ended(why) => {
                    self.sessions[index].reset();
                    self.ended.push((index, why));
                }
            }
        }
        Ok(())
    }

    /// Reads a session once, and writes what it has to answer.
    fn read(&mut self, index: usize, tally: &mut Tally) -> io::Result<Happened> {
        let session = &mut self.sessions[index];
        let Some(stream) = &mut session.stream else {
            return Ok(Happened::Nothing);
        };
        if session.state == State::Connecting {
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            if stream.peer_addr().is_err() {
                return Ok(Happened::Nothing);
            }
            session.greet();
        }
        let Some(stream) = &mut session.stream else {
            return Ok(Happened::Nothing);
        };
        let mut happened = Happened::Nothing;
        match stream.read(&mut self.buffer) {
            Ok(0) => return Ok(Happened::Ended("the connection was closed".to_owned())),
            Ok(received) => {
                if received == self.buffer.len() {
                    // The poller tells only of what is new, and there may be more.
                    self.ready.push_back(index);
                }
                let now = self.clock.now();
                happened = session.take(&self.buffer[..received], &self.shared, tally, now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => self.ready.push_back(index),
            Err(error) => return Err(error),
        }
        session.flush()?;
        Ok(happened)
    }

    /// Sends a message of a producer's. A connection that has broken is found when it is read.
    pub(crate) fn send(
        &mut self,
        producer: usize,
        queue: usize,
        payload: &[u8],
        receipt: Option<(u32, u64)>,
    ) {
        let session = &mut self.sessions[producer];
        session.send(&self.shared.queues[queue], payload, receipt);
        // One write for each message, as by anybody who sends a message when there is one: a server
        // is not handed the batches that it should form itself.
        if session.flush().is_err() {
            self.ready.push_back(producer);
        }
    }

    /// Lets the consumers leave, and the producers too if `all` is true.
    pub(crate) fn begin_to_leave(&mut self, all: bool) {
        let first = if all { 0 } else { self.producers };
        for index in first..self.sessions.len() {
            let session = &mut self.sessions[index];
            if session.state == State::Open {
                session.leave();
                if session.flush().is_err() {
                    self.ready.push_back(index);
                }
            }
        }
    }

    /// How many sessions are in this state.
    pub(crate) fn count(&self, state: State) -> usize {
        let sessions = self.sessions.iter();
        sessions.filter(|session| session.state == state).count()
    }

    /// The first session that has no connection.
    pub(crate) fn first_absent(&self) -> Option<usize> {
        let mut sessions = self.sessions.iter();
        sessions.position(|session| session.state == State::Absent)
    }

    /// Cuts off whoever is still there.
    pub(crate) fn drop_all(&mut self) {
        self.sessions.iter_mut().for_each(Session::reset);
    }
}
