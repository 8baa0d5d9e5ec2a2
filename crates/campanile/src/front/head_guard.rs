//! Looks at the bytes of requests' heads before the HTTP parser does, and refuses what RFC 9112
//! lets a parser be lenient about: a line that ends in a bare line feed (2.2), and a length beside
//! a transfer coding (6.3). Two programs that read such a head differently can be played off
//! against each other; ours may stand behind a proxy.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, header};
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

/// The longest body that a connection can go on behind, in bytes.
const BODY_BYTES_MAX: u64 = 1 << 32;

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
    length: Length,
    has_coding: bool,
    has_upgrade: bool,
    /// How many bytes of a body are still to come, behind which the next head begins.
    body_left: u64,
    /// What follows is a body whose end is not known here, or another protocol: nothing is looked at
    /// any more. The connection is not used for a further request.
    is_over: bool,
}

/// How long a head says that its body is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Length {
    /// There is none.
    #[default]
    None,
    /// So many bytes, as far as the number has been read.
    Digits(u64),
    /// The same, and there was a blank behind it.
    Complete(u64),
    /// The header is there and has no number yet.
    Empty,
    /// In a way that is left to the parser: the request is the last of its connection then.
    Other,
}

impl Length {
    /// Reads on in the header's value.
    fn and(self, byte: u8) -> Self {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
        let more = |known: u64, digit| {
            let known = known.checked_mul(10)?.checked_add(digit)?;
            (known <= BODY_BYTES_MAX).then_some(known)
        };
        match (self, byte, digit) {
            (Self::Empty, b' ' | b'\t', _) => self,
            (Self::Empty, _, Some(digit)) => Self::Digits(digit),
            (Self::Digits(known), _, Some(digit)) => {
                more(known, digit).map_or(Self::Other, Self::Digits)
            }
            (Self::Digits(known) | Self::Complete(known), b' ' | b'\t', _) => Self::Complete(known),
            _ => Self::Other,
        }
    }
}

/// Whether a connection can go on behind a request with these headers: it has no body, or one whose
/// end the guard finds where the parser finds it.
pub(super) fn can_go_on(headers: &HeaderMap) -> bool {
    let is_other = [header::TRANSFER_ENCODING, header::UPGRADE]
        .iter()
        .any(|name| headers.contains_key(name));
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => Length::Digits(0),
        (Some(only), None) => {
            let bytes = only.as_bytes().iter();
            bytes.fold(Length::Empty, |length, byte| length.and(*byte))
        }
        (Some(_), Some(_)) => Length::Other,
    };
    !is_other && matches!(length, Length::Digits(_) | Length::Complete(_))
}

impl Scan {
    fn look(&mut self, mut bytes: &mut [u8]) {
        loop {
            let in_body = usize::try_from(self.body_left).unwrap_or(usize::MAX);
            let in_body = in_body.min(bytes.len());
            self.body_left -= in_body as u64;
            bytes = &mut bytes[in_body..];
            if bytes.is_empty() || self.is_over {
                return;
            }
            let looked_at = self.look_at_head(bytes);
            bytes = &mut bytes[looked_at..];
        }
    }

    /// Looks at bytes up to the end of a head. Says how many they are.
    fn look_at_head(&mut self, bytes: &mut [u8]) -> usize {
        for (place, byte) in bytes.iter_mut().enumerate() {
            if self.is_over || self.body_left != 0 {
                return place;
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
        bytes.len()
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
                self.name_length = 0;
            }
        } else if self.is_in_length() {
            self.length = self.length.and(byte);
        }
    }

    /// Whether the value of a length is being read.
    fn is_in_length(&self) -> bool {
        self.name[..self.name_length] == *LENGTH
    }

    fn name_ends(&mut self, colon: &mut u8) {
        let name = &self.name[..self.name_length];
        if name == LENGTH {
            self.length = match self.length {
                Length::None => Length::Empty,
                _ => Length::Other,
            };
        }
        self.has_coding |= name == CODING;
        self.has_upgrade |= name == UPGRADE;
        self.name_is_over = true;
        self.line_is_empty_so_far = false;
        if self.length != Length::None && self.has_coding {
            self.refuse(colon);
        }
    }

    fn line_ends(&mut self) {
        let head_ends = self.line_is_empty_so_far;
        let Self {
            length,
            has_coding,
            has_upgrade,
            ..
        } = *self;
        *self = Self {
            line_is_empty_so_far: true,
            ..Self::default()
        };
        if !head_ends {
            (self.length, self.has_coding, self.has_upgrade) = (length, has_coding, has_upgrade);
            return;
        }
        self.is_over = has_coding || has_upgrade;
        match length {
            Length::None => {}
            Length::Digits(bytes) | Length::Complete(bytes) => self.body_left = bytes,
            Length::Empty | Length::Other => self.is_over = true,
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
            "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n",
        ] {
            let all = format!("{head}a\nb");
            assert_eq!(looked_at(&all), all);
        }
    }
    #[test]
    fn what_follows_a_body_of_a_known_length_is_looked_at_again() {
        for length in ["3", " 3", "\t3 ", " 03 \t"] {
            let request =
                format!("POST / HTTP/1.1\r\nContent-LENGTH:{length}\r\nA: content-length\r\n\r\n");
            let smuggled = format!("{request}a\nbGET / HTTP/1.1\nHost: a\r\n\r\n");
            let place = looked_at(&smuggled).find('\0');
            assert_eq!(place, Some(request.len() + 3 + "GET / HTTP/1.1".len()));
            let two = format!("{request}a\nb{request}\n\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(looked_at(&two), two);
        }
        let none = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\n";
        assert!(looked_at(none).ends_with('\0'));
    }

    #[test]
    fn connections_go_on_only_behind_bodies_whose_end_is_known() {
        let goes_on = |all: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in all {
                let value = http::HeaderValue::from_static(value);
                headers.append(*name, value);
            }
            can_go_on(&headers)
        };
        assert!(goes_on(&[]));
        assert!(goes_on(&[("content-length", "0")]));
        assert!(goes_on(&[("content-length", "65536")]));
        for refused in [
            &[("content-length", "3, 3")][..],
            &[("content-length", "3"), ("content-length", "3")],
            &[("content-length", "")],
            &[("content-length", "+3")],
            &[("content-length", "99999999999999999999")],
            &[("transfer-encoding", "chunked")],
            &[("content-length", "3"), ("transfer-encoding", "chunked")],
            &[("upgrade", "websocket")],
        ] {
            assert!(!goes_on(refused), "{refused:?}");
        }
    }
}
