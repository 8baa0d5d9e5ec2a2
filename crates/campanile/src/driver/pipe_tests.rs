//! A pipe's room, its wake-ups and the leaving of both of its ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use mio::Poll as Poller;

use super::*;

const ROOM: usize = 8;

/// Counts how often it is woken.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counted {
    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn counted() -> (Arc<Counted>, Waker) {
    let counted = Arc::new(Counted::default());
    (Arc::clone(&counted), Waker::from(Arc::clone(&counted)))
}

/// A shard's door that nobody looks at but the test.
fn door() -> Arc<Door> {
    let poller = Poller::new().expect("a poller");
    Arc::new(Door::new(&poller).expect("a door"))
}

/// A session's id; which one is of no importance.
fn session() -> SessionId {
    "0123456789abcdef0123456789abcdef".parse().expect("an id")
}

/// How often the shard was told to look.
fn told(door: &Door) -> usize {
    let asks = door.take();
    let all = asks.iter().filter(|ask| matches!(ask, Ask::LookAtPipe(_)));
    all.count()
}

fn write(transport: &PipeTransport, parts: &[&[u8]]) -> io::Result<usize> {
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    transport.write(&slices)
}

fn would_block<T>(outcome: io::Result<T>) -> bool {
    outcome.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

#[test]
fn what_is_written_is_taken_up_to_the_room_that_there_is() {
    let (transport, end) = pipe(ROOM);
    let (_, waker) = counted();
    let mut context = Context::from_waker(&waker);
    assert_eq!(end.poll_take(&mut context), Poll::Pending);
    assert_eq!(write(&transport, &[b"abc", b"", b"de"]).ok(), Some(5));
    assert_eq!(write(&transport, &[b"fgh", b"ijk"]).ok(), Some(3));
    assert!(would_block(write(&transport, &[b"l"])));
    assert_eq!(write(&transport, &[]).ok(), Some(0));
    let all = Some(Bytes::from_static(b"abcdefgh"));
    assert_eq!(end.poll_take(&mut context), Poll::Ready(all));
    assert_eq!(end.poll_take(&mut context), Poll::Pending);
    assert_eq!(write(&transport, &[b"l"]).ok(), Some(1));
}

#[test]
fn the_task_is_woken_once_for_what_it_waits_for() {
    let (transport, end) = pipe(ROOM);
    let (count, waker) = counted();
    let mut context = Context::from_waker(&waker);
    assert_eq!(end.poll_take(&mut context), Poll::Pending);
    assert!(write(&transport, &[b"a"]).is_ok());
    assert!(write(&transport, &[b"b"]).is_ok());
    assert_eq!(count.times(), 1);
}

#[test]
fn the_shard_is_told_of_room_if_it_was_cut_short_and_only_then() {
    let (transport, end) = pipe(ROOM);
    let door = door();
    transport.register(&door, session());
    let (_, waker) = counted();
    let mut context = Context::from_waker(&waker);
    assert!(write(&transport, &[b"abc"]).is_ok());
    assert!(end.poll_take(&mut context).is_ready());
    assert_eq!(told(&door), 0);
    assert_eq!(write(&transport, &[b"0123456789"]).ok(), Some(ROOM));
    assert!(end.poll_take(&mut context).is_ready());
    assert_eq!(told(&door), 1);
    let events = transport.events();
    assert!(events.is_writable && !events.is_readable && !events.is_read_closed);
    assert!(!transport.events().is_writable);
}

#[test]
fn what_happened_before_the_shard_was_there_is_told_when_it_is() {
    let (transport, end) = pipe(ROOM);
    let door = door();
    drop(end);
    transport.register(&door, session());
    assert_eq!(told(&door), 1);
    assert!(transport.events().is_read_closed);
}

#[test]
fn what_is_given_is_read_up_to_the_limit_and_the_giver_waits() {
    let (transport, end) = pipe(ROOM);
    let door = door();
    transport.register(&door, session());
    let (count, waker) = counted();
    let mut context = Context::from_waker(&waker);
    let mut buffer = vec![0; PIPE_INPUT_BYTES_MAX];
    assert!(would_block(transport.read(&mut buffer)));
    let mut bytes = Bytes::from(vec![7; PIPE_INPUT_BYTES_MAX + 3]);
    assert_eq!(end.poll_give(&mut bytes, &mut context), Poll::Pending);
    assert_eq!(bytes.len(), 3);
    // It is told once until it has looked.
    assert_eq!(end.poll_give(&mut bytes, &mut context), Poll::Pending);
    assert_eq!(told(&door), 1);
    assert!(transport.events().is_readable);
    let read = transport.read(&mut buffer);
    assert!(read.is_ok_and(|count| count > 0));
    assert_eq!(count.times(), 1);
    while !would_block(transport.read(&mut buffer)) {}
    assert_eq!(end.poll_give(&mut bytes, &mut context), Poll::Ready(true));
    assert_eq!(told(&door), 1);
    assert_eq!(transport.read(&mut buffer).ok(), Some(3));
}

#[test]
fn who_has_said_all_may_still_be_told_something() {
    let (transport, end) = pipe(ROOM);
    let (_, waker) = counted();
    let mut context = Context::from_waker(&waker);
    let mut bytes = Bytes::from_static(b"last");
    assert_eq!(end.poll_give(&mut bytes, &mut context), Poll::Ready(true));
    end.say_all();
    let events = transport.events();
    assert!(events.is_readable && events.is_read_closed);
    let mut buffer = [0; 8];
    assert_eq!(transport.read(&mut buffer).ok(), Some(4));
    assert_eq!(transport.read(&mut buffer).ok(), Some(0));
    assert!(write(&transport, &[b"so long"]).is_ok());
    assert!(end.poll_take(&mut context).is_ready());
}

#[test]
fn a_task_that_leaves_breaks_the_pipe() {
    let (transport, end) = pipe(ROOM);
    let door = door();
    transport.register(&door, session());
    assert!(write(&transport, &[b"unread"]).is_ok());
    drop(end);
    assert_eq!(told(&door), 1);
    let events = transport.events();
    assert!(events.is_readable && events.is_read_closed);
    assert_eq!(transport.read(&mut [0; 8]).ok(), Some(0));
    let broken = write(&transport, &[b"x"]);
    assert!(broken.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe));
}

