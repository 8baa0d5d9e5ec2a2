//! Looks at the bytes of requests' heads before the HTTP parser does, and refuses what RFC 9112
//! lets a parser be lenient about: a line that ends in a bare line feed (2.2), and a length beside
//! a transfer coding (6.3). Two programs that read such a head differently can be played off
//! against each other; ours may stand behind a proxy.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stream::Stream;

/// What an offending byte is replaced with. No head may hold it, so that the parser answers 400
/// and closes.
const REFUSED: u8 = 0;

/// A connection whose requests' heads are looked at on their way to the parser.
pub(super) struct HeadGuard {
    stream: Stream,
    scan: Scan,
}

impl HeadGuard {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            scan: Scan::default(),
        }
    }

    pub(super) fn into_inner(self) -> Stream {
        self.stream
    }
}

impl AsyncRead for HeadGuard {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut own.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = polled {
            own.scan.look(&mut buffer.filled_mut()[before..]);
        }
        polled
    }
}

impl AsyncWrite for HeadGuard {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// The names that matter, in lower case.
const LENGTH: &[u8] = b"content-length";
const CODING: &[u8] = b"transfer-encoding";
const UPGRADE: &[u8] = b"upgrade";

/// The longest of them.
const NAME_BYTES_MAX: usize = CODING.len();

/// Where in a head the scan stands.
#[derive(Default)]
struct Scan {
    /// The beginning of the line, in lower case, until its colon.
    name: [u8; NAME_BYTES_MAX],
    name_length: usize,
    name_is_over: bool,
    line_is_empty_so_far: bool,
    last_was_return: bool,
    has_length: bool,
    has_coding: bool,
    has_upgrade: bool,
    /// What follows is a body or another protocol: nothing is looked at any more. The connection
    /// is not used for a further request.
    is_over: bool,
}

impl Scan {
    fn look(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.is_over {
                return;
            }
            match *byte {
                b'\n' if !self.last_was_return => self.refuse(byte),
                b'\n' => self.line_ends(),
                b':' if !self.name_is_over => self.name_ends(byte),
                b'\r' => {}
                other => self.goes_on(other),
            }
            self.last_was_return = *byte == b'\r';
        }
    }

    fn refuse(&mut self, byte: &mut u8) {
        *byte = REFUSED;
        self.is_over = true;
    }

    fn goes_on(&mut self, byte: u8) {
        self.line_is_empty_so_far = false;
        if !self.name_is_over {
            if let Some(place) = self.name.get_mut(self.name_length) {
                *place = byte.to_ascii_lowercase();
                self.name_length += 1;
            } else {
                // Longer than every name that matters.
                self.name_is_over = true;
            }
        }
    }

    fn name_ends(&mut self, colon: &mut u8) {
        let name = &self.name[..self.name_length];
        self.has_length |= name == LENGTH;
        self.has_coding |= name == CODING;
        self.has_upgrade |= name == UPGRADE;
        self.name_is_over = true;
        self.line_is_empty_so_far = false;
        if self.has_length && self.has_coding {
            self.refuse(colon);
        }
    }

    fn line_ends(&mut self) {
        let head_ends = self.line_is_empty_so_far;
        let Self {
            has_length,
            has_coding,
            has_upgrade,
            ..
        } = *self;
        *self = Self {
            line_is_empty_so_far: true,
            is_over: head_ends && (has_length || has_coding || has_upgrade),
            ..Self::default()
        };
        if !head_ends {
            (self.has_length, self.has_coding, self.has_upgrade) =
                (has_length, has_coding, has_upgrade);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the parser gets, when the bytes come in pieces of every size.
    fn looked_at(bytes: &str) -> String {
        let mut results = (1..=bytes.len()).map(|size| {
            let mut scan = Scan::default();
            let mut bytes = bytes.as_bytes().to_vec();
            bytes.chunks_mut(size).for_each(|piece| scan.look(piece));
            String::from_utf8(bytes).expect("ASCII")
        });
        let first = results.next().expect("not empty");
        assert!(
            results.all(|one| one == first),
            "it depends on how the bytes are cut"
        );
        first
    }

    #[test]
    fn ordinary_requests_pass_one_after_the_other() {
        let requests = "GET /a:b HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n";
        assert_eq!(looked_at(requests), requests);
    }

    #[test]
    fn rfc9112_2_2_a_bare_line_feed_is_refused_in_any_head() {
        assert_eq!(
            looked_at("GET / HTTP/1.1\nHost: a\r\n\r\n").find('\0'),
            Some(14)
        );
        let second = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\n\n";
        assert!(looked_at(second).contains("Host: a\0"));
    }

    #[test]
    fn rfc9112_6_3_a_length_beside_a_coding_is_refused() {
        let smuggled =
            "POST / HTTP/1.1\r\nCONTENT-length: 5\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(looked_at(smuggled).contains("Transfer-Encoding\0"));
    }

    #[test]
    fn bodies_and_frames_are_left_alone() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n",
        ] {
            let all = format!("{head}a\nb");
            assert_eq!(looked_at(&all), all);
        }
    }
}
