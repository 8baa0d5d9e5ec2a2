//! Requests that receive: a poll that waits for one frame, and streams.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use campanile_sockjs::{Records, Transport};
use http::{HeaderName, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame};

use super::headers::{answer, set};
use super::session::{Attached, Receiver};
use crate::front::Carried;

/// Tells nginx not to collect a stream's bytes before it sends them on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The answer of a poll, once there is a frame. A client that leaves before that takes the session
/// with it.
pub(super) async fn poll(
    transport: Transport,
    records: &Records,
    attached: Source,
) -> Response<Body> {
    let frame = match attached {
        Source::Last(frame) => frame,
        Source::Session(mut receiver) => {
            let mut frame = Vec::new();
            poll_fn(|context| receiver.poll_frame(true, &mut frame, context)).await;
            receiver.done();
            frame
        }
    };
    let mut body = Vec::new();
    records.append_record(&frame, &mut body);
    answer(StatusCode::OK, transport.content_type(), Body::from(body))
}

/// An answer that goes on until it has become so many bytes long, or the session ends.
pub(super) fn stream(
    transport: Transport,
    records: Records,
    source: Source,
    bytes_max: usize,
    carried: Option<Carried>,
) -> Response<Body> {
    let stream = Stream {
        records,
        source: Some(source),
        _carried: carried,
        has_begun: false,
        left: bytes_max,
    };
    let body = Body::new(stream);
    let mut response = answer(StatusCode::OK, transport.content_type(), body);
    set(&mut response, ACCEL_BUFFERING, "no");
    response
}

/// Where an answer's frames come from.
pub(super) enum Source {
    /// A session.
    Session(Receiver),
    /// There is this one only.
    Last(Vec<u8>),
}

impl From<Attached> for Source {
    fn from(attached: Attached) -> Self {
        match attached {
            Attached::Receiver(receiver) => Self::Session(receiver),
            Attached::Closed(frame) => Self::Last(frame.into()),
            Attached::Busy => {
                let mut frame = Vec::new();
                campanile_sockjs::ANOTHER_CONNECTION.append(&mut frame);
                Self::Last(frame)
            }
        }
    }
}

/// The body of a stream: each record is a piece of its own, since there are clients that take a
/// chunk for a frame.
struct Stream {
    records: Records,
    /// `None` once the answer is over.
    source: Option<Source>,
    /// Keeps the connection from being closed for its age.
    _carried: Option<Carried>,
    has_begun: bool,
    /// How many bytes it may still have.
    left: usize,
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let own = self.get_mut();
        let mut piece = Vec::new();
        if !own.has_begun {
            own.has_begun = true;
            own.records.append_prelude(&mut piece);
            return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
        }
        let mut frame = Vec::new();
        let is_last = match &mut own.source {
            None => return Poll::Ready(None),
            Some(Source::Last(last)) => {
                std::mem::swap(&mut frame, last);
                true
            }
            Some(Source::Session(receiver)) => {
                match receiver.poll_frame(false, &mut frame, context) {
                    Poll::Ready(is_last) => is_last,
                    Poll::Pending => return Poll::Pending,
                }
            }
        };
        own.records.append_record(&frame, &mut piece);
        own.left = own.left.saturating_sub(piece.len());
        if is_last || own.left == 0 {
            if let Some(Source::Session(receiver)) = &mut own.source {
                receiver.done();
            }
            own.source = None;
        }
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }
}