#[test]
fn a_session_that_ends_leaves_what_was_written() {
    let (transport, end) = pipe(ROOM);
    let (count, waker) = counted();
    let mut context = Context::from_waker(&waker);
    assert_eq!(end.poll_take(&mut context), Poll::Pending);
    assert!(!end.is_over());
    assert!(write(&transport, &[b"bye"]).is_ok());
    assert_eq!(count.times(), 1);
    drop(transport);
    assert!(end.is_over());
    let last = Some(Bytes::from_static(b"bye"));
    assert_eq!(end.poll_take(&mut context), Poll::Ready(last));
    assert_eq!(end.poll_take(&mut context), Poll::Ready(None));
    let mut bytes = Bytes::from_static(b"too late");
    assert_eq!(end.poll_give(&mut bytes, &mut context), Poll::Ready(false));
}

#[test]
fn a_session_that_ends_wakes_whoever_waits_for_it() {
    let (transport, end) = pipe(ROOM);
    let (count, waker) = counted();
    let mut context = Context::from_waker(&waker);
    let mut bytes = Bytes::from(vec![7; PIPE_INPUT_BYTES_MAX + 1]);
    assert_eq!(end.poll_take(&mut context), Poll::Pending);
    assert_eq!(end.poll_give(&mut bytes, &mut context), Poll::Pending);
    drop(transport);
    assert_eq!(count.times(), 2);
}

#[tokio::test]
async fn who_is_too_slow_is_cut_once() {
    let (transport, end) = pipe(ROOM);
    let cutter = Arc::new(Notify::new());
    transport.cut();
    end.cut_by(Arc::clone(&cutter));
    assert_eq!(Arc::strong_count(&cutter), 2);
    transport.cut();
    // What was notified before is not waited for.
    cutter.notified().await;
    assert_eq!(Arc::strong_count(&cutter), 1);
    transport.cut();
    end.cut_by(Arc::clone(&cutter));
    drop(transport);
    assert_eq!(Arc::strong_count(&cutter), 1);
}
