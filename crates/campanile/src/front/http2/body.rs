//! Bodies as streams of HTTP/2 carry them, in both directions.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use hyper::body::{Body as _, Frame};
use tokio::time::timeout;

/// How long a client may take none of what waits for it.
const STALLED_TIME: Duration = Duration::from_secs(20);

/// The body of a request.
pub(super) struct Received(pub(super) RecvStream);

impl hyper::body::Body for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let stream = &mut self.get_mut().0;
        stream.poll_data(context).map(|data| {
            let data = data?;
            Some(data.and_then(|bytes| {
                stream.flow_control().release_capacity(bytes.len())?;
                Ok(Frame::data(bytes))
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// Sends the body of an answer, as fast as its client takes it.
pub(super) async fn send(mut body: Body, stream: &mut SendStream<Bytes>) {
    loop {
        let frame = tokio::select! {
            biased;
            // The client does not want it any more, or is gone.
            _ = poll_fn(|context| stream.poll_reset(context)) => return,
            frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)) => frame,
        };
        let sent = match frame.map(|frame| frame.map(Frame::into_data)) {
            None => {
                // An error means that the stream is closed already.
                let _ = stream.send_data(Bytes::new(), true);
                return;
            }
            Some(Ok(Ok(bytes))) => {
                let sending = send_bytes(stream, bytes, || Some(STALLED_TIME));
                sending.await
            }
            // Trailers: nothing here sends any.
            Some(Ok(Err(_))) => Ok(()),
            Some(Err(error)) => {
                tracing::debug!(%error, "an answer was broken off");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return;
            }
        };
        if sent.is_err() {
            stream.send_reset(Reason::CANCEL);
            return;
        }
    }
}

/// Sends bytes as the stream has room for them, so that nothing waits beside what is given here.
/// `patience` says how long the client may take none, and is asked anew each time that has passed.
///
/// # Errors
/// `TimedOut` when the patience has come to its end; another one when the stream is closed.
pub(super) async fn send_bytes(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    mut patience: impl FnMut() -> Option<Duration>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        while stream.capacity() == 0 {
            let room = poll_fn(|context| stream.poll_capacity(context));
            let Some(time) = patience() else {
                return Err(io::ErrorKind::TimedOut.into());
            };
            match timeout(time, room).await {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(io::Error::other(error)),
                Ok(None) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(_) => {}
            }
        }
        let part = bytes.split_to(bytes.len().min(stream.capacity()));
        stream.send_data(part, false).map_err(io::Error::other)?;
    }
    Ok(())
}
