//! Queues: each message goes to one consumer, and who may take how much of them.

mod support;

use campanile::testing::TestApplication;
use campanile::{
    Broker, BrokerError, BuildError, Campanile, Delivery, OutboundMessage, PREFETCH_DEFAULT,
    QueueLimits, Session, StompEndpoint, Subscription,
};

use support::conform::{assert_fatal, receipt};
use support::kit::Notes;
use support::queues::{
    bodies, broker, consume, frames, limits, message, put, settle, start, start_with, state,
    stubborn, word,
};
use support::stomp::{Received, connect, send};

#[test]
fn s91_each_message_goes_to_one_of_the_consumers() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp", "1.2");
    let mut bob = connect(&mut test, "/stomp", "1.1");
    for client in [&mut ada, &mut bob] {
        consume(client, "q", "/queue/jobs", "");
    }
    let mut sender = connect(&mut test, "/stomp", "1.2");
    for number in 0..10 {
        put(&mut sender, "/queue/jobs", "", &number.to_string());
    }
    let (hers, his) = (bodies(&mut ada), bodies(&mut bob));
    assert_eq!((hers.len(), his.len()), (5, 5));
    let mut all = [hers, his].concat();
    all.sort();
    assert_eq!(all.concat(), "0123456789");
    // What was handed over under `auto` is done.
    assert_eq!(state(&test, "/queue/jobs"), (0, 0, 2));
}

#[test]
fn s91_what_nobody_takes_waits_in_its_order_however_it_was_published() {
    let mut test = start();
    let mut sender = connect(&mut test, "/stomp", "1.2");
    put(&mut sender, "/queue/work/orders", "", "by SEND");
    let published = test.handle().publish("/queue/work/orders", "by the handle");
    assert!(published.is_ok());
    put(&mut sender, "/app/order", "", "by a handler");
    test.settle();
    assert_eq!(state(&test, "/queue/work/orders"), (3, 0, 0));
    assert_eq!(test.handle().subscriptions("/queue/work/orders"), 0);
    let mut consumer = connect(&mut test, "/stomp", "1.2");
    consume(&mut consumer, "q", "/queue/work/orders", "");
    let expected = ["by SEND", "by the handle", "by a handler"];
    assert_eq!(bodies(&mut consumer), expected);
    assert_eq!(test.handle().subscriptions("/queue/work/orders"), 1);
}

#[test]
fn s91_a_consumer_has_no_more_than_it_asked_for() {
    let mut test = start();
    let mut sender = connect(&mut test, "/stomp", "1.2");
    let few = u16::from(2_u8);
    for (more, most) in [("", PREFETCH_DEFAULT), ("prefetch-count:2\n", few)] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        consume(&mut client, "q", "/queue/a", &format!("ack:client\n{more}"));
        for _ in 0..PREFETCH_DEFAULT + 5 {
            put(&mut sender, "/queue/a", "", "x");
        }
        let mut all = frames(&mut client);
        assert_eq!(all.len(), usize::from(most));
        settle(&mut client, "ACK", &all.remove(0), "");
        assert_eq!(frames(&mut client).len(), 1, "one for one");
        // And whoever ends its subscription gives back what it has.
        send(&mut client, "UNSUBSCRIBE\nid:q\nreceipt:u\n\n");
        assert_eq!(receipt(&mut client), "u");
        assert_eq!(state(&test, "/queue/a").1, 0);
        let mut drain = connect(&mut test, "/stomp", "1.2");
        consume(&mut drain, "q", "/queue/a", "");
        assert_eq!(frames(&mut drain).len(), usize::from(PREFETCH_DEFAULT) + 4);
    }
    for wrong in ["0", "1001", "-1", "+1", "x", ""] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        let head = "SUBSCRIBE\nid:q\ndestination:/queue/a\n";
        send(&mut client, &format!("{head}prefetch-count:{wrong}\n\n"));
        assert_fatal(&mut client, "bad-header", 1008);
    }
}

#[test]
fn s91_a_selector_leaves_the_others_for_others() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    consume(&mut client, "q", "/queue/a", "selector:size > 10\n");
    for size in ["5", "50"] {
        put(&mut client, "/queue/a", &format!("size:{size}\n"), size);
    }
    assert_eq!(bodies(&mut client), ["50"]);
    assert_eq!(state(&test, "/queue/a"), (1, 0, 1));
    consume(&mut client, "r", "/queue/a", "");
    assert_eq!(bodies(&mut client), ["5"]);
}

