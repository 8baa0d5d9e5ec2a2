//! TLS over real sockets, with a peer that reads when it is told to.

#[path = "../../../tests/support/certificates.rs"]
mod certificates;

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use campanile_hub::Moment;
use mio::{Events, Poll, Token};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use self::certificates::Authority;
use super::super::{Transport, Watcher};
use super::TlsTransport;
use crate::driver::lingering::Lingering;
use crate::driver::shard_driver::READ_BUFFER_BYTES;

/// Bound on every wait.
const PATIENCE: Duration = Duration::from_secs(20);

type Peer = StreamOwned<ClientConnection, TcpStream>;

/// A transport that a poller watches, and a thread that is its peer.
fn pair<T: Send + 'static>(
    peer: impl FnOnce(Peer) -> T + Send + 'static,
) -> (Transport, Poll, JoinHandle<T>) {
    let authority = Authority::new("authority");
    let issued = authority.server();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let config = Arc::new(authority.client_config(None));
    let peer = std::thread::spawn(move || {
        let socket = TcpStream::connect(address).expect("connected");
        socket.set_read_timeout(Some(PATIENCE)).expect("a bound");
        let name = ServerName::from(address.ip());
        let session = ClientConnection::new(config, name).expect("a session");
        let mut stream = StreamOwned::new(session, socket);
        stream.conn.complete_io(&mut stream.sock).expect("shaken");
        peer(stream)
    });
    let provider = Arc::new(rustls_graviola::default_provider());
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(issued.der)], key)
        .expect("a pair");
    let mut session = ServerConnection::new(Arc::new(config)).expect("a session");
    let (mut socket, _) = listener.accept().expect("a connection");
    session.complete_io(&mut socket).expect("shaken");
    SockRef::from(&socket)
        .set_send_buffer_size(8 << 10)
        .expect("a small buffer");
    socket.set_nonblocking(true).expect("it does not block");
    let socket = mio::net::TcpStream::from_std(socket);
    let mut transport = Transport::Tls(Box::new(TlsTransport::new(socket, session)));
    let poll = Poll::new().expect("a poller");
    let watcher = watcher(&poll);
    transport.register(&watcher, Token(1)).expect("watched");
    (transport, poll, peer)
}

fn watcher(poll: &Poll) -> Watcher {
    Watcher::Poller(poll.registry().try_clone().expect("a registry"))
}

#[test]
fn s3_what_is_encrypted_and_not_sent_goes_out_before_the_end() {
    let (may_read, told) = mpsc::sync_channel(1);
    let (mut transport, mut poll, peer) = pair(move |mut stream| {
        told.recv_timeout(PATIENCE).expect("told to read");
        let mut all = Vec::new();
        // An end without a close_notify would be an error.
        stream.read_to_end(&mut all).expect("a clean end");
        all
    });
    let text: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    let mut sent = Vec::new();
    loop {
        match transport.write(&[IoSlice::new(&text[..7]), IoSlice::new(&text)]) {
            Ok(count) => {
                sent.extend_from_slice(&[&text[..7], &text].concat()[..count]);
                if count < text.len() + 7 {
                    break;
                }
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    }
    let full = transport.write(&[IoSlice::new(b"more")]);
    assert_eq!(full.expect_err("full").kind(), ErrorKind::WouldBlock);
    assert!(transport.finish(), "something is left to be flushed");

    let (mut lingering, mut buffer) = (Lingering::default(), vec![0; READ_BUFFER_BYTES]);
    let now = Moment::after_start(Duration::ZERO);
    lingering.add(transport, &watcher(&poll), &mut buffer, now);
    assert!(!lingering.is_empty(), "it is not over yet");
    may_read.send(()).expect("the peer is there");
    let mut events = Events::with_capacity(8);
    while !lingering.is_empty() {
        poll.poll(&mut events, Some(PATIENCE)).expect("events");
        assert!(!events.is_empty(), "nothing happens any more");
        for event in &events {
            lingering.ready(event.token(), &mut buffer);
        }
    }
    assert!(peer.join().expect("no panic") == sent);
}

#[test]
fn s3_reading_goes_on_until_nothing_is_left() {
    let text: Vec<u8> = (0..1_000_000_u32)
        .map(|number| (number / 3) as u8)
        .collect();
    let sent = text.clone();
    let (mut transport, mut poll, peer) = pair(move |mut stream| {
        stream.write_all(&sent).expect("sent");
        stream.flush().expect("sent");
        stream.conn.send_close_notify();
        stream.flush().expect("sent");
        stream
    });
    let (mut all, mut buffer) = (Vec::new(), vec![0; READ_BUFFER_BYTES]);
    let mut events = Events::with_capacity(8);
    'reading: loop {
        poll.poll(&mut events, Some(PATIENCE)).expect("events");
        assert!(!events.is_empty(), "something was left: {}", all.len());
        loop {
            match transport.read(&mut buffer) {
                Ok(0) => break 'reading,
                Ok(count) => {
                    all.extend_from_slice(&buffer[..count]);
                    if transport.has_given_all(count, buffer.len()) {
                        break;
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
            }
        }
    }
    assert!(all == text);
    assert!(!transport.finish());
    drop(peer.join().expect("no panic"));
}
