//! A tiny server: what one sends, all of the same path receive; under `/echo`, only the sender. A
//! thread for each connection; it ends with the test's process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use campanile_bench::{Plan, Shape};
use campanile_websocket::{CloseCode, Opcode, accept_key, encode_close, frame_header};

/// What the server does wrong, to the second session of each path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each file of tests uses some")]
pub(crate) enum Fault {
    None,
    /// Drops publications whose number ends in 3.
    Drop,
    /// Sends them twice.
    Duplicate,
    /// Sends them after the next one.
    Reorder,
    /// Closes the session when the publication with number 5 comes.
    Close,
}

/// How the server is.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) fault: Fault,
    /// Whether permessage-deflate is accepted; messages are passed on as they come.
    pub(crate) deflate: bool,
    /// What it says first.
    pub(crate) greeting: Option<&'static str>,
    /// What it answers to a text that is not passed on.
    pub(crate) answer: fn(&str) -> Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            fault: Fault::None,
            deflate: false,
            greeting: None,
            answer: |_| None,
        }
    }
}

struct Member {
    stream: TcpStream,
    held: Option<Vec<u8>>,
}

type Paths = Arc<Mutex<HashMap<String, Vec<Member>>>>;

impl Server {
    /// Starts it on a port that the kernel chooses, and returns `ws://` and its address.
    pub(crate) fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let paths = Paths::default();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let paths = Arc::clone(&paths);
                thread::spawn(move || self.serve(stream, &paths));
            }
        });
        format!("ws://{address}")
    }

    /// Serves one connection; `None` when it ends.
    fn serve(self, mut stream: TcpStream, paths: &Paths) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        stream
            .set_write_timeout(Some(Duration::from_secs(20)))
            .ok()?;
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (path, key, offers_deflate) = read_request(&mut reader)?;
        let extension = if self.deflate && offers_deflate {
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
             client_no_context_takeover\r\n"
        } else {
            ""
        };
        let accept = accept_key(&key);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{extension}\r\n"
        );
        if path != "/echo" {
            let member = Member {
                stream: stream.try_clone().ok()?,
                held: None,
            };
            // Under the lock, so that nothing is passed on to it before the answer.
            let mut paths = paths.lock().expect("not poisoned");
            stream.write_all(answer.as_bytes()).ok()?;
            paths.entry(path.clone()).or_default().push(member);
        } else {
            stream.write_all(answer.as_bytes()).ok()?;
        }
        if let Some(greeting) = self.greeting {
            stream.write_all(&frame(0x81, greeting.as_bytes())).ok()?;
        }
        let peer = stream.peer_addr().ok()?;
        let ended = self.pass_on(&mut reader, &mut stream, &path, paths);
        let mut paths = paths.lock().expect("not poisoned");
        let members = paths.entry(path).or_default();
        members.retain(|member| member.stream.peer_addr().is_ok_and(|one| one != peer));
        stream.shutdown(std::net::Shutdown::Write).ok()?;
        ended
    }

    fn pass_on(
        self,
        reader: &mut BufReader<TcpStream>,
        stream: &mut TcpStream,
        path: &str,
        paths: &Paths,
    ) -> Option<()> {
        loop {
            let (first, payload) = read_frame(reader)?;
            match first & 0x0f {
                8 => return stream.write_all(&frame(0x88, &payload)).ok(),
                9 => stream.write_all(&frame(0x8a, &payload)).ok()?,
                1 => {
                    let text = String::from_utf8_lossy(&payload);
                    if let Some(answer) = (self.answer)(&text) {
                        stream.write_all(&frame(0x81, answer.as_bytes())).ok()?;
                    } else if path == "/echo" {
                        stream.write_all(&frame(first, &payload)).ok()?;
                    } else {
                        let mut paths = paths.lock().expect("not poisoned");
                        let members = paths.entry(path.to_owned()).or_default();
                        self.broadcast(members, &frame(first, &payload), &text);
                    }
                }
                _ => {}
            }
        }
    }

    fn broadcast(self, members: &mut Vec<Member>, frame: &[u8], text: &str) {
        let sequence = counted(text);
        let is_third = sequence.is_some_and(|sequence| sequence % 10 == 3);
        for (place, member) in members.iter_mut().enumerate() {
            let mut send = |frame: &[u8]| {
                // Who has gone is taken out by its own thread.
                let _ = member.stream.write_all(frame);
            };
            match self.fault {
                Fault::Drop if place == 1 && is_third => {}
                Fault::Duplicate if place == 1 && is_third => {
                    send(frame);
                    send(frame);
                }
                Fault::Reorder if place == 1 && is_third => member.held = Some(frame.to_vec()),
                _ => send(frame),
            }
            if !is_third && let Some(held) = member.held.take() {
                let _ = member.stream.write_all(&held);
            }
        }
        if self.fault == Fault::Close && sequence == Some(5) && members.len() > 1 {
            let mut member = members.remove(1);
            let close = encode_close(CloseCode::POLICY, "slow-consumer: a test");
            let _ = member.stream.write_all(&close);
        }
    }
}

/// The number of a publication that is counted; `None` for those that only find out who listens,
/// which are part 0 of a run.
fn counted(text: &str) -> Option<u64> {
    let digits = text.get(text.find("bench:")? + 6..)?;
    let part = digits.get(6..8)?;
    (part != "00").then(|| u64::from_str_radix(digits.get(16..32)?, 16).ok())?
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, bool)> {
    let mut lines = reader.lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let (mut key, mut offers_deflate) = (None, false);
    for line in lines.take_while(|line| !line.is_empty()) {
        key = key.or_else(|| line.strip_prefix("Sec-WebSocket-Key: ").map(str::to_owned));
        offers_deflate |= line.contains("permessage-deflate");
    }
    Some((path, key?, offers_deflate))
}

/// The first octet of a client's frame, and its payload.
fn read_frame(reader: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    reader.read_exact(&mut head).ok()?;
    let length = match head[1] & 0x7f {
        126 => {
            let mut length = [0; 2];
            reader.read_exact(&mut length).ok()?;
            usize::from(u16::from_be_bytes(length))
        }
        127 => return None,
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    reader.read_exact(&mut mask).ok()?;
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).ok()?;
    campanile_websocket::apply_mask(&mut payload, mask);
    Some((head[0], payload))
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let header = frame_header(true, false, Opcode::Text, payload.len());
    let mut frame = [header.as_ref(), payload].concat();
    frame[0] = first;
    frame
}

/// A short run with few sessions, which waits long before it takes anything for lost.
pub(crate) fn plan(shape: Shape, url: &str) -> Plan {
    let mut plan = Plan::new(shape, url);
    plan.sessions = 8;
    plan.rooms = 3;
    plan.window = 4;
    plan.seconds = Duration::from_millis(300);
    plan.warm_up = Duration::from_millis(50);
    plan.quiet = Duration::from_millis(300);
    plan.patience = Duration::from_secs(20);
    plan.pid = Some(std::process::id());
    if plan.rate.is_some() {
        plan.rate = Some(100.0);
    }
    plan
}
