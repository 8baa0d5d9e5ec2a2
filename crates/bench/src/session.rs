//! One session and what its octets mean.

use std::io::{self, ErrorKind, Write};

use campanile_websocket::{ClientHandshake, Opcode, append_frame};
use mio::net::TcpStream;

use crate::{
    deflate::{Deflate, Inflation},
    dialect::{self, Answer},
    error::OpeningError,
    frame::{self, CLOSE, CONTINUATION, PING, PONG},
    ledger::Ledger,
    marker,
    masks::Masks,
    plan::Dialect,
    tally::Tally,
};

/// How far a session is.
#[derive(Debug)]
pub(crate) enum State {
    /// There is no connection.
    Absent,
    /// TCP is being connected.
    Connecting,
    /// The request was sent.
    Handshaking(Box<ClientHandshake>),
    /// The dialect is opening its own session.
    Joining,
    /// Publications are received.
    Open,
    /// A Close frame was sent, and the end of the connection is awaited.
    Leaving {
        /// Whether the generator closed, and not the server.
        is_ours: bool,
    },
}

/// One session. While nothing arrives, it has no buffer.
#[derive(Debug)]
pub(crate) struct Session {
    /// From 0, in the order of the plan.
    number: u32,
    pub(crate) stream: Option<TcpStream>,
    pub(crate) state: State,
    pub(crate) channel: u32,
    pub(crate) ledger: Ledger,
    /// It does not read, until it is told to.
    pub(crate) is_paused: bool,
    /// It has not read for a while, so that what it gets tells nothing of the server's latency.
    pub(crate) is_late: bool,
    /// When its connection was begun.
    pub(crate) since: u64,
    pub(crate) inflation: Inflation,
    /// The beginning of a frame whose end has not arrived.
    pub(crate) partial: Vec<u8>,
    /// What the socket has not taken yet.
    pub(crate) out: Vec<u8>,
    /// The channel or namespace of the dialect.
    pub(crate) destination: Box<str>,
    /// A message of which not all frames have arrived: compressed or not, and its octets.
    message: Option<Box<(bool, Vec<u8>)>>,
}

/// What sessions share while they are read.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dialect: Dialect,
    pub(crate) masks: Masks,
    pub(crate) deflate: Deflate,
    pub(crate) frame_bytes_max: usize,
    /// Pongs that have arrived.
    pub(crate) pongs: u64,
}

/// What came of reading frames.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Octets that were used; the rest is the beginning of a frame.
    pub(crate) used: usize,
    /// The session has become open.
    pub(crate) has_opened: bool,
    /// The server closed it, or must be left: why, as `code reason`.
    pub(crate) ending: Option<String>,
}

impl Session {
    pub(crate) fn new(number: usize, channel: usize, destination: String) -> Self {
        Self {
            number: number as u32,
            stream: None,
            state: State::Absent,
            channel: channel as u32,
            ledger: Ledger::from_the_start(),
            is_paused: false,
            is_late: false,
            since: 0,
            inflation: Inflation::None,
            partial: Vec::new(),
            out: Vec::new(),
            destination: destination.into(),
            message: None,
        }
    }

