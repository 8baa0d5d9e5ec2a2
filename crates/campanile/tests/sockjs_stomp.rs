//! STOMP over SockJS over WebSocket: in memory, in virtual time.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::testing::{TestApplication, TestClient, TestMessage};
use campanile::{
    Broker, Builder, Campanile, Message, OutboxPolicy, Overflow, SockJs, StompEndpoint, Text,
    WAITING_MESSAGES_MAX,
};
use tokio::sync::Semaphore;

use support::stomp::{self, Received};

const PATH: &str = "/stomp/000/k3jz9q/websocket";

fn builder(endpoint: StompEndpoint) -> Builder {
    let broker = Broker::new().clients_may_send("/topic/**");
    let broker = broker.clients_may_send("/queue/**");
    Campanile::builder()
        .broker(broker)
        .stomp("/stomp", endpoint)
}

fn start(endpoint: StompEndpoint) -> TestApplication {
    TestApplication::start(builder(endpoint).build().expect("an application"))
}

/// Sends these messages in one array.
fn send_all<'a>(client: &mut TestClient, messages: impl IntoIterator<Item = &'a str>) {
    let messages: Vec<&str> = messages.into_iter().collect();
    client.send_text(&serde_json::to_string(&messages).expect("JSON"));
}

/// Sends a frame, given without its NUL.
fn send(client: &mut TestClient, frame: &str) {
    send_all(client, [&*format!("{frame}\0")]);
}

/// The only message of a frame of SockJS.
#[track_caller]
fn message_of(frame: &str) -> String {
    let messages = frame.strip_prefix('a');
    let messages = messages.unwrap_or_else(|| panic!("no messages: {frame}"));
    let messages: Vec<String> = serde_json::from_str(messages).expect("an array of strings");
    let [message] = &messages[..] else {
        panic!("not one message: {frame}")
    };
    message.clone()
}

#[track_caller]
fn next(client: &mut TestClient) -> Received {
    let message = message_of(&client.next_text());
    let frame = message.strip_suffix('\0');
    Received(frame.unwrap_or_else(|| panic!("{message:?}")).to_owned())
}

/// Connects with this `CONNECT`, given without its command.
fn connect_with(test: &mut TestApplication, headers: &str) -> TestClient {
    let mut client = test.connect(PATH);
    assert_eq!(client.next_text(), "o");
    send(
        &mut client,
        &format!("CONNECT\n{headers}host:localhost\n\n"),
    );
    assert_eq!(next(&mut client).command(), "CONNECTED");
    client
}

fn connect(test: &mut TestApplication, version: &str) -> TestClient {
    connect_with(test, &format!("accept-version:{version}\n"))
}

