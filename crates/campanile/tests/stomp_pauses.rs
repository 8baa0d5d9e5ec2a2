//! STOMP clients that send more than is handled or read: in memory, in virtual time.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::testing::TestApplication;
use campanile::{Broker, Builder, Campanile, Handlers, InboundFrame, Session, StompEndpoint, Text};
use tokio::sync::Semaphore;

use support::stomp::{Received, connect, send};

fn builder() -> Builder {
    let broker = Broker::new().clients_may_send("/topic/**");
    Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new())
}

fn start(builder: Builder) -> TestApplication {
    TestApplication::start(builder.build().expect("an application"))
}

#[test]
fn s67_s150_who_waits_for_handlers_is_not_taken_for_silent() {
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let app = builder().message("/toil", move || {
        let open = Arc::clone(&open);
        async move { open.acquire().await.expect("an open gate").forget() }
    });
    let mut test = start(app);
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nheart-beat:1000,0\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    client.send_text(&"SEND\ndestination:/app/toil\n\n\0".repeat(100));
    for _ in 0..120 {
        client.send_text("\n");
        test.advance(Duration::from_secs(1));
    }
    assert_eq!(test.handle().sessions(), 1);
    gate.add_permits(100);
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "RECEIPT");
    test.advance(Duration::from_secs(60));
    assert_eq!(client.next_close().0, 1001);
}

#[test]
fn s149_as_many_handlers_of_a_session_run_at_once_as_was_said() {
    let (gate, running) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let work = || {
        let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
        move || {
            let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
            async move {
                running.fetch_add(1, Ordering::Relaxed);
                gate.acquire().await.expect("an open gate").forget();
            }
        }
    };
    let several = Handlers::at("/several")
        .concurrent(3)
        .message("/toil", work());
    let app = builder().message("/one", work()).handlers(several);
    let mut test = start(app);
    let mut client = connect(&mut test, "/stomp", "1.2");
    for (destination, at_once) in [("/app/one", 1), ("/app/several/toil", 3)] {
        for _ in 0..5 {
            send(&mut client, &format!("SEND\ndestination:{destination}\n\n"));
        }
        test.settle();
        assert_eq!(running.swap(0, Ordering::Relaxed), at_once, "{destination}");
        gate.add_permits(5);
        test.settle();
        assert_eq!(running.swap(0, Ordering::Relaxed), 5 - at_once);
    }
}

/// As many handlers as may wait, one that runs, and one frame that was taken before it was seen.
const TAKEN_MAX: usize = campanile::WAITING_MESSAGES_MAX + 2;

#[test]
fn s150_one_message_with_many_frames_waits_for_handlers_as_many_messages_do() {
    const FRAMES: usize = 1_000;
    let gate = Arc::new(Semaphore::new(0));
    let taken = Arc::new(AtomicUsize::new(0));
    let handled = Arc::new(Mutex::new(Vec::new()));
    let (open, counted, noted) = (Arc::clone(&gate), Arc::clone(&taken), Arc::clone(&handled));
    let app = builder()
        .inbound(move |_: &Session, _: &mut InboundFrame| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .message("/toil", move |Text(text): Text| {
            let (open, noted) = (Arc::clone(&open), Arc::clone(&noted));
            async move {
                open.acquire().await.expect("an open gate").forget();
                noted.lock().expect("not poisoned").push(text);
            }
        });
    let mut test = start(app);
    let mut client = connect(&mut test, "/stomp", "1.2");
    let frames: String = (0..FRAMES)
        .map(|number| format!("SEND\ndestination:/app/toil\n\n{number}\0"))
        .collect();
    client.send_text(&frames);
    send(&mut client, "SEND\ndestination:/topic/a\nreceipt:last\n\n");
    test.settle();
    assert!((64..=TAKEN_MAX).contains(&taken.load(Ordering::Relaxed)));
    gate.add_permits(10);
    test.settle();
    assert!((74..=TAKEN_MAX + 10).contains(&taken.load(Ordering::Relaxed)));
    assert_eq!(client.next_message(), None);
    gate.add_permits(FRAMES);
    assert_eq!(
        Received::next(&mut client).header("receipt-id"),
        Some("last")
    );
    test.settle();
    let expected: Vec<String> = (0..FRAMES).map(|number| number.to_string()).collect();
    assert_eq!(*handled.lock().expect("not poisoned"), expected);
}

#[test]
fn s150_one_message_whose_answers_are_not_read_stops_being_taken() {
    const FRAMES: usize = 6_000;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let app = builder().inbound(move |_: &Session, _: &mut InboundFrame| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut test = start(app);
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nx-errors:keep\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    client.stop_reading(0);
    // Each is refused in some 100 bytes.
    client.send_text(&"SEND\n\n\0".repeat(FRAMES));
    test.settle();
    assert!((1..FRAMES / 2).contains(&taken.load(Ordering::Relaxed)));
    client.go_on_reading();
    for _ in 0..FRAMES {
        assert_eq!(Received::next(&mut client).command(), "ERROR");
    }
}
