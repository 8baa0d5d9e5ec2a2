//! A peer that sends any bytes, and a reader of server frames that trusts nothing.

use tokio::{
    io::AsyncReadExt,
    net::{TcpSocket, TcpStream},
};

use crate::{Request, Response, Server, frames, target, within};

/// A frame that a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The last frame of its message.
    pub fin: bool,
    /// RSV1: the beginning of a compressed message (RFC 7692 6). Only after that was negotiated.
    pub compressed: bool,
    /// The opcode (RFC 6455 5.2).
    pub opcode: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With the end of the stream.
    Cleanly,
    /// With a reset.
    ByReset,
}

/// A TCP connection to the program.
#[derive(Debug)]
pub struct Raw {
    pub(crate) stream: TcpStream,
    /// Bytes received and not looked at yet.
    pub(crate) received: Vec<u8>,
    /// Compression was negotiated.
    pub(crate) may_compress: bool,
    /// The endpoint tells the time to all, whatever they do: such frames are passed over.
    hears_the_clock: bool,
}

impl Raw {
    /// Connects.
    ///
    /// # Panics
    /// When the program does not accept.
    pub async fn connect(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        Self::finish(socket, server).await
    }

    /// Connects with a small receive buffer, so that little fits between the program and a peer
    /// that does not read. It is not smaller than a segment on loopback: then TCP would crawl.
    ///
    /// # Panics
    /// When the program does not accept.
    pub async fn connect_narrow(server: &Server) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .set_recv_buffer_size(64 * 1024)
            .expect("a small buffer");
        Self::finish(socket, server).await
    }

    async fn finish(socket: TcpSocket, server: &Server) -> Self {
        let connecting = socket.connect(server.address());
        let stream = within("a connection", connecting)
            .await
            .expect("the program accepts");
        Self::over(stream)
    }

    /// A connection that exists already.
    ///
    /// # Panics
    /// When the system refuses to send small segments at once.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            received: Vec::new(),
            may_compress: false,
            hears_the_clock: false,
        }
    }

    /// Connects and performs the opening handshake for `path`.
    ///
    /// # Panics
    /// When the answer is not 101.
    pub async fn open(server: &Server, path: &str) -> Self {
        let mut raw = Self::connect(server).await;
        raw.upgrade(path).await;
        raw
    }

    /// Connects and performs the opening handshake for `path`, offering permessage-deflate with
    /// these parameters: nothing, or `; ` and more.
    ///
    /// # Panics
    /// When the answer is not 101, or does not accept the offer.
    pub async fn open_compressed(server: &Server, path: &str, parameters: &str) -> Self {
        let mut raw = Self::connect(server).await;
        let offer = format!("permessage-deflate{parameters}");
        let request = Request::upgrade(path).with("Sec-WebSocket-Extensions", &offer);
        raw.send(&request.bytes()).await;
        let response = raw.response().await;
        assert_eq!(response.status, 101, "{response:?}");
        let accepted = response.header("Sec-WebSocket-Extensions");
        assert!(
            accepted.is_some_and(|accepted| accepted.starts_with("permessage-deflate; ")),
            "{accepted:?}"
        );
        raw.may_compress = true;
        raw.hears_the_clock = target::tells_the_time(path);
        raw
    }

    /// Performs the opening handshake for `path`.
    ///
    /// # Panics
    /// When the answer is not 101.
    pub async fn upgrade(&mut self, path: &str) {
        self.send(&Request::upgrade(path).bytes()).await;
        let response = self.response().await;
        assert_eq!(response.status, 101, "{response:?}");
        self.hears_the_clock = target::tells_the_time(path);
    }

    /// Sends one request on a new connection and reads its answer.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn ask(server: &Server, request: &Request) -> Response {
        let mut raw = Self::connect(server).await;
        raw.send(&request.bytes()).await;
        raw.response().await
    }

    /// Sends every byte by itself.
    ///
    /// # Panics
    /// When the program closes or stops reading.
    pub async fn send_bytewise(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(std::slice::from_ref(byte)).await;
        }
    }

    /// Reads an HTTP answer; `None` when the connection ends without one.
    ///
    /// # Panics
    /// When neither comes, or the end comes within the answer.
    pub async fn answer(&mut self) -> Option<Response> {
        while self.received.is_empty() {
            if self.receive("an HTTP answer").await.is_some() {
                return None;
            }
        }
        Some(self.response().await)
    }

    /// Reads an HTTP answer.
    ///
    /// # Panics
    /// When none comes.
    pub async fn response(&mut self) -> Response {
        let mut response = self.head().await;
        response.body = self.body(&response).await;
        response
    }

    /// Reads the head of an HTTP answer, and nothing of its body.
    ///
    /// # Panics
    /// When none comes.
    pub async fn head(&mut self) -> Response {
        let end = loop {
            if let Some(at) = self
                .received
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            {
                break at + 4;
            }
            let received = String::from_utf8_lossy(&self.received).into_owned();
            let more = self.receive("an HTTP answer").await;
            assert!(
                more.is_none(),
                "the connection ended within a head: {received:?}"
            );
        };
        let response = Response::parse(&self.received[..end]);
        self.received.drain(..end);
        response
    }

    /// The next frame; `None` when the connection has ended between frames. On an endpoint that
    /// tells the time, that is passed over.
    ///
    /// # Panics
    /// When the frame is one that a server may not send, or none comes.
    pub async fn frame(&mut self) -> Option<Frame> {
        let frame = self.whole_frame().await;
        assert!(
            frame.is_some() || self.received.is_empty(),
            "the connection ended within a frame"
        );
        frame
    }

    /// As [`frame`](Self::frame); `None` also when the connection has ended within one.
    ///
    /// # Panics
    /// As `frame`, but for that.
    pub async fn whole_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = take_frame(&mut self.received, self.may_compress) {
                if self.hears_the_clock && target::is_the_time(&frame.payload) {
                    continue;
                }
                return Some(frame);
            }
            if self.receive("a frame").await.is_some() {
                return None;
            }
        }
    }

    /// Expects the session to be open: what has been sent is taken, and a ping is answered next.
    ///
    /// # Panics
    /// When anything else comes.
    pub async fn expect_open(&mut self) {
        self.send(&frames::frame(frames::PING, b"open?")).await;
        let pong = self.frame().await.expect("an open session");
        assert_eq!((pong.opcode, &pong.payload[..]), (10, &b"open?"[..]));
    }

    /// Reads until a Close frame, which must carry `code`, then until the program ends the TCP
    /// connection; this side only listens. Returns the reason.
    ///
    /// # Panics
    /// When there is no Close, another code, or anything behind it.
    pub async fn expect_close(&mut self, code: u16) -> String {
        self.expect_close_of(&[code]).await
    }

    /// As [`expect_close`](Self::expect_close), with several codes to choose from.
    ///
    /// # Panics
    /// As `expect_close`.
    pub async fn expect_close_of(&mut self, codes: &[u16]) -> String {
        let reason = self.expect_close_frame(codes).await;
        self.expect_end().await;
        reason
    }

    /// Reads until a Close frame, which must carry one of `codes`, and no further. Returns the
    /// reason.
    ///
    /// # Panics
    /// When there is no Close, or another code.
    pub async fn expect_close_frame(&mut self, codes: &[u16]) -> String {
        loop {
            match self.frame().await {
                Some(Frame {
                    opcode: 8, payload, ..
                }) => return check_close(&payload, codes),
                Some(_) => {}
                None => panic!("the connection ended without a Close frame"),
            }
        }
    }

    /// Reads to the end of the connection, which must bring nothing more.
    ///
    /// # Panics
    /// When something comes, or no end.
    pub async fn expect_end(&mut self) -> Ended {
        let ended = self.end().await;
        assert_eq!(self.received, b"", "more than was asked for");
        ended
    }

    /// Reads to the end of the connection; [`received`](Self::received) has what came.
    ///
    /// # Panics
    /// When no end comes.
    pub async fn end(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.receive("the end of the connection").await {
                return ended;
            }
        }
    }

    /// What has been received and not been looked at.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Waits for bytes; tells when there will be none.
    pub(crate) async fn receive(&mut self, what: &str) -> Option<Ended> {
        match within(what, self.stream.read_buf(&mut self.received)).await {
            Ok(0) => Some(Ended::Cleanly),
            Ok(_) => None,
            Err(_) => Some(Ended::ByReset),
        }
    }
}

