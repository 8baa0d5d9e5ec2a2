//! The body of an answer that goes on and on: whatever comes out of the session's pipe.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use crate::driver::PipeEnd;
use crate::front::Carried;

/// Server-sent events, or lines of JSON. Dropped, it is the client's leaving.
pub(super) struct StreamBody {
    pipe: PipeEnd,
    _carried: Option<Carried>,
}

impl StreamBody {
    pub(super) fn new(pipe: PipeEnd, carried: Option<Carried>) -> Self {
        Self {
            pipe,
            _carried: carried,
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let taken = self.pipe.poll_take(context);
        taken.map(|taken| taken.map(|bytes| Ok(Frame::data(bytes))))
    }
}
