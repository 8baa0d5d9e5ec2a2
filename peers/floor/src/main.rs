//! The kernel floor: one thread, one epoll, and one `send` of a frame that is encoded once to each
//! subscriber. It does nothing else: no limits, no pings, no queue. A session whose socket takes
//! no more is closed. What a server costs beyond this is the server's.
#![forbid(unsafe_code)]

mod frames;
mod handshake;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

/// The path whose messages come back to their sender alone.
const ECHO: &str = "/echo";
/// Connections that the kernel keeps until they are accepted.
const LISTEN_BACKLOG: i32 = 4_096;
/// Bytes that are read at a time, into one buffer for all sessions.
const READ_BYTES: usize = 64 << 10;
/// Bytes of a request's head or of a frame that may be waited for.
const RECEIVED_BYTES_MAX: usize = 1 << 20;
/// The token of the listener; those below are the sessions' places.
const LISTENER: Token = Token(usize::MAX);

/// Who hears what a session says.
#[derive(Clone, Copy)]
enum Audience {
    /// Nobody yet: the handshake is not over.
    Unknown,
    /// The sender.
    Sender,
    /// The members of the group with this number.
    Group(usize),
}

/// A client.
struct Session {
    stream: TcpStream,
    audience: Audience,
    /// Its place among its group's members.
    place: usize,
    /// What has come of a frame or head whose rest has not.
    part: Vec<u8>,
}

/// Everything that the one thread has.
struct Floor {
    poll: Poll,
    sessions: Vec<Option<Session>>,
    vacant: Vec<usize>,
    groups: Vec<Vec<usize>>,
    group_numbers: HashMap<String, usize>,
    frame: Vec<u8>,
}

fn main() -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(LISTEN_BACKLOG)?;
    socket.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(socket.into());
    let mut floor = Floor {
        poll: Poll::new()?,
        sessions: Vec::new(),
        vacant: Vec::new(),
        groups: Vec::new(),
        group_numbers: HashMap::new(),
        frame: Vec::new(),
    };
    floor
        .poll
        .registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut events = Events::with_capacity(1_024);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match floor.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                floor.accept(&listener)?;
            } else {
                floor.read(event.token().0, &mut buffer);
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let number = self.vacant.pop().unwrap_or_else(|| {
                self.sessions.push(None);
                self.sessions.len() - 1
            });
            let registry = self.poll.registry();
            registry.register(&mut stream, Token(number), Interest::READABLE)?;
            self.sessions[number] = Some(Session {
                stream,
                audience: Audience::Unknown,
                place: 0,
                part: Vec::new(),
            });
        }
    }

    /// Reads until there is no more, which the edge-triggered poll asks for.
    fn read(&mut self, number: usize, buffer: &mut [u8]) {
        while let Some(session) = &mut self.sessions[number] {
            match session.stream.read(buffer) {
                Ok(length @ 1..) => {
                    if self.received(number, &mut buffer[..length]).is_none() {
                        self.close(number);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => self.close(number),
            }
        }
    }

    /// Takes in what a session has sent; none when it must be closed.
    fn received(&mut self, number: usize, bytes: &mut [u8]) -> Option<()> {
        let session = self.sessions[number].as_mut()?;
        let mut joined = std::mem::take(&mut session.part);
        let mut rest: &mut [u8] = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &mut joined
        };
        if matches!(session.audience, Audience::Unknown) {
            let Some(end) = handshake::head_end(rest) else {
                session.part = rest.to_vec();
                return (session.part.len() < RECEIVED_BYTES_MAX).then_some(());
            };
            let (head, frames) = rest.split_at_mut(end);
            self.open(number, str::from_utf8(head).ok()?)?;
            rest = frames;
        }
        let mut start = 0;
        while let Some((header, payload_bytes)) = frames::length(&rest[start..]) {
            if payload_bytes > RECEIVED_BYTES_MAX {
                return None;
            }
            let end = start + header + payload_bytes;
            let Some(frame) = rest.get_mut(start..end) else {
                break;
            };
            if frames::is_close(frame) {
                return None;
            }
            if let Some(payload) = frames::data(frame, header) {
                self.frame.clear();
                frames::append_text(&mut self.frame, payload);
                self.send(number)?;
            }
            start = end;
        }
        if start < rest.len() {
            self.sessions[number].as_mut()?.part = rest[start..].to_vec();
        }
        Some(())
    }

    /// Answers the handshake and lets the session join the group of its path.
    fn open(&mut self, number: usize, head: &str) -> Option<()> {
        let (path, answer) = handshake::answer(head)?;
        let session = self.sessions[number].as_mut()?;
        session.stream.write_all(answer.as_bytes()).ok()?;
        if path == ECHO {
            session.audience = Audience::Sender;
            return Some(());
        }
        let group = *self
            .group_numbers
            .entry(path.to_owned())
            .or_insert_with(|| {
                self.groups.push(Vec::new());
                self.groups.len() - 1
            });
        session.audience = Audience::Group(group);
        session.place = self.groups[group].len();
        self.groups[group].push(number);
        Some(())
    }

    /// Sends the encoded frame to all who hear this session; none when it must itself be closed.
    fn send(&mut self, number: usize) -> Option<()> {
        let session = self.sessions[number].as_mut()?;
        match session.audience {
            Audience::Unknown => None,
            Audience::Sender => session.stream.write_all(&self.frame).ok(),
            Audience::Group(group) => {
                // From the end, so that a member who is closed moves nobody who is still to come.
                for place in (0..self.groups[group].len()).rev() {
                    let member = self.groups[group][place];
                    let is_sent = self.sessions[member]
                        .as_mut()
                        .is_some_and(|session| session.stream.write_all(&self.frame).is_ok());
                    if !is_sent {
                        self.close(member);
                    }
                }
                self.sessions[number].is_some().then_some(())
            }
        }
    }

    /// Closes the socket and leaves the group.
    fn close(&mut self, number: usize) {
        let Some(mut session) = self.sessions[number].take() else {
            return;
        };
        // The socket is dropped in any case.
        let _ = self.poll.registry().deregister(&mut session.stream);
        if let Audience::Group(group) = session.audience {
            self.groups[group].swap_remove(session.place);
            if let Some(&moved) = self.groups[group].get(session.place)
                && let Some(other) = &mut self.sessions[moved]
            {
                other.place = session.place;
            }
        }
        self.vacant.push(number);
    }
}