/// Takes the first frame off the bytes received, when it is complete.
pub(crate) fn take_frame(received: &mut Vec<u8>, may_compress: bool) -> Option<Frame> {
    let [first, second, rest @ ..] = received.as_slice() else {
        return None;
    };
    let reserved = first & 0x70;
    let compressed = may_compress && reserved == 0x40 && matches!(first & 0x0F, 1 | 2);
    assert!(compressed || reserved == 0, "a reserved bit is set");
    assert_eq!(second & 0x80, 0, "a server's frame is masked");
    let (length, header) = match second {
        127 => {
            let length = u64::from_be_bytes(*rest.first_chunk()?);
            assert!(length > 0xFFFF, "the length {length} is not minimal");
            (usize::try_from(length).expect("a length"), 10)
        }
        126 => {
            let length = u16::from_be_bytes(*rest.first_chunk()?);
            assert!(length > 125, "the length {length} is not minimal");
            (usize::from(length), 4)
        }
        _ => (usize::from(*second), 2),
    };
    let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
    assert!(
        matches!(opcode, 0..=2 | 8..=10),
        "the opcode {opcode} is reserved"
    );
    assert!(
        opcode < 8 || (fin && length <= 125),
        "a control frame is too long or fragmented"
    );
    let payload = received.get(header..header + length)?.to_vec();
    received.drain(..header + length);
    Some(Frame {
        fin,
        compressed,
        opcode,
        payload,
    })
}

fn check_close(payload: &[u8], codes: &[u16]) -> String {
    let Some((code, reason)) = payload.split_first_chunk() else {
        panic!("the Close frame has no code; expected {codes:?}");
    };
    let code = u16::from_be_bytes(*code);
    let reason = std::str::from_utf8(reason).expect("a reason in UTF-8");
    assert!(
        codes.contains(&code),
        "closed with {code} {reason:?} instead of {codes:?}"
    );
    reason.to_owned()
}
