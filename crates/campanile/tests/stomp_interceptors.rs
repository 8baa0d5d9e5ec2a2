//! User code between STOMP sessions, handlers and the broker: in memory, in virtual time.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use campanile::testing::{TestApplication, TestClient};
use campanile::{
    Broker, Builder, Campanile, Context, Delivery, EventKind, InboundFrame, Message, Next,
    OutboundMessage, Passage, Session, StompEndpoint, Text,
};

use support::kit::Notes;
use support::stomp::{Received, UserFromQuery, connect, refusal, send};

fn builder() -> Builder {
    let broker = Broker::new().clients_may_send("/topic/**");
    Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new().intercept(UserFromQuery))
}

fn start(builder: Builder) -> TestApplication {
    TestApplication::start(builder.build().expect("an application"))
}

fn subscribed(test: &mut TestApplication, path: &str) -> TestClient {
    let mut client = connect(test, path, "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "RECEIPT");
    client
}

#[test]
fn s148_s151_frames_are_changed_dropped_and_refused_before_they_take_effect() {
    let app = builder()
        .inbound(|session: &Session, frame: &mut InboundFrame| {
            if frame.command() != "SEND" {
                return Passage::Pass;
            }
            match frame.body() {
                b"drop" => Passage::Drop,
                b"refuse" => Passage::refuse("rude", "mind your words"),
                b"panic" => panic!("in an interceptor"),
                b"elsewhere" => {
                    frame.set_header("destination", "/topic/b");
                    Passage::Pass
                }
                _ => {
                    let user = session.user().unwrap_or("nobody").to_owned();
                    frame.set_header("from", user);
                    frame.remove_header("secret");
                    Passage::Pass
                }
            }
        })
        // The second one sees what the first has left.
        .inbound(|_: &Session, frame: &mut InboundFrame| {
            if let Some(from) = frame.header("from").map(str::to_owned) {
                let body = [from.as_bytes(), b": ", frame.body()].concat();
                frame.set_body(body);
            }
        });
    let mut test = start(app);
    let mut client = subscribed(&mut test, "/stomp?user=ada");
    send(
        &mut client,
        "SEND\ndestination:/topic/a\nsecret:x\ncontent-length:5\n\nhello",
    );
    let message = Received::next(&mut client);
    assert_eq!(message.body(), "ada: hello");
    assert_eq!(message.header("from"), Some("ada"));
    assert_eq!(message.header("secret"), None);
    // What is dropped is done, as far as the client knows.
    send(&mut client, "SEND\ndestination:/topic/a\nreceipt:d\n\ndrop");
    assert_eq!(Received::next(&mut client).header("receipt-id"), Some("d"));
    send(
        &mut client,
        "SEND\ndestination:/topic/a\nreceipt:e\n\nelsewhere",
    );
    assert_eq!(Received::next(&mut client).header("receipt-id"), Some("e"));
    assert_eq!(client.next_message(), None);
    for (body, word) in [("refuse", "rude"), ("panic", "handler-failed")] {
        let mut client = subscribed(&mut test, "/stomp");
        send(
            &mut client,
            &format!("SEND\ndestination:/topic/a\n\n{body}"),
        );
        assert_eq!(refusal(&mut client).0, word);
    }
    // Nobody else has noticed.
    test.handle()
        .publish("/topic/a", "still here")
        .expect("room");
    assert_eq!(Received::next(&mut client).body(), "still here");
}

#[test]
fn s151_an_interceptor_can_make_a_frame_that_is_refused() {
    let app = builder().inbound(|_: &Session, frame: &mut InboundFrame| {
        frame.remove_header("id");
    });
    let mut test = start(app);
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    assert_eq!(refusal(&mut client).0, "missing-header");
}

#[test]
fn s153_a_dropped_farewell_ends_the_subscriptions_when_the_socket_goes() {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ended);
    let endpoint = StompEndpoint::new().on_unsubscribed(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async {}
    });
    let app = Campanile::builder().stomp("/stomp", endpoint).inbound(
        |_: &Session, frame: &mut InboundFrame| match frame.command() {
            "DISCONNECT" => Passage::Drop,
            _ => Passage::Pass,
        },
    );
    let mut test = start(app);
    let mut client = subscribed(&mut test, "/stomp");
    send(&mut client, "DISCONNECT\nreceipt:bye\n\n");
    assert_eq!(
        Received::next(&mut client).header("receipt-id"),
        Some("bye")
    );
    let handle = test.handle();
    assert_eq!((handle.count_at("/topic/a"), handle.sessions()), (1, 1));
    client.disconnect();
    test.settle();
    assert_eq!((handle.count_at("/topic/a"), handle.sessions()), (0, 0));
    assert_eq!(ended.load(Ordering::Relaxed), 1);
}