#[test]
fn s94_a_full_queue_refuses_whoever_sends() {
    let mut test = start();
    let mut client = stubborn(&mut test, "1.2");
    for number in 0..5 {
        put(
            &mut client,
            "/queue/small",
            "receipt:r\n",
            &number.to_string(),
        );
    }
    let all = frames(&mut client);
    let commands: Vec<&str> = all.iter().map(Received::command).collect();
    assert_eq!(
        commands,
        ["RECEIPT", "RECEIPT", "RECEIPT", "ERROR", "ERROR"]
    );
    assert_eq!(all[3].header("message"), Some("queue-full"));
    assert!(test.handle().publish("/queue/small", "x").is_err());
    // Once somebody has taken something there is room again.
    consume(
        &mut client,
        "q",
        "/queue/small",
        "ack:client\nprefetch-count:1\n",
    );
    let first = message(&mut client);
    assert_eq!(first.body(), "0", "the oldest first");
    settle(&mut client, "ACK", &first, "");
    assert_eq!(message(&mut client).body(), "1");
    assert!(test.handle().publish("/queue/small", "x").is_ok());
}

#[test]
fn s91_whoever_leaves_however_gives_back_in_order_what_it_had() {
    let mut test = start();
    let mut sender = connect(&mut test, "/stomp", "1.2");
    for number in 0..4 {
        put(&mut sender, "/queue/a", "", &number.to_string());
    }
    for way in ["cut", "disconnect", "error"] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        consume(
            &mut client,
            "q",
            "/queue/a",
            "ack:client\nprefetch-count:3\n",
        );
        assert_eq!(bodies(&mut client), ["0", "1", "2"], "before it is {way}");
        match way {
            "cut" => drop(client),
            "disconnect" => send(&mut client, "DISCONNECT\n\n"),
            _ => send(&mut client, "NONSENSE\n\n"),
        }
        test.settle();
        assert_eq!(state(&test, "/queue/a"), (4, 0, 0), "{way}");
    }
    let mut last = connect(&mut test, "/stomp", "1.2");
    consume(&mut last, "q", "/queue/a", "");
    let all = frames(&mut last);
    let counts: Vec<_> = all.iter().map(|one| one.header("delivery-count")).collect();
    let often = Some("4");
    assert_eq!(counts, [often, often, often, None]);
    assert_eq!(state(&test, "/queue/a").0, 0);
}

#[test]
fn s91_what_queues_do_not_have_is_refused() {
    let mut test = start();
    for (more, word) in [
        ("destination:/queue/**\n", "no-patterns"),
        ("destination:/queue/a?\n", "no-patterns"),
        ("destination:/queue/a\nselector:a =\n", "bad-selector"),
        ("destination:/queue/a\nafter:0-1\nreceipt:r\n", "no-history"),
    ] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        send(&mut client, &format!("SUBSCRIBE\nid:0\n{more}\n"));
        assert_fatal(&mut client, word, 1008);
    }
    let mut sender = stubborn(&mut test, "1.2");
    for wrong in ["soon", "-1", "1.5", ""] {
        put(
            &mut sender,
            "/queue/a",
            &format!("expiration:{wrong}\n"),
            "x",
        );
        assert_eq!(word(&mut sender), "bad-header", "{wrong}");
    }
    // Where there is no queue it is a header like any other.
    put(&mut sender, "/topic/a", "expiration:soon\nreceipt:r\n", "x");
    assert_eq!(receipt(&mut sender), "r");
    let mut twice = connect(&mut test, "/stomp", "1.2");
    consume(&mut twice, "0", "/queue/a", "");
    send(&mut twice, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    assert_fatal(&mut twice, "duplicate-subscription", 1008);
}

#[test]
fn s91_springs_queues_are_topics() {
    let broker = Broker::new()
        .topics(["/topic", "/queue"])
        .clients_may_send("/queue/**");
    let mut test = start_with(broker);
    let mut ada = connect(&mut test, "/stomp", "1.2");
    let mut bob = connect(&mut test, "/stomp", "1.2");
    for client in [&mut ada, &mut bob] {
        consume(client, "q", "/queue/*", "");
    }
    put(&mut ada, "/queue/a", "", "to all");
    for client in [&mut ada, &mut bob] {
        assert_eq!(bodies(client), ["to all"]);
    }
}

