//! What streams are measured beside: a server of hyper's with an answer that begins and goes on for
//! ever, and nothing else. It says its address on standard output and ends with its standard input.

use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// As long as what a session of ours is sent first.
const FIRST: &[u8] = b"retry: 2000\nevent: subscribed\nid: 0123456789abcdef-12345\n\
data: {\"cursor\":\"0123456789abcdef-12345\"}\n\n";

/// The first bytes, and then silence.
#[derive(Default)]
struct Silence {
    has_begun: bool,
}

impl Body for Silence {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match std::mem::replace(&mut self.has_begun, true) {
            true => Poll::Pending,
            false => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(FIRST))))),
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    let (leave, mut left) = tokio::sync::oneshot::channel();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        leave.send(())
    });
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut left => return Ok(()),
        };
        tokio::spawn(async move {
            let service = service_fn(async |_| {
                let mut response = Response::new(Silence::default());
                let kind = HeaderValue::from_static("text/event-stream");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                Ok::<_, Infallible>(response)
            });
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // Clients leave as they like.
            let _ = serving.await;
        });
    }
}