#[test]
fn s148_s151_each_receiver_gets_what_interceptors_let_through() {
    let app = builder()
        .subscription("/first", async || "secret")
        .outbound(|session: &Session, message: &OutboundMessage<'_>| {
            assert_eq!(message.subscription(), Some("0"));
            match (&message.content().bytes()[..], session.user()) {
                (b"for bob", Some("ada")) => Delivery::Dropped,
                (b"panic", Some("ada")) => panic!("in an interceptor"),
                (b"secret", Some("ada")) => {
                    let headers = message.headers().iter().chain([("masked", "yes")]);
                    Delivery::Replaced(Message::text("***").with_headers(headers))
                }
                _ => Delivery::AsItIs,
            }
        })
        .outbound(|_: &Session, message: &OutboundMessage<'_>| {
            match message.headers().get("masked") {
                Some(_) => {
                    let mut message = message.to_message();
                    message.content = campanile::Content::text("*** (masked)");
                    Delivery::Replaced(message)
                }
                None => Delivery::AsItIs,
            }
        });
    let mut test = start(app);
    let mut ada = subscribed(&mut test, "/stomp?user=ada");
    let mut bob = subscribed(&mut test, "/stomp?user=bob");
    let handle = test.handle();
    for text in ["hello", "for bob", "panic", "secret"] {
        let message = Message::text(text).with_headers([("n", "1")]);
        handle.publish("/topic/a", message).expect("room");
    }
    assert_eq!(Received::next(&mut ada).body(), "hello");
    let masked = Received::next(&mut ada);
    assert_eq!(masked.body(), "*** (masked)");
    assert_eq!(
        (masked.header("masked"), masked.header("n")),
        (Some("yes"), Some("1"))
    );
    assert_eq!(masked.header("destination"), Some("/topic/a"));
    assert_eq!(ada.next_message(), None);
    for text in ["hello", "for bob", "panic", "secret"] {
        let message = Received::next(&mut bob);
        assert_eq!((message.body(), message.header("masked")), (text, None));
    }
    // What answers a subscription is a MESSAGE as well.
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.1");
    send(&mut ada, "SUBSCRIBE\nid:0\ndestination:/app/first\n\n");
    assert_eq!(Received::next(&mut ada).body(), "*** (masked)");
}

#[test]
fn s151_an_interceptor_sees_what_a_selector_lets_through() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let app = builder().outbound(move |_: &Session, _: &OutboundMessage<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        Delivery::AsItIs
    });
    let mut test = start(app);
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/*\nselector:n = '2'\n\n",
    );
    for number in ["1", "2", "3"] {
        let message = Message::text(number).with_headers([("n", number)]);
        test.handle().publish("/topic/a", message).expect("room");
    }
    assert_eq!(Received::next(&mut client).body(), "2");
    assert_eq!(client.next_message(), None);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn s152_code_around_callbacks_is_around_handlers_and_events_and_knows_which() {
    let notes = Notes::default();
    let seen = Arc::clone(&notes);
    let around = move |context: Context, next: Next| {
        let seen = Arc::clone(&seen);
        async move {
            let (kind, destination) = (context.kind(), context.destination().map(str::to_owned));
            let result = next.run(context).await;
            let note = format!(
                "{kind:?} {} {}",
                destination.unwrap_or_default(),
                result.is_ok()
            );
            seen.lock().expect("not poisoned").push(note);
            result
        }
    };
    let endpoint = StompEndpoint::new()
        .on_connect(async || ())
        .on_connected(async || ())
        .on_subscribed(async || ())
        .on_unsubscribed(async || ())
        .on_disconnected(async || ());
    let app = Campanile::builder()
        .stomp("/stomp", endpoint)
        .message("/say", async |Text(text): Text| match &*text {
            "fail" => Err(std::io::Error::other("oh")),
            _ => Ok(()),
        })
        .subscription("/time", async || "noon")
        .on_error(async || ())
        .around(around);
    let mut test = start(app);
    let mut client = subscribed(&mut test, "/stomp");
    for frame in [
        "SEND\ndestination:/app/say\n\nhi",
        "SEND\ndestination:/app/say\n\nfail",
        "SUBSCRIBE\nid:1\ndestination:/app/time\n\n",
    ] {
        send(&mut client, frame);
    }
    client.disconnect();
    test.settle();
    let expected = [
        (EventKind::Opened, "", true),
        (EventKind::Connect, "", true),
        (EventKind::Connected, "", true),
        (EventKind::Subscribed, "/topic/a", true),
        (EventKind::Message, "/app/say", true),
        (EventKind::Message, "/app/say", false),
        (EventKind::Failed, "/app/say", true),
        (EventKind::Subscription, "/app/time", true),
        (EventKind::Unsubscribed, "/topic/a", true),
        (EventKind::Disconnected, "", true),
        (EventKind::Closed, "", true),
    ];
    let expected = expected.map(|(kind, destination, ok)| format!("{kind:?} {destination} {ok}"));
    assert_eq!(*notes.lock().expect("not poisoned"), expected);
}
