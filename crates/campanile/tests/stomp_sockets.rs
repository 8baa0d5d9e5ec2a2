//! STOMP over TCP and TLS, on ports of this machine.
#![cfg(feature = "tls")]

#[path = "support/secure.rs"]
mod secure;
mod support;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use campanile::http::StatusCode;
use campanile::{Campanile, Handshake, Refused, StompEndpoint, Tls};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use secure::Authority;
use support::within;

fn listener() -> (TcpListener, SocketAddr) {
    let listener = campanile::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Sends, and reads to the end.
async fn said(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> String {
    within(stream.write_all(bytes)).await.expect("sent");
    let mut all = String::new();
    within(stream.read_to_string(&mut all))
        .await
        .expect("UTF-8");
    all
}

#[tokio::test]
async fn s3_s7_s58_tcp_and_tls_serve_the_same_sessions_and_interceptors_decide() {
    let secure_only = async |handshake: &mut Handshake| {
        if !handshake.is_secure() {
            return Err(Refused::new(StatusCode::FORBIDDEN, "come by TLS"));
        }
        let scheme = handshake.uri().scheme_str().unwrap_or_default().to_owned();
        handshake.set_user(scheme);
        Ok(())
    };
    let app = Campanile::builder()
        .stomp_tcp(StompEndpoint::new())
        .before_handshake(secure_only);
    let authority = Authority::new("Test");
    let issued = authority.server();
    let tls = Tls::from_pem(issued.certificate, issued.key).expect("a certificate");
    let (http, _) = listener();
    let ((plain, plain_address), (secure, secure_address)) = (listener(), listener());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = campanile::serve(http, app.build().expect("an application"))
        .stomp_on(plain)
        .stomp_on_tls(secure, tls)
        .shutdown_on(async { stopped.await.unwrap_or(()) })
        .drain_over(Duration::ZERO);
    let served = tokio::spawn(serving.into_future());

    let connect = b"CONNECT\naccept-version:1.2\nhost:h\n\n\0DISCONNECT\nreceipt:bye\n\n\0";
    let stream = TcpStream::connect(plain_address).await.expect("a port");
    let refused = said(stream, connect).await;
    assert!(
        refused.starts_with("ERROR\nmessage:forbidden\n"),
        "{refused:?}"
    );
    assert!(refused.ends_with("\n\ncome by TLS\0\n"), "{refused:?}");

    let stream = authority.connect(secure_address).await;
    let all = said(stream, connect).await;
    assert!(all.starts_with("CONNECTED\nversion:1.2\n"), "{all:?}");
    assert!(all.contains("\nuser-name:stomps\n"), "{all:?}");
    assert!(
        all.ends_with("\0\nRECEIPT\nreceipt-id:bye\n\n\0\n"),
        "{all:?}"
    );

    let stream = TcpStream::connect(secure_address).await.expect("a port");
    let misdirected = said(stream, connect).await;
    assert!(
        misdirected.starts_with("ERROR\nmessage:tls-needed\n"),
        "{misdirected:?}"
    );

    stop.send(()).expect("it is served");
    within(served).await.expect("no panic").expect("served");
}

#[tokio::test]
async fn a_listener_for_stomp_needs_to_know_how_its_clients_are_served() {
    let app = Campanile::builder().build().expect("an application");
    let ((http, _), (stomp, _)) = (listener(), listener());
    let serving = campanile::serve(http, app).stomp_on(stomp);
    let error = within(serving.into_future())
        .await
        .expect_err("no settings");
    assert!(error.to_string().contains(".stomp_tcp("), "{error}");
}
