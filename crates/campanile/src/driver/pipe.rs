//! A transport that is two bounded queues between a shard and a task of the host's runtime: for
//! what is no socket that a shard could read by itself, such as the body of an answer, a SockJS
//! session that outlives its requests, or a stream of HTTP/2.
//!
//! The shard's end behaves as a socket does: it never blocks, takes what there is room for, and its
//! shard is told when there is something to read or room again. The other end is asynchronous.

mod attendance;

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use campanile_hub::{Moment, SessionId};
use tokio::sync::{Notify, oneshot};

use self::attendance::Attendance;
pub(super) use self::attendance::Attended;
use super::{Ask, Door, clock};

/// How much waits in a pipe for the client, unless said otherwise: the counterpart of a kernel's
/// send buffer. Beyond it the session's outbox begins.
pub(crate) const PIPE_BYTES_MAX: usize = 16 << 10;

/// How much waits in a pipe for the shard.
pub(crate) const PIPE_INPUT_BYTES_MAX: usize = 64 << 10;

/// Both directions, and who waits for what.
struct Queues {
    /// An empty one holds no memory, here and below.
    to_client: Vec<u8>,
    room: usize,
    to_server: VecDeque<u8>,
    /// The task's end has said all that it will say.
    has_said_all: bool,
    /// The task's end is gone: nothing that is written reaches anybody.
    task_has_left: bool,
    /// The shard's end is gone: what waits for the client is the last.
    shard_has_left: bool,
    /// The shard was cut short and wants to know when there is room.
    wants_room: bool,
    is_readable: bool,
    is_writable: bool,
    /// The shard was told and has not looked yet: once is enough.
    is_told: bool,
    /// Who waits for something to send.
    reader: Option<Waker>,
    /// Who waits for room to hand something over.
    writer: Option<Waker>,
    /// Where the shard's end is looked after.
    place: Option<(Arc<Door>, SessionId)>,
    /// Who cuts the connection of a client that is too slow.
    cutter: Option<Arc<Notify>>,
    /// There if the task's end is held between requests that carry the bytes.
    attendance: Option<Box<Attendance>>,
    /// When the shard's end went.
    ended_at: Option<Moment>,
}

/// The shard's end.
pub(crate) struct PipeTransport(Arc<Mutex<Queues>>);

/// The end of whoever carries the bytes to the client. Dropping it is the client's leaving.
pub(crate) struct PipeEnd(Arc<Mutex<Queues>>);

/// What has happened at the other end since the shard looked last.
pub(super) struct PipeEvents {
    pub(super) is_readable: bool,
    pub(super) is_writable: bool,
    pub(super) is_read_closed: bool,
    /// Whether the client is there, where that is asked.
    pub(super) attended: Option<Attended>,
}

/// A pipe with so much room toward the client.
pub(crate) fn pipe(room: usize) -> (PipeTransport, PipeEnd) {
    pipe_with(room, None)
}

/// A pipe whose bytes are lines that requests fetch, one after the other: without one for `delay`,
/// or with more than `lines_max` waiting for one, the session ends. There is no request yet.
pub(crate) fn pipe_for_requests(delay: Duration, lines_max: usize) -> (PipeTransport, PipeEnd) {
    let attendance = Attendance::new(delay, lines_max, clock::now());
    pipe_with(PIPE_BYTES_MAX, Some(Box::new(attendance)))
}

fn pipe_with(room: usize, attendance: Option<Box<Attendance>>) -> (PipeTransport, PipeEnd) {
    let queues = Arc::new(Mutex::new(Queues {
        to_client: Vec::new(),
        room,
        to_server: VecDeque::new(),
        has_said_all: false,
        task_has_left: false,
        shard_has_left: false,
        wants_room: false,
        is_readable: false,
        is_writable: false,
        is_told: false,
        reader: None,
        writer: None,
        place: None,
        cutter: None,
        attendance,
        ended_at: None,
    }));
    (PipeTransport(Arc::clone(&queues)), PipeEnd(queues))
}

