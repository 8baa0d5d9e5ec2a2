//! The smallest WebSocket client that can chat: not ours, so that it shares no mistake with it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::run::{Failure, during};

/// How long the server may be silent while something is awaited.
const PATIENCE: Duration = Duration::from_secs(30);
/// The nonce that RFC 6455 1.3 shows, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Bytes of the server's answer to the handshake.
const HEAD_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of a message that the server sends.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a text that fits a frame with a length of one byte (RFC 6455 5.2).
const SHORT_BYTES_MAX: usize = 125;
/// Whatever it is: masks are against caches between client and server, and here is none.
const MASK: [u8; 4] = [7, 11, 13, 17];

const FINAL_TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// One guest of a chat.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to the endpoint `path`.
    ///
    /// # Errors
    /// When the server does not answer as RFC 6455 4.2.2 says.
    pub(super) fn connect(server: SocketAddr, path: &str) -> Result<Self, Failure> {
        let what = || format!("ws://{server}{path}");
        let mut stream = TcpStream::connect(server).map_err(during(what()))?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(during(what()))?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .map_err(during(what()))?;
        let mut stream = BufReader::new(stream);
        let head = head(&mut stream).map_err(during(what()))?;
        if head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT) {
            Ok(Self { stream })
        } else {
            let head = head.trim_end();
            Err(Failure::new(format!("{} does not upgrade: {head}", what())))
        }
    }

    /// Sends a text of at most 125 bytes.
    ///
    /// # Errors
    /// When it is longer, or the connection has ended.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        let frame = frame(FINAL_TEXT, text.as_bytes())?;
        let stream = self.stream.get_mut();
        stream.write_all(&frame).map_err(during("saying something"))
    }

    /// Waits for the next text; answers pings.
    ///
    /// # Errors
    /// When the server is silent, closes, or sends anything else.
    pub(super) fn hear(&mut self) -> Result<String, Failure> {
        loop {
            let (first, payload) = read_frame(&mut self.stream)?;
            match first {
                FINAL_TEXT => return String::from_utf8(payload).map_err(during("a text")),
                PING => {
                    let pong = frame(PONG, &payload)?;
                    let stream = self.stream.get_mut();
                    stream.write_all(&pong).map_err(during("a pong"))?;
                }
                _ => {
                    let said = String::from_utf8_lossy(&payload);
                    return Err(Failure::new(format!(
                        "a frame that begins with {first:#04x} came instead of a text: {said:?}"
                    )));
                }
            }
        }
    }
}

/// The lines before the empty one.
fn head(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    let mut stream = stream.take(HEAD_BYTES_MAX);
    while stream.read_line(&mut head)? > 2 {}
    Ok(head)
}

/// A masked frame with a short payload (RFC 6455 5.2).
fn frame(first: u8, payload: &[u8]) -> Result<Vec<u8>, Failure> {
    if payload.len() > SHORT_BYTES_MAX {
        return Err(Failure::new(format!(
            "more than {SHORT_BYTES_MAX} bytes to send"
        )));
    }
    let mut frame = vec![first, 0x80 | payload.len() as u8];
    frame.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    Ok(frame)
}

/// The first byte and the payload of the next frame, which is not masked (RFC 6455 5.1).
fn read_frame(stream: &mut impl Read) -> Result<(u8, Vec<u8>), Failure> {
    let mut read = |bytes: &mut [u8]| {
        stream
            .read_exact(bytes)
            .map_err(during("waiting for a message"))
    };
    let mut start = [0; 2];
    read(&mut start)?;
    let length = match start[1] {
        length @ 0..=125 => usize::from(length),
        126 => {
            let mut length = [0; 2];
            read(&mut length)?;
            usize::from(u16::from_be_bytes(length))
        }
        _ => return Err(Failure::new("a frame is masked, or longer than 64 KiB")),
    };
    let mut payload = vec![0; length.min(MESSAGE_BYTES_MAX)];
    read(&mut payload)?;
    Ok((start[0], payload))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn a_frame_is_masked() {
        assert_eq!(
            frame(FINAL_TEXT, b"Hello").unwrap(),
            [
                0x81,
                0x85,
                7,
                11,
                13,
                17,
                b'H' ^ 7,
                b'e' ^ 11,
                b'l' ^ 13,
                b'l' ^ 17,
                b'o' ^ 7
            ]
        );
        assert!(frame(FINAL_TEXT, &[0; 126]).is_err());
    }

    #[test]
    fn frames_of_both_lengths_are_read() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x81, 126, 1, 0];
        bytes.extend([b'x'; 256]);
        let mut stream = bytes.as_slice();
        assert_eq!(read_frame(&mut stream).unwrap(), (0x81, b"hi".to_vec()));
        assert_eq!(read_frame(&mut stream).unwrap(), (0x81, vec![b'x'; 256]));
        assert!(read_frame(&mut stream).is_err());
        assert!(read_frame(&mut [0x81, 127].as_slice()).is_err());
        assert!(read_frame(&mut [0x81, 0x85].as_slice()).is_err());
    }

    /// A server for one connection, which answers the handshake with `answer`.
    fn server(answer: Vec<u8>) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = BufReader::new(stream);
            head(&mut stream).unwrap();
            stream.get_mut().write_all(&answer).unwrap();
            // The connection stays until the client has gone.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        address
    }

    #[test]
    fn pings_are_passed_over_and_a_close_is_a_failure() {
        let head = format!("HTTP/1.1 101 Ok\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
        let mut answer = head.into_bytes();
        answer.extend(b"\x89\x01?\x81\x02hi\x88\x02\x03\xe9");
        let mut client = Client::connect(server(answer), "/chat").unwrap();
        client.say("hello").unwrap();
        assert_eq!(client.hear().unwrap(), "hi");
        let failure = client.hear().unwrap_err();
        assert!(failure.to_string().contains("0x88"), "{failure}");
    }

    #[test]
    fn a_refusal_is_shown() {
        let address = server(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec());
        let failure = Client::connect(address, "/chat").err().unwrap();
        assert!(failure.to_string().contains("403 Forbidden"), "{failure}");
    }
}