    /// Forgets the connection.
    pub(crate) fn reset(&mut self) {
        self.stream = None;
        self.state = State::Absent;
        self.is_paused = false;
        self.inflation = Inflation::None;
        self.partial = Vec::new();
        self.out = Vec::new();
        self.message = None;
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

    /// Appends a frame to what waits.
    pub(crate) fn push(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        masks: &mut Masks,
    ) -> io::Result<()> {
        let mask = masks.take::<4>()?;
        append_frame(&mut self.out, true, opcode, payload, Some(mask));
        Ok(())
    }

    /// The opening handshake is done: says what the dialect says first.
    pub(crate) fn greet(&mut self, shared: &mut Shared, tally: &mut Tally) -> io::Result<bool> {
        self.state = State::Joining;
        match dialect::greeting(shared.dialect, self.number, &self.destination) {
            Answer::Open => self.open(tally),
            Answer::Send(text) => self.push(Opcode::Text, text.as_bytes(), &mut shared.masks)?,
            Answer::None | Answer::Refused(_) => {}
        }
        Ok(matches!(self.state, State::Open))
    }

    fn open(&mut self, tally: &mut Tally) {
        self.state = State::Open;
        let channel = &mut tally.channels[self.channel as usize];
        channel.members += 1;
        self.ledger = Ledger::joining(channel.published);
    }

    /// Reads the frames in `octets`, which begin with one.
    ///
    /// # Errors
    /// When the session cannot be opened, or the system fails.
    pub(crate) fn take_frames(
        &mut self,
        octets: &[u8],
        shared: &mut Shared,
        tally: &mut Tally,
        now: u64,
    ) -> Result<Taken, OpeningError> {
        let mut taken = Taken::default();
        loop {
            let (frame, bytes) = match frame::next(&octets[taken.used..], shared.frame_bytes_max) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(taken),
                Err(error) => {
                    taken.ending = Some(format!("1002 {error}"));
                    return Ok(taken);
                }
            };
            taken.used += bytes;
            match frame.opcode {
                PING => self.push(Opcode::Pong, frame.payload, &mut shared.masks)?,
                PONG => shared.pongs += 1,
                CLOSE => {
                    let code = &frame.payload[..frame.payload.len().min(2)];
                    self.push(Opcode::Close, code, &mut shared.masks)?;
                    taken.ending = Some(close_reason(frame.payload));
                    return Ok(taken);
                }
                opcode if opcode < CLOSE => {
                    if frame.last && opcode != CONTINUATION {
                        self.take(
                            frame.payload,
                            frame.compressed,
                            shared,
                            tally,
                            now,
                            &mut taken,
                        )?;
                    } else {
                        let parts = self
                            .message
                            .get_or_insert_with(|| Box::new((frame.compressed, Vec::new())));
                        parts.1.extend_from_slice(frame.payload);
                        if frame.last
                            && let Some(parts) = self.message.take()
                        {
                            self.take(&parts.1, parts.0, shared, tally, now, &mut taken)?;
                        }
                    }
                }
                _ => taken.ending = Some("1002 the server sent an unknown opcode".to_owned()),
            }
            if taken.ending.is_some() {
                return Ok(taken);
            }
        }
    }

    /// A whole message.
    #[inline]
    fn take(
        &mut self,
        payload: &[u8],
        is_compressed: bool,
        shared: &mut Shared,
        tally: &mut Tally,
        now: u64,
        taken: &mut Taken,
    ) -> Result<(), OpeningError> {
        let payload = if is_compressed {
            match shared.deflate.inflate(&mut self.inflation, payload) {
                Ok(inflated) => inflated,
                Err(error) => {
                    taken.ending = Some(format!("1007 {error}"));
                    return Ok(());
                }
            }
        } else {
            payload
        };
        let mut rest = payload;
        while let Some((marker, end)) = marker::find(rest) {
            if matches!(self.state, State::Open) {
                let is_timed = !self.is_late;
                tally.deliver(&mut self.ledger, self.channel, &marker, now, is_timed);
            }
            rest = &rest[end..];
        }
        // A publication is not searched for the dialect's own signs.
        if shared.dialect == Dialect::Raw || rest.len() < payload.len() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(payload);
        let answer = match self.state {
            State::Joining => {
                dialect::while_joining(shared.dialect, &text, self.number, &self.destination)
            }
            State::Open => dialect::while_open(shared.dialect, &text),
            _ => Answer::None,
        };
        match answer {
            Answer::None => {}
            Answer::Send(text) => self.push(Opcode::Text, text.as_bytes(), &mut shared.masks)?,
            Answer::Open => {
                self.open(tally);
                taken.has_opened = true;
            }
            Answer::Refused(why) => return Err(OpeningError::Dialect(why)),
        }
        Ok(())
    }
}