fn lock(queues: &Mutex<Queues>) -> MutexGuard<'_, Queues> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of the lock and then tells whoever is to be told: the shard's door has a lock of its own.
fn tell(mut queues: MutexGuard<'_, Queues>) {
    let attendance = queues.attendance.as_ref();
    let overflows = attendance.is_some_and(|one| one.overflows());
    let is_news = queues.is_readable || queues.is_writable || overflows;
    let place = queues.place.clone().filter(|_| is_news && !queues.is_told);
    queues.is_told |= place.is_some();
    drop(queues);
    if let Some((door, session)) = place {
        door.ask(Ask::LookAtPipe(session));
    }
}

impl PipeTransport {
    /// Says which shard is to be told of what happens here, and of which session.
    pub(super) fn register(&self, door: &Arc<Door>, session: SessionId) {
        let mut queues = lock(&self.0);
        queues.place = Some((Arc::clone(door), session));
        tell(queues);
    }

    /// What has happened since this was asked last.
    pub(super) fn events(&self) -> PipeEvents {
        let mut queues = lock(&self.0);
        queues.is_told = false;
        PipeEvents {
            is_readable: std::mem::take(&mut queues.is_readable),
            is_writable: std::mem::take(&mut queues.is_writable),
            is_read_closed: queues.has_said_all || queues.task_has_left,
            attended: queues.attendance.as_ref().map(|one| one.at(clock::now())),
        }
    }

    /// Whether the client is there, where that is asked.
    pub(super) fn attended(&self) -> Option<Attended> {
        let queues = lock(&self.0);
        queues.attendance.as_ref().map(|one| one.at(clock::now()))
    }