#[test]
fn s148_s158_interceptors_and_events_see_queues_as_they_see_topics() {
    let notes = Notes::default();
    let (begun, ended) = (notes.clone(), notes.clone());
    let note = |notes: &Notes, word: &str, one: Subscription| {
        let text = format!("{word} {:?} {}", one.id, one.destination);
        notes.lock().expect("not poisoned").push(text);
    };
    let endpoint = StompEndpoint::new()
        .on_subscribed(move |one: Subscription| {
            note(&begun, "begun", one);
            async {}
        })
        .on_unsubscribed(move |one: Subscription| {
            note(&ended, "ended", one);
            async {}
        });
    let no_blue = |_: &Session, message: &OutboundMessage<'_>| {
        assert_eq!(message.destination(), "/queue/a");
        match message.headers().get("colour") {
            Some("blue") => Delivery::Dropped,
            _ => Delivery::AsItIs,
        }
    };
    let app = Campanile::builder()
        .broker(broker())
        .outbound(no_blue)
        .stomp("/stomp", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    consume(&mut client, "q", "/queue/a", "ack:client\n");
    for colour in ["blue", "red"] {
        put(
            &mut client,
            "/queue/a",
            &format!("colour:{colour}\n"),
            colour,
        );
    }
    assert_eq!(bodies(&mut client), ["red"]);
    assert_eq!(
        state(&test, "/queue/a").1,
        1,
        "what was dropped is dealt with"
    );
    send(&mut client, "UNSUBSCRIBE\nid:q\nreceipt:u\n\n");
    assert_eq!(receipt(&mut client), "u");
    let notes = notes.lock().expect("not poisoned").clone();
    let name = "Some(\"q\") /queue/a";
    assert_eq!(notes, [format!("begun {name}"), format!("ended {name}")]);
}

#[test]
fn s99_who_is_at_a_destination_and_how_many() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut again = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut guest = connect(&mut test, "/stomp", "1.2");
    let mut other = connect(&mut test, "/stomp?user=bob", "1.2");
    consume(&mut ada, "t", "/topic/a", "");
    consume(&mut ada, "u", "/topic/*", "");
    consume(&mut again, "t", "/topic/**", "");
    consume(&mut guest, "t", "/topic/a", "");
    consume(&mut other, "t", "/topic/b", "");
    consume(&mut other, "q", "/queue/a", "");
    let handle = test.handle();
    let here = test.block_on(handle.presence("/topic/a")).expect("room");
    assert!(here.is_complete());
    assert_eq!(here.sessions().len(), 3, "each once");
    assert_eq!(here.users().into_iter().collect::<Vec<_>>(), ["ada"]);
    assert_eq!(here.guests(), 1);
    assert_eq!(handle.subscriptions("/topic/a"), 4);
    let here = test.block_on(handle.presence("/queue/a")).expect("room");
    assert_eq!(here.users().into_iter().collect::<Vec<_>>(), ["bob"]);
    assert_eq!(handle.subscriptions("/queue/a"), 1);
    drop(other);
    test.settle();
    let here = test.block_on(handle.presence("/queue/a")).expect("room");
    assert!(here.sessions().is_empty());
    assert_eq!(handle.subscriptions("/queue/a"), 0);
}

#[test]
fn s33_the_server_can_end_a_consumer_and_its_id_is_free_again() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    consume(&mut client, "q", "/queue/a", "ack:client\n");
    put(&mut client, "/queue/a", "", "x");
    let had = message(&mut client);
    let handle = test.handle();
    let found = handle.find_subscriptions(|one| one.destination() == "/queue/a");
    let found = test.block_on(found).expect("room");
    assert_eq!(found.items.len(), 1);
    assert_eq!(found.items[0].id(), Some("q"));
    found.items[0].end().expect("room");
    test.settle();
    assert_eq!(state(&test, "/queue/a"), (1, 0, 0));
    consume(&mut client, "q", "/topic/a", "ack:client\n");
    // It is a topic's now.
    settle(&mut client, "ACK", &had, "");
    assert_eq!(state(&test, "/queue/a"), (1, 0, 0));
}

#[test]
fn what_is_wrong_with_queues_is_told_at_build() {
    let lost = QueueLimits {
        dead_letters: Some("/topic/dead".into()),
        ..QueueLimits::default()
    };
    for (broker, name) in [
        (
            Broker::new().queue_limits("/queue/{a:b}", limits()),
            "/queue/{a:b}",
        ),
        (Broker::new().queue_limits("/queue/a", lost), "/topic/dead"),
    ] {
        let error = Campanile::builder().broker(broker).build();
        let error = error.expect_err("a mistake");
        assert!(error.to_string().contains(name), "{error}");
        let BuildError::Broker(error) = error else {
            panic!("not the broker: {error}");
        };
        assert!(matches!(
            error,
            BrokerError::QueueLimits { .. } | BrokerError::DeadLetters { .. }
        ));
    }
}
