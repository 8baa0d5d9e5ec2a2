//! One STOMP 1.2 session over TCP, which sends or receives, and what its octets mean.

use std::io::{self, ErrorKind, Write};

use campanile_stomp::{Command, Decoder, Frame, FrameWriter, Limits, Role, Version};
use mio::net::TcpStream;

use crate::{
    marker,
    queue::{
        plan::{AckMode, QueuePlan},
        tally::Tally,
    },
};

/// What the receipts of frames other than SEND are called.
const SUBSCRIBED: &str = "subscribed";
const LEFT: &str = "left";

/// What a session is there for, and which of its kind it is, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Produce(usize),
    Consume(usize),
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is no connection.
    Absent,
    /// TCP is being connected.
    Connecting,
    /// CONNECT was sent.
    Greeting,
    /// SUBSCRIBE was sent.
    Subscribing,
    /// It sends or receives.
    Open,
    /// DISCONNECT was sent.
    Leaving,
}

/// What became of a session while its frames were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It is what it was.
    Nothing,
    /// It has become open.
    Opened,
    /// The server has dealt with all that it has sent, and lets it go.
    Left,
    /// It is of no more use: why.
    Ended(String),
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) task: Task,
    pub(crate) state: State,
    pub(crate) stream: Option<TcpStream>,
    decoder: Decoder,
    /// What the socket has not taken yet.
    pub(crate) out: Vec<u8>,
}

/// What sessions share while they are read.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: QueuePlan,
    /// The queues' names.
    pub(crate) queues: Vec<String>,
    pub(crate) limits: Limits,
}

impl Session {
    pub(crate) fn new(task: Task) -> Self {
        Self {
            task,
            state: State::Absent,
            stream: None,
            decoder: Decoder::new(Role::Client),
            out: Vec::new(),
        }
    }