    /// As a socket's `read`.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut queues = lock(&self.0);
        let count = queues.to_server.read(buffer)?;
        if queues.to_server.is_empty() {
            queues.to_server = VecDeque::new();
        }
        let has_ended = queues.has_said_all || queues.task_has_left;
        let writer = queues.writer.take();
        drop(queues);
        if let Some(writer) = writer {
            writer.wake();
        }
        match count {
            0 if has_ended => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    /// As a socket's `writev`.
    ///
    /// # Errors
    /// `BrokenPipe` when nobody is there any more; `WouldBlock` when there is no room.
    pub(super) fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut queues = lock(&self.0);
        if queues.task_has_left {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let offered = buffers.iter().map(|part| part.len()).sum::<usize>();
        let waiting = queues.to_client.len();
        let room = match &queues.attendance {
            Some(attendance) if attendance.is_superfluous(buffers, waiting) => return Ok(offered),
            Some(attendance) => attendance.room(queues.room),
            None => queues.room,
        };
        let room = room.saturating_sub(waiting);
        let taken = offered.min(room);
        if taken < offered {
            queues.wants_room = true;
        }
        if taken == 0 {
            return match offered {
                0 => Ok(0),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let mut left = taken;
        queues.to_client.reserve_exact(taken);
        for part in buffers {
            let part = &part[..part.len().min(left)];
            left -= part.len();
            queues.to_client.extend_from_slice(part);
        }
        let reader = queues.reader.take();
        let Queues {
            to_client,
            attendance,
            ..
        } = &mut *queues;
        if let Some(attendance) = attendance {
            attendance.has_come(&to_client[waiting..]);
        }
        tell(queues);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(taken)
    }

    /// Says that the client has not taken what was sent to it for too long: unless it takes what is
    /// left soon, its connection is to be cut.
    pub(super) fn cut(&self) {
        let cutter = lock(&self.0).cutter.take();
        if let Some(cutter) = cutter {
            cutter.notify_one();
        }
    }
}

impl Drop for PipeTransport {
    fn drop(&mut self) {
        let mut queues = lock(&self.0);
        queues.shard_has_left = true;
        queues.ended_at = Some(clock::now());
        queues.to_server = VecDeque::new();
        queues.place = None;
        queues.cutter = None;
        let waiting = [queues.reader.take(), queues.writer.take()];
        drop(queues);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

impl PipeEnd {
    /// All that waits for the client: `None` when the session has ended and all was taken.
    pub(crate) fn poll_take(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut queues = lock(&self.0);
        if queues.to_client.is_empty() {
            if queues.shard_has_left {
                return Poll::Ready(None);
            }
            queues.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let taken = std::mem::take(&mut queues.to_client);
        if std::mem::take(&mut queues.wants_room) {
            queues.is_writable = true;
            tell(queues);
        }
        Poll::Ready(Some(taken.into()))
    }

    /// Hands bytes over to the shard as far as there is room, until all are. False when the session
    /// has ended.
    // Only HTTP/2, which there is under TLS alone, carries bytes from a client.
    #[cfg(any(test, feature = "tls"))]
    pub(crate) fn poll_give(&self, bytes: &mut Bytes, context: &mut Context<'_>) -> Poll<bool> {
        let mut queues = lock(&self.0);
        if queues.shard_has_left {
            return Poll::Ready(false);
        }
        let room = PIPE_INPUT_BYTES_MAX.saturating_sub(queues.to_server.len());
        let given = bytes.split_to(bytes.len().min(room));
        if !bytes.is_empty() {
            queues.writer = Some(context.waker().clone());
        }
        if !given.is_empty() {
            queues.to_server.extend(&given);
            queues.is_readable = true;
            tell(queues);
        }
        match bytes.is_empty() {
            true => Poll::Ready(true),
            false => Poll::Pending,
        }
    }

    /// Hands all of these bytes over to the shard once there is room for them, or nothing else waits
    /// for it. False when the session has ended.
    pub(crate) fn poll_give_whole(&self, bytes: &[u8], context: &mut Context<'_>) -> Poll<bool> {
        let mut queues = lock(&self.0);
        if queues.shard_has_left {
            return Poll::Ready(false);
        }
        let waiting = queues.to_server.len();
        if waiting != 0 && waiting + bytes.len() > PIPE_INPUT_BYTES_MAX {
            queues.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        queues.to_server.extend(bytes);
        queues.is_readable = true;
        tell(queues);
        Poll::Ready(true)
    }

    /// Waits until the shard has read all that was given. False when the session has ended.
    pub(crate) fn poll_read_by_shard(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut queues = lock(&self.0);
        if queues.shard_has_left || queues.to_server.is_empty() {
            return Poll::Ready(!queues.shard_has_left);
        }
        queues.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Is told once the shard has written what it had to write when it was asked.
    pub(crate) fn written(&self) -> oneshot::Receiver<()> {
        let (done, written) = oneshot::channel();
        let place = lock(&self.0).place.clone();
        if let Some((door, _)) = place {
            door.ask(Ask::SayWhenWritten(done));
        }
        written
    }

    /// Says that a request fetches what there is, from now on.
    pub(crate) fn attend(&self) {
        let mut queues = lock(&self.0);
        if let Some(attendance) = &mut queues.attendance {
            attendance.begins();
        }
    }

    /// Says that no request fetches anything, from now on, and how many lines were taken and wait
    /// for the next one.
    pub(crate) fn leave_unattended(&self, lines: usize) {
        let mut queues = lock(&self.0);
        queues.cutter = None;
        let Queues {
            to_client,
            attendance,
            wants_room,
            is_writable,
            ..
        } = &mut *queues;
        if let Some(attendance) = attendance {
            attendance.ends(clock::now(), lines);
            attendance.has_come(to_client);
            // There is more room now.
            *is_writable |= std::mem::take(wants_room);
        }
        tell(queues);
    }

    /// When the session ended, if it has.
    pub(crate) fn ended_at(&self) -> Option<Moment> {
        lock(&self.0).ended_at
    }

    /// Says that nothing more will come from the client.
    // Only HTTP/2, which there is under TLS alone, carries bytes from a client.
    #[cfg(any(test, feature = "tls"))]
    pub(crate) fn say_all(&self) {
        let mut queues = lock(&self.0);
        queues.has_said_all = true;
        queues.is_readable = true;
        tell(queues);
    }

    /// Whether the session has ended; something may still wait for the client.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.0).shard_has_left
    }

    /// Says who cuts the connection of a client that is too slow: a task that is blocked in writing
    /// does not look here any more.
    pub(crate) fn cut_by(&self, cutter: Arc<Notify>) {
        lock(&self.0).cutter = Some(cutter);
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        let mut queues = lock(&self.0);
        queues.task_has_left = true;
        queues.is_readable = true;
        // What waits reaches nobody.
        queues.to_client = Vec::new();
        tell(queues);
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
