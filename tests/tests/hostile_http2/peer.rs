//! A peer that writes frames of HTTP/2 by hand (RFC 9113 4.1), over TLS.

use std::io;
use std::sync::Arc;

use campanile_tests::{Server, within};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types of frames (RFC 9113 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

// Error codes (RFC 9113 7).
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A setting's entry in a frame of SETTINGS.
pub(crate) fn setting(identifier: u16, value: u32) -> Vec<u8> {
    let mut bytes = identifier.to_be_bytes().to_vec();
    bytes.extend(value.to_be_bytes());
    bytes
}

/// Headers as literals without indexing (RFC 7541 6.2.2); each name and value shorter than 127.
pub(crate) fn headers(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in pairs {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend(text.bytes());
        }
    }
    block
}

/// The head of a GET.
pub(crate) fn get(path: &str) -> Vec<u8> {
    headers(&[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ])
}

/// The head of an extended CONNECT (RFC 8441 5).
pub(crate) fn connect(path: &str) -> Vec<u8> {
    headers(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
        ("sec-websocket-version", "13"),
    ])
}

/// A frame that was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Received {
    /// The error code of RST_STREAM or GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        let code = self.payload[at..at + 4].try_into().expect("a code");
        u32::from_be_bytes(code)
    }
}

/// How a connection has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With GOAWAY and this code.
    GoAway(u32),
    /// Without a word.
    Closed,
}

/// The peer.
pub(crate) struct Peer {
    stream: TlsStream<TcpStream>,
}

impl Peer {
    /// A TLS connection on which HTTP/2 is agreed on and nothing has been said.
    pub(crate) async fn connect(server: &Server) -> Self {
        let provider = Arc::new(rustls_graviola::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let socket = TcpStream::connect(server.address())
            .await
            .expect("connected");
        let name = ServerName::from(server.address().ip());
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket);
        let stream = within("a TLS connection", connecting).await.expect("TLS");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self { stream }
    }

    /// The same after the preface and these settings.
    pub(crate) async fn open(server: &Server, settings: &[u8]) -> Self {
        let mut peer = Self::connect(server).await;
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, settings));
        peer.send(&bytes).await.expect("sent");
        peer
    }

    /// Sends bytes, unless the server takes none.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        within("the sending", sending).await
    }

    /// Sends bytes for as long as the server takes them. False when it has stopped to, or is gone.
    pub(crate) async fn send_until_stalled(&mut self, bytes: &[u8]) -> bool {
        let stalled = std::time::Duration::from_secs(1);
        for part in bytes.chunks(64 << 10) {
            match tokio::time::timeout(stalled, self.stream.write_all(part)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return false,
            }
        }
        true
    }

    /// The next frame; `None` when the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        within("a frame or the end", async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            Some(Received {
                kind: head[3],
                flags: head[4],
                stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
                payload,
            })
        })
        .await
    }

    /// The next frame of this kind, PINGs answered on the way.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Received> {
        loop {
            let received = self.next().await?;
            if received.kind == PING && received.flags & ACK == 0 {
                let pong = frame(PING, ACK, 0, &received.payload);
                self.send(&pong).await.ok()?;
            }
            if received.kind == kind {
                return Some(received);
            }
        }
    }

    /// Waits until the server has worked off all that was sent: it answers a PING.
    pub(crate) async fn settle(&mut self) -> bool {
        let sent = self.send(&frame(PING, 0, 0, b"settled?")).await;
        if sent.is_err() {
            return false;
        }
        loop {
            match self.next().await {
                None => return false,
                Some(received) if received.kind == PING && received.flags & ACK != 0 => {
                    return true;
                }
                Some(_) => {}
            }
        }
    }

    /// Reads to the end.
    pub(crate) async fn end(&mut self) -> End {
        let mut end = End::Closed;
        while let Some(received) = self.next().await {
            if received.kind == GOAWAY {
                end = End::GoAway(received.code());
            }
        }
        end
    }
}

/// Trusts whoever answers: it is the program that this test has started.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls_graviola::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