#[test]
fn s39_s58_frames_are_messages_whole_in_parts_and_several() {
    let mut test = start(StompEndpoint::new().with_sockjs());
    for version in ["1.0", "1.1", "1.2"] {
        let mut client = connect(&mut test, version);
        let frames = "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n\0\n";
        let (one, other) = frames.split_at(20);
        send_all(&mut client, [one, other]);
        let receipt = next(&mut client);
        assert_eq!(receipt.header("receipt-id"), Some("s"));
        let frame = "SEND\ndestination:/topic/a\n\n";
        send_all(
            &mut client,
            [
                &*format!("{frame}1\0{frame}2\0"),
                &format!("{frame}\"3\"\0"),
            ],
        );
        for body in ["1", "2", "\"3\""] {
            let message = next(&mut client);
            assert_eq!(message.command(), "MESSAGE");
            assert_eq!(message.header("subscription"), Some("0"));
            assert_eq!(message.body(), body);
        }
        send(&mut client, "DISCONNECT\nreceipt:bye\n\n");
        assert_eq!(next(&mut client).header("receipt-id"), Some("bye"));
        assert_eq!(client.next_text(), r#"c[1000,""]"#);
        assert_eq!(client.next_close().0, 1000);
    }
}

#[test]
fn s55_s62_each_subscriber_gets_its_own_id_whatever_is_in_it() {
    let mut test = start(StompEndpoint::new().with_sockjs());
    // Some are as long as others: their frames are made of those of the one before.
    let ids = [
        "a1",
        "b2",
        "\"2",
        "c3",
        "\\\\",
        "d4",
        "ü",
        "e5",
        "\u{2028}",
        "f6",
        "\\c",
        "",
        "\u{ffff}x",
        "g7",
        "/topic/\"a\"",
    ];
    let mut clients: Vec<(TestClient, &str, bool)> = Vec::new();
    for (number, id) in ids.into_iter().enumerate() {
        let escaped = id.replace('\\', "\\\\");
        let frame = format!("SUBSCRIBE\nid:{escaped}\ndestination:/topic/a\n\n");
        let is_plain = number % 5 == 4;
        let client = match is_plain {
            true => {
                let mut client = stomp::connect(&mut test, "/stomp", "1.2");
                stomp::send(&mut client, &frame);
                client
            }
            false => {
                let mut client = connect(&mut test, "1.2");
                send(&mut client, &frame);
                client
            }
        };
        clients.push((client, id, is_plain));
    }
    let handle = test.handle();
    let long = "ß".repeat(100_000);
    let bodies = ["1", "\"2\"\n\u{2028}", &long, ""];
    for body in bodies {
        handle.publish("/topic/a", body).expect("accepted");
    }
    for (mut client, id, is_plain) in clients {
        for body in bodies {
            let message = match is_plain {
                true => Received::next(&mut client),
                false => next(&mut client),
            };
            let expected = id.replace('\\', "\\\\");
            assert_eq!(message.header("subscription"), Some(&*expected));
            assert_eq!(message.header("destination"), Some("/topic/a"));
            assert!(message.body() == body, "{id}");
        }
        assert_eq!(client.next_message(), None);
    }
}

#[test]
fn s71_s98_acknowledged_messages_and_gaps_are_messages_too() {
    let policy = OutboxPolicy {
        bytes_max: 8 << 10,
        overflow: Overflow::DropOldest,
        ..OutboxPolicy::default()
    };
    let mut test = start(StompEndpoint::new().outbox(policy).with_sockjs());
    let mut client = connect(&mut test, "1.2");
    let subscribe = "SUBSCRIBE\nid:q\"\ndestination:/queue/a\nack:client-individual\n";
    send(&mut client, &format!("{subscribe}receipt:r\n\n"));
    assert_eq!(next(&mut client).header("receipt-id"), Some("r"));
    send(&mut client, "SEND\ndestination:/queue/a\n\njob");
    let first = next(&mut client);
    assert_eq!(
        (first.header("subscription"), first.body()),
        (Some("q\""), "job")
    );
    let ack = first.header("ack").expect("an id").to_owned();
    send(&mut client, &format!("NACK\nid:{ack}\nrequeue:true\n\n"));
    // It comes again a while later.
    test.advance(Duration::from_secs(10));
    let again = next(&mut client);
    assert_eq!(again.body(), "job");
    assert_eq!(again.header("redelivered"), Some("true"));
    assert_eq!(again.header("delivery-count"), Some("2"));
    let ack = again.header("ack").expect("an id").to_owned();
    send(&mut client, &format!("ACK\nid:{ack}\n\n"));

    send(
        &mut client,
        "SUBSCRIBE\nid:t\ndestination:/topic/a\nreceipt:t\n\n",
    );
    assert_eq!(next(&mut client).header("receipt-id"), Some("t"));
    client.stop_reading(0);
    for number in 0..100 {
        let message = Message::text(format!("{number} {}", "x".repeat(300)));
        test.handle()
            .publish("/topic/a", message)
            .expect("accepted");
    }
    test.settle();
    client.go_on_reading();
    let mut last = None;
    let (mut received, mut missing) = (0, 0);
    while last.as_deref() != Some("99") {
        let message = next(&mut client);
        match message.header("gap") {
            Some(gap) => missing += gap.parse::<usize>().expect("a number"),
            None => {
                received += 1;
                last = message.body().split(' ').next().map(str::to_owned);
            }
        }
    }
    assert!(missing > 0);
    assert_eq!(received + missing, 100);
}

#[test]
fn s39_s65_a_body_that_is_not_text_ends_the_session_and_no_other() {
    let mut test = start(StompEndpoint::new().with_sockjs());
    let mut plain = stomp::connect(&mut test, "/stomp", "1.2");
    let subscribe = "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n";
    stomp::send(&mut plain, subscribe);
    assert_eq!(Received::next(&mut plain).header("receipt-id"), Some("s"));
    let mut client = connect(&mut test, "1.2");
    send(&mut client, subscribe);
    assert_eq!(next(&mut client).header("receipt-id"), Some("s"));
    let publish = |bytes: &'static [u8]| {
        let message = Message::binary(bytes);
        test.handle()
            .publish("/topic/a", message)
            .expect("accepted");
    };
    publish("grüß".as_bytes());
    assert_eq!(next(&mut client).body(), "grüß");
    assert!(plain.next_binary().ends_with("grüß\0".as_bytes()));
    publish(b"\xff");
    let frame = client.next_text();
    assert!(frame.starts_with("c[1003,\"binary: "), "{frame}");
    assert_eq!(client.next_close().0, 1003);
    assert_eq!(client.next_message(), Some(TestMessage::End));
    assert!(plain.next_binary().ends_with(b"\xff\0"));
    assert_eq!(test.handle().sessions(), 1);
}

