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
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::front::serve::CUT_TIME;

/// How often it is looked at whether to go on waiting for a client that takes nothing.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// How many such intervals a client may take nothing of an ordinary answer: 20 seconds.
const STALLED_LOOKS: u32 = 10;

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

/// Sends the body of an answer, as fast as its client takes it. Whether one that takes nothing is
/// waited for is for `is_lasting` to say, and for whoever notifies `cut`.
pub(super) async fn send(
    mut body: Body,
    stream: &mut SendStream<Bytes>,
    is_lasting: bool,
    cut: &Notify,
) {
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
                let goes_on = |looks| is_lasting || looks < STALLED_LOOKS;
                send_bytes(stream, bytes, cut, goes_on).await
            }
            // Trailers: nothing here sends any.
            Some(Ok(Err(_))) => Ok(()),
            Some(Err(error)) => {
                tracing::debug!(%error, "an answer was broken off");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return;
            }
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a client did not take an answer");
            stream.send_reset(Reason::CANCEL);
            return;
        }
    }
}

/// Sends bytes as the stream has room for them, so that nothing waits beside what is given here.
/// While the client takes nothing, `goes_on` is asked now and then whether to go on waiting, and
/// told how often it was asked. Once `cut` is notified there is little time left.
///
/// # Errors
/// `TimedOut` when the client has taken nothing for too long; another one when the stream is closed.
pub(super) async fn send_bytes(
    stream: &mut SendStream<Bytes>,
    mut bytes: Bytes,
    cut: &Notify,
    mut goes_on: impl FnMut(u32) -> bool,
) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let mut looks = 0;
        while stream.capacity() == 0 {
            let room = poll_fn(|context| stream.poll_capacity(context));
            let mut room = std::pin::pin!(timeout(LOOK_INTERVAL, room));
            let more = tokio::select! {
                more = room.as_mut() => more,
                () = cut.notified() => {
                    // What is left may say why.
                    match timeout(CUT_TIME, room).await {
                        Ok(more) => more,
                        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
                    }
                }
            };
            match more {
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(io::Error::other(error)),
                Ok(None) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(_) if goes_on(looks) => looks += 1,
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let part = bytes.split_to(bytes.len().min(stream.capacity()));
        stream.send_data(part, false).map_err(io::Error::other)?;
    }
    Ok(())
}
