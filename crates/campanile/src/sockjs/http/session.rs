//! A session over plain HTTP: what is between its requests and its pipe.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use campanile_hub::Moment;
use campanile_sockjs::{Close, GO_AWAY, INTERRUPTED, Transport, first_line, merge};
use tokio::sync::Notify;

use crate::driver::{PipeEnd, clock};

/// How much a session takes from its pipe ahead of the request that it is for, in bytes, unless one
/// frame is longer.
const TAKEN_BYTES_MAX: usize = 64 << 10;

/// What the frame that ends a session begins with.
const CLOSE: u8 = b'c';

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: Option<Arc<str>>,
    pub(super) address: IpAddr,
}

/// A session that lives in requests of plain HTTP.
pub(super) struct HttpSession {
    /// The transport of its first request.
    pub(super) opened_by: Transport,
    pub(super) owner: Owner,
    /// How long it is remembered once it has ended.
    delay: Duration,
    /// One request sends at a time, so that messages keep their order.
    pub(super) sending: tokio::sync::Mutex<()>,
    /// How many want to.
    senders: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    /// `None` once the session has ended and all was taken.
    pipe: Option<PipeEnd>,
    /// Taken from the pipe, and not sent yet: whole lines, and perhaps the beginning of one.
    taken: Vec<u8>,
    is_attended: bool,
    /// The frame that says why it has ended, for whoever asks, and since when that is so.
    closed: Option<(Box<[u8]>, Moment)>,
}

/// What becomes of a request that wants to receive.
pub(super) enum Attached {
    /// It does.
    Receiver(Receiver),
    /// Another one does.
    Busy,
    /// The session has ended, with this frame.
    Closed(Box<[u8]>),
}

impl HttpSession {
    pub(super) fn new(opened_by: Transport, owner: Owner, delay: Duration, pipe: PipeEnd) -> Self {
        Self {
            opened_by,
            owner,
            delay,
            sending: tokio::sync::Mutex::new(()),
            senders: AtomicUsize::new(0),
            state: Mutex::new(State {
                pipe: Some(pipe),
                taken: Vec::new(),
                is_attended: false,
                closed: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to receive. `cutter` cuts the connection if its client turns out to be too slow.
    pub(super) fn attach(self: &Arc<Self>, cutter: Option<&Arc<Notify>>) -> Attached {
        let mut state = self.lock();
        if state.is_attended {
            return Attached::Busy;
        }
        if let Some((frame, _)) = &state.closed {
            return Attached::Closed(frame.clone());
        }
        let Some(pipe) = &state.pipe else {
            return Attached::Closed(frame_of(GO_AWAY));
        };
        pipe.attend();
        if let Some(cutter) = cutter {
            pipe.cut_by(Arc::clone(cutter));
        }
        state.is_attended = true;
        Attached::Receiver(Receiver {
            session: Arc::clone(self),
            is_done: false,
        })
    }

    /// Whether there is nothing that a request could still want of it.
    pub(super) fn is_forgotten(&self, now: Moment) -> bool {
        let state = self.lock();
        let ended_at = match (&state.closed, &state.pipe) {
            (Some((_, at)), _) => Some(*at),
            (None, Some(pipe)) => pipe.ended_at(),
            (None, None) => return !state.is_attended,
        };
        !state.is_attended && ended_at.is_some_and(|at| now.since(at) >= self.delay)
    }

    /// Does something with the pipe; `None` once the session has ended.
    pub(super) fn with_pipe<T>(&self, act: impl FnOnce(&PipeEnd) -> T) -> Option<T> {
        let state = self.lock();
        let pipe = state.pipe.as_ref().filter(|pipe| !pipe.is_over());
        pipe.map(act)
    }

    /// Counts one more request that wants to send, if there are fewer than so many.
    pub(super) fn begin_sending(&self, senders_max: usize) -> Option<Sender<'_>> {
        let before = self.senders.fetch_add(1, Ordering::AcqRel);
        let sender = Sender(self);
        (before < senders_max).then_some(sender)
    }
}

/// A request that sends or waits for its turn to.
pub(super) struct Sender<'a>(&'a HttpSession);

impl Drop for Sender<'_> {
    fn drop(&mut self) {
        self.0.senders.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The one request that receives. A session whose receiver is dropped before it is
/// [done](Self::done) ends: nobody knows what of it has reached the client (S52).
pub(super) struct Receiver {
    session: Arc<HttpSession>,
    is_done: bool,
}

impl Receiver {
    /// Appends the next frame to `frame`; with `merged`, the messages of all that there are. True
    /// for the last one of the session.
    pub(super) fn poll_frame(
        &mut self,
        merged: bool,
        frame: &mut Vec<u8>,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        let mut state = self.session.lock();
        let state = &mut *state;
        loop {
            let is_over = take(state, context);
            let consumed = match merged {
                true => merge(&state.taken, frame),
                false => match first_line(&state.taken) {
                    Some((line, consumed)) => {
                        frame.extend_from_slice(line);
                        consumed
                    }
                    None => 0,
                },
            };
            if consumed != 0 {
                if consumed == state.taken.len() {
                    // Nothing waits, so it costs nothing.
                    state.taken = Vec::new();
                } else {
                    state.taken.drain(..consumed);
                }
                let is_last = frame.first() == Some(&CLOSE);
                if is_last {
                    state.end(frame);
                }
                return Poll::Ready(is_last);
            }
            match is_over {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => {}
                Poll::Ready(true) => {
                    // It ended without a word.
                    GO_AWAY.append(frame);
                    state.end(frame);
                    return Poll::Ready(true);
                }
            }
        }
    }

    /// Says that the answer ends as it should: the next request goes on behind it.
    pub(super) fn done(&mut self) {
        self.is_done = true;
        let mut state = self.session.lock();
        state.is_attended = false;
        if let Some(pipe) = &state.pipe {
            let lines = state.taken.split(|byte| *byte == b'\n');
            pipe.leave_unattended(lines.filter(|line| line.first() == Some(&b'a')).count());
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.session.lock();
            state.is_attended = false;
            if state.closed.is_none() {
                state.end(&frame_of(INTERRUPTED));
            }
        }
    }
}

impl State {
    fn end(&mut self, frame: &[u8]) {
        self.closed = Some((frame.into(), clock::now()));
        self.pipe = None;
        self.taken = Vec::new();
    }
}

/// Takes what there is, up to a bound. Ready with true when there will never be more, with false
/// when something came, pending when nothing more is there now.
fn take(state: &mut State, context: &mut Context<'_>) -> Poll<bool> {
    let Some(pipe) = &state.pipe else {
        return Poll::Ready(true);
    };
    let has_line = first_line(&state.taken).is_some();
    if has_line && state.taken.len() >= TAKEN_BYTES_MAX {
        return Poll::Pending;
    }
    match pipe.poll_take(context) {
        Poll::Ready(Some(bytes)) => {
            state.taken.extend_from_slice(&bytes);
            Poll::Ready(false)
        }
        Poll::Ready(None) => Poll::Ready(true),
        Poll::Pending => Poll::Pending,
    }
}

fn frame_of(close: Close) -> Box<[u8]> {
    let mut frame = Vec::new();
    close.append(&mut frame);
    frame.into()
}