    /// Forgets the connection.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.task);
    }

    /// Opens the session, once TCP is connected.
    pub(crate) fn greet(&mut self) {
        self.state = State::Greeting;
        // The name and the virtual host are those of a RabbitMQ that nobody has configured.
        let mut writer = FrameWriter::new(&mut self.out, Version::V12, Command::Connect);
        writer.header("accept-version", "1.2").header("host", "/");
        writer.header("login", "guest").header("passcode", "guest");
        writer.finish();
    }

    /// Lets the server confirm that all was dealt with, as STOMP says (1.2, DISCONNECT).
    pub(crate) fn leave(&mut self) {
        self.state = State::Leaving;
        let mut writer = FrameWriter::new(&mut self.out, Version::V12, Command::Disconnect);
        writer.header("receipt", LEFT);
        writer.finish();
    }

    /// Appends a message; `receipt` tells up to where the server's answer confirms which part.
    pub(crate) fn send(&mut self, queue: &str, payload: &[u8], receipt: Option<(u32, u64)>) {
        let mut writer = FrameWriter::new(&mut self.out, Version::V12, Command::Send);
        // Without `persistent` nobody writes it to a disk. With `persistent:false` RabbitMQ would
        // make a queue that only this session may use.
        writer.header("destination", queue);
        if let Some((run, end)) = receipt {
            writer.header("receipt", &format!("{run}-{end}"));
        }
        writer.body(payload);
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let mut written = 0;
        let result = loop {
            if written == self.out.len() {
                break Ok(());
            }
            match stream.write(&self.out[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.out.drain(..written);
        result
    }

    /// Reads what has arrived at `now`. What it answers is to be flushed.
    pub(crate) fn take(
        &mut self,
        mut octets: &[u8],
        shared: &Shared,
        tally: &mut Tally,
        now: u64,
    ) -> Happened {
        let mut happened = Happened::Nothing;
        loop {
            // Divided, since a frame is lent by the decoder while the rest changes.
            let Self {
                decoder,
                out,
                task,
                state,
                ..
            } = self;
            let decoded = match decoder.decode(octets, &shared.limits) {
                Ok(decoded) => decoded,
                Err(error) => return Happened::Ended(format!("it sent no STOMP: {error}")),
            };
            octets = &octets[decoded.consumed..];
            let Some(frame) = decoded.frame else {
                return happened;
            };
            let is_connected = frame.command() == Command::Connected;
            match frame.command() {
                Command::Message => match *task {
                    Task::Consume(consumer) => {
                        receive(&frame, consumer, out, shared.plan.ack, tally, now);
                    }
                    Task::Produce(_) => {
                        return Happened::Ended("it sent a MESSAGE to a producer".to_owned());
                    }
                },
                Command::Receipt => {
                    let id = frame.header("receipt-id").unwrap_or_default();
                    match (&*id, *state, *task) {
                        (SUBSCRIBED, State::Subscribing, _) => {
                            *state = State::Open;
                            happened = Happened::Opened;
                        }
                        (LEFT, State::Leaving, _) => return Happened::Left,
                        (id, _, Task::Produce(producer)) => {
                            if let Some((run, end)) = confirmed(id) {
                                tally.confirm(producer, run, end);
                            }
                        }
                        _ => {}
                    }
                }
                Command::Connected => match *task {
                    Task::Produce(_) => {
                        *state = State::Open;
                        happened = Happened::Opened;
                    }
                    Task::Consume(consumer) => {
                        *state = State::Subscribing;
                        subscribe(out, consumer, shared);
                    }
                },
                Command::Error => return Happened::Ended(refusal(&frame)),
                _ => {}
            }
            if is_connected {
                self.decoder.set_version(Version::V12);
            }
        }
    }
}

fn subscribe(out: &mut Vec<u8>, consumer: usize, shared: &Shared) {
    let queue = &shared.queues[shared.plan.queue_for(consumer)];
    let prefetch = shared.plan.prefetch.to_string();
    let mut writer = FrameWriter::new(out, Version::V12, Command::Subscribe);
    writer.header("id", "q").header("destination", queue);
    writer.header("ack", shared.plan.ack.name());
    // RabbitMQ's name for it, and ActiveMQ's.
    writer.header("prefetch-count", &prefetch);
    writer.header("activemq.prefetchSize", &prefetch);
    writer.header("receipt", SUBSCRIBED);
    writer.finish();
}

/// A message has come: it is entered, and acknowledged if need be.
#[inline]
fn receive(
    frame: &Frame<'_>,
    consumer: usize,
    out: &mut Vec<u8>,
    mode: AckMode,
    tally: &mut Tally,
    now: u64,
) {
    if let Some((marker, _)) = marker::find(frame.body()) {
        tally.receive(consumer, &marker, now);
    }
    if mode == AckMode::ClientIndividual
        && let Some(id) = frame.header("ack")
    {
        let mut writer = FrameWriter::new(out, Version::V12, Command::Ack);
        writer.header("id", &id);
        writer.finish();
    }
}

/// Which part of the run a receipt is about, and how many of its messages it confirms.
fn confirmed(id: &str) -> Option<(u32, u64)> {
    let (run, end) = id.split_once('-')?;
    Some((run.parse().ok()?, end.parse().ok()?))
}

/// What an ERROR says, on one line.
fn refusal(frame: &Frame<'_>) -> String {
    const CHARS_MAX: usize = 200;
    let message = frame.header("message").unwrap_or_default();
    let body = String::from_utf8_lossy(frame.body());
    let words: Vec<&str> = message.split_whitespace().collect();
    let said: Vec<&str> = body.split_whitespace().collect();
    let text = format!("ERROR {}: {}", words.join(" "), said.join(" "));
    text.chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Payload;

    fn shared() -> Shared {
        let plan = QueuePlan {
            queues: 1,
            ..QueuePlan::default()
        };
        Shared {
            plan,
            queues: vec!["/queue/a".to_owned()],
            limits: Limits::default(),
        }
    }

    fn text(out: &[u8]) -> String {
        String::from_utf8(out.to_vec()).expect("text")
    }

    #[test]
    fn a_consumer_subscribes_acknowledges_and_leaves() {
        let mut tally = Tally::new(0x100, shared().plan);
        let (marker, _) = tally.send(0, 10);
        let mut stream =
            b"CONNECTED\nversion:1.2\n\n\0\nRECEIPT\nreceipt-id:subscribed\n\n\0\n".to_vec();
        stream.extend_from_slice(b"MESSAGE\nsubscription:q\nmessage-id:1\nack:ID\\c7\n\n");
        stream.extend_from_slice(Payload::new(60).stamped(&marker));
        stream.extend_from_slice(b"\0RECEIPT\nreceipt-id:left\n\n\0");
        for cut in 0..stream.len() {
            let mut tally = Tally::new(0x100, shared().plan);
            tally.send(0, 10);
            let mut session = Session::new(Task::Consume(0));
            session.greet();
            let mut take = |octets: &[u8], session: &mut Session| {
                if session.state == State::Open {
                    session.leave();
                }
                session.take(octets, &shared(), &mut tally, 50)
            };
            take(&stream[..cut], &mut session);
            // Only one that leaves is told that it has left.
            let last = take(&stream[cut..], &mut session);
            let has_left = last == Happened::Left;
            assert_eq!(has_left, session.state == State::Leaving, "cut at {cut}");
            assert_eq!((tally.delivered, tally.missing()), (1, 0), "cut at {cut}");
            let said = text(&session.out);
            assert!(said.contains("\ndestination:/queue/a\nack:client-individual\n"));
            assert!(said.contains("ACK\nid:ID\\c7\n\n\0"), "{said}");
        }
    }

    #[test]
    fn nothing_is_acknowledged_that_the_server_has_settled_itself() {
        let mut shared = shared();
        shared.plan.ack = AckMode::Auto;
        let mut session = Session::new(Task::Consume(0));
        let mut tally = Tally::new(0x100, shared.plan);
        let octets = b"MESSAGE\nsubscription:q\nmessage-id:1\nack:7\n\nx\0";
        session.take(octets, &shared, &mut tally, 50);
        assert!(session.out.is_empty());
        assert_eq!(tally.delivered, 0, "it is no message of the run");
    }

    #[test]
    fn a_producer_s_receipts_confirm_what_they_say() {
        let shared = shared();
        let mut tally = Tally::new(0x100, shared.plan);
        (0..5).for_each(|_| _ = tally.send(1, 10));
        let mut session = Session::new(Task::Produce(1));
        session.send("/queue/a", b"x", Some((0x100, 4)));
        let said = text(&session.out);
        assert!(
            said.contains("\ndestination:/queue/a\nreceipt:256-4\n"),
            "{said}"
        );
        let octets = b"CONNECTED\nversion:1.2\n\n\0RECEIPT\nreceipt-id:256-4\n\n\0";
        let happened = session.take(octets, &shared, &mut tally, 50);
        assert_eq!((happened, session.state), (Happened::Opened, State::Open));
        assert_eq!(tally.producers[1].confirmed, 4);
        assert_eq!(confirmed("256"), None);
    }

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let shared = shared();
        let mut tally = Tally::new(0x100, shared.plan);
        let mut session = Session::new(Task::Produce(0));
        let octets = b"ERROR\nmessage:queue-full\n\nit holds\nenough\0";
        let Happened::Ended(why) = session.take(octets, &shared, &mut tally, 50) else {
            panic!("an ERROR ends the session");
        };
        assert_eq!(why, "ERROR queue-full: it holds enough");
    }
}