#[test]
fn s46_s66_line_ends_take_the_place_of_heart_beats_once_stomp_runs() {
    let mut test = start(StompEndpoint::new().with_sockjs());
    let second = Duration::from_secs(1);
    let mut client = test.connect(PATH);
    assert_eq!(client.next_text(), "o");
    test.advance(second * 25);
    assert_eq!(client.next_text(), "h");
    // As often as was agreed on, or as SockJS has it where none are wanted.
    for (wanted, interval) in [("0,10000", 10), ("0,0", 25)] {
        let headers = format!("accept-version:1.2\nheart-beat:{wanted}\n");
        let mut client = connect_with(&mut test, &headers);
        for _ in 0..4 {
            test.advance(second * interval);
            assert_eq!(client.next_text(), "a[\"\\n\"]");
            assert_eq!(client.next_message(), None);
        }
    }
    // Who has no SockJS and wants none gets none.
    let mut plain = stomp::connect(&mut test, "/stomp", "1.2");
    test.advance(second * 120);
    assert_eq!(plain.next_message(), None);
}

#[test]
fn s67_a_client_that_breaks_its_promise_of_life_is_closed() {
    let mut test = start(StompEndpoint::new().with_sockjs());
    let mut client = connect_with(&mut test, "accept-version:1.2\nheart-beat:1000,0\n");
    for _ in 0..60 {
        send_all(&mut client, ["\n"]);
        test.advance(Duration::from_secs(1));
    }
    assert_eq!(test.handle().sessions(), 1);
    test.advance(Duration::from_secs(120));
    let last = client.received();
    let closes = |one: &TestMessage| matches!(one, TestMessage::Close(1001, _));
    assert!(last.iter().any(closes), "{last:?}");
}

#[test]
fn s73_s75_an_error_is_a_message_and_the_close_comes_after_it() {
    let mut test = start(StompEndpoint::new().with_sockjs());
    let mut early = test.connect(PATH);
    assert_eq!(early.next_text(), "o");
    send(&mut early, "SEND\ndestination:/topic/a\n\n");
    let error = next(&mut early);
    assert_eq!(error.header("message"), Some("not-connected"));
    assert!(early.next_text().starts_with("c[1002,\"not-connected: "));
    assert_eq!(early.next_close().0, 1002);

    let mut client = connect_with(&mut test, "accept-version:1.2\nx-errors:keep\n");
    send(&mut client, "SEND\n\n");
    assert_eq!(next(&mut client).command(), "ERROR");
    send_all(&mut client, ["SEND\ndestination:/topic/a\nreceipt:r\n\n\0"]);
    assert_eq!(next(&mut client).header("receipt-id"), Some("r"));
    client.send_text("[1]");
    assert_eq!(client.next_close().0, 1007);
}

#[test]
fn s150_frames_of_one_array_wait_for_handlers_and_for_whoever_reads() {
    const FRAMES: usize = 1_000;
    let (gate, handled) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let (open, noted) = (Arc::clone(&gate), Arc::clone(&handled));
    let toil = move |Text(text): Text| {
        let (open, noted) = (Arc::clone(&open), Arc::clone(&noted));
        async move {
            open.acquire().await.expect("an open gate").forget();
            noted.lock().expect("not poisoned").push(text);
        }
    };
    let app = builder(StompEndpoint::new().sockjs(SockJs::new())).message("/toil", toil);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "1.2");
    // Each message has two frames, so that some wait in the middle of one.
    let frame = "SEND\ndestination:/app/toil\n\n";
    let two = |number: usize| format!("{frame}{number}\0{frame}{}\0", number + 1);
    let messages: Vec<String> = (0..FRAMES).step_by(2).map(two).collect();
    send_all(&mut client, messages.iter().map(|one| &**one));
    send(&mut client, "SEND\ndestination:/topic/a\nreceipt:last\n\n");
    test.settle();
    assert!(handled.lock().expect("not poisoned").is_empty());
    gate.add_permits(WAITING_MESSAGES_MAX + 11);
    assert_eq!(client.next_message(), None);
    assert_eq!(
        handled.lock().expect("not poisoned").len(),
        WAITING_MESSAGES_MAX + 11
    );
    gate.add_permits(FRAMES);
    assert_eq!(next(&mut client).header("receipt-id"), Some("last"));
    test.settle();
    let expected: Vec<String> = (0..FRAMES).map(|number| number.to_string()).collect();
    assert_eq!(*handled.lock().expect("not poisoned"), expected);

    let mut client = connect_with(&mut test, "accept-version:1.2\nx-errors:keep\n");
    client.stop_reading(0);
    send_all(&mut client, ["SEND\n\n\0"; 3_000]);
    test.settle();
    client.go_on_reading();
    for _ in 0..3_000 {
        assert_eq!(next(&mut client).command(), "ERROR");
    }
}