/// A Close frame's body as `code reason`.
fn close_reason(body: &[u8]) -> String {
    match body.split_first_chunk::<2>() {
        Some((code, reason)) => {
            let reason = String::from_utf8_lossy(reason);
            format!("{} {reason}", u16::from_be_bytes(*code))
                .trim_end()
                .to_owned()
        }
        None => "1005 without a code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use campanile_websocket::{CloseCode, encode_close, encode_ping, encode_text, frame_header};

    use super::*;
    use crate::marker::{Marker, Payload};

    fn shared() -> Shared {
        Shared {
            dialect: Dialect::Raw,
            masks: Masks::new(),
            deflate: Deflate::new(),
            frame_bytes_max: 100_000,
            pongs: 0,
        }
    }

    fn publication(sequence: u64) -> Vec<u8> {
        let marker = Marker {
            run: 3,
            channel: 0,
            sequence,
            sent: 10,
        };
        Payload::new(128).stamped(&marker).to_vec()
    }

    /// A stream of publications, whole, in fragments and compressed, with control frames.
    fn stream() -> Vec<u8> {
        let mut stream = Vec::new();
        let first = publication(0);
        let (one, two) = first.split_at(30);
        stream.extend_from_slice(frame_header(false, false, Opcode::Text, one.len()).as_ref());
        stream.extend_from_slice(one);
        stream.extend_from_slice(&encode_ping(b"are you there?").expect("short"));
        let header = frame_header(true, false, Opcode::Continuation, two.len());
        stream.extend_from_slice(header.as_ref());
        stream.extend_from_slice(two);
        for sequence in 1..10 {
            let text = String::from_utf8(publication(sequence)).expect("ASCII");
            stream.extend_from_slice(&encode_text(&text));
        }
        let mut compressed = Vec::new();
        let mut deflate = Deflate::new();
        deflate
            .compress(&publication(10), &mut compressed)
            .expect("works");
        let header = frame_header(true, true, Opcode::Text, compressed.len());
        stream.extend_from_slice(header.as_ref());
        stream.extend_from_slice(&compressed);
        stream.extend_from_slice(&encode_close(CloseCode::POLICY, "slow-consumer: late"));
        stream
    }

    #[test]
    fn however_a_stream_is_cut_it_means_the_same() {
        let stream = stream();
        for cut in 0..stream.len() {
            let mut shared = shared();
            let mut tally = Tally::new(3, 1, false);
            (0..11).for_each(|_| _ = tally.publish(0));
            let mut session = Session::new(0, 0, String::new());
            session.state = State::Open;
            session.inflation = Inflation::Alone;
            let mut read = |octets: &[u8]| {
                session
                    .take_frames(octets, &mut shared, &mut tally, 50)
                    .expect("legal")
            };
            let first = read(&stream[..cut]);
            assert_eq!(first.ending, None);
            let second = read(&stream[first.used..]);
            assert_eq!(first.used + second.used, stream.len());
            assert_eq!(second.ending.as_deref(), Some("1008 slow-consumer: late"));
            assert_eq!(
                (tally.delivered, tally.latencies.max()),
                (11, 40),
                "cut at {cut}"
            );
            // A pong of 14 octets, and the code of the close.
            assert_eq!(session.out.len(), 6 + 14 + 6 + 2);
        }
    }

    #[test]
    fn what_breaks_the_rules_ends_the_session() {
        let mut session = Session::new(0, 0, String::new());
        let mut tally = Tally::new(3, 1, false);
        for (octets, word) in [
            (&[0x81, 0x80][..], "masked"),
            (&[0x83, 0], ""),
            (&[0xc1, 1, 9], "agree"),
        ] {
            let taken = session
                .take_frames(octets, &mut shared(), &mut tally, 0)
                .expect("no failure of the system");
            let ending = taken.ending.unwrap_or_default();
            assert!(ending.contains(word), "{ending}");
        }
    }
}
