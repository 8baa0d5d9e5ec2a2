//! Where an outbox policy has dropped something, a MESSAGE says so.

mod support;

use campanile::testing::{TestApplication, TestClient};
use campanile::{Campanile, Message, OutboxPolicy, Overflow, StompEndpoint};

use support::conform::{subscribe, texts};
use support::stomp::{Received, connect};

const SENT: usize = 200;

/// An application whose STOMP sessions have room for few publications.
fn start(overflow: Overflow) -> TestApplication {
    let policy = OutboxPolicy {
        bytes_max: 8 << 10,
        overflow,
        ..OutboxPolicy::default()
    };
    let app = Campanile::builder().stomp("/stomp", StompEndpoint::new().outbox(policy));
    TestApplication::start(app.build().expect("an application"))
}

fn publish(test: &TestApplication, number: usize) {
    let message = Message::text(format!("{number} {}", "x".repeat(300)));
    let accepted = test.handle().publish("/topic/a", message.with_key("k"));
    accepted.expect("room in the inboxes");
}

/// What a client has got: the number of a publication, or how many are said to be missing.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Message(usize),
    Gap(usize),
}

fn got(client: &mut TestClient, subscription: &str) -> Vec<Got> {
    let frames = texts(client).into_iter().map(Received);
    let of_it = frames.filter(|frame| frame.header("subscription") == Some(subscription));
    of_it
        .map(|frame| {
            assert_eq!(frame.command(), "MESSAGE", "{}", frame.0);
            assert_eq!(frame.header("destination"), Some("/topic/a"));
            assert!(frame.header("message-id").is_some());
            let Some(gap) = frame.header("gap") else {
                let number = frame.body().split(' ').next().unwrap_or_default();
                return Got::Message(number.parse().expect("a number"));
            };
            assert_eq!(frame.header("content-length"), Some("0"));
            assert_eq!(frame.header("ack"), None);
            assert_eq!(frame.body(), "");
            Got::Gap(gap.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn s29_s98_each_version_is_told_how_many_were_dropped_and_where() {
    for overflow in [
        Overflow::DropOldest,
        Overflow::DropNewest,
        Overflow::Conflate,
    ] {
        let mut test = start(overflow);
        for version in ["1.0", "1.1", "1.2"] {
            let mut client = connect(&mut test, "/stomp", version);
            subscribe(&mut client, "a:1", "/topic/a");
            client.stop_reading(0);
            for number in 0..SENT {
                publish(&test, number);
                test.settle();
            }
            client.go_on_reading();
            // Escapes are of 1.1 and 1.2.
            let id = if version == "1.0" { "a:1" } else { "a\\c1" };
            let all = got(&mut client, id);
            // Nothing is missing that was not told of, and all is in order.
            let mut next = 0;
            let mut gaps = 0;
            for one in &all {
                match one {
                    Got::Message(number) => {
                        assert_eq!(*number, next, "{overflow:?} {version}: {all:?}");
                        next += 1;
                    }
                    Got::Gap(count) => {
                        next += count;
                        gaps += 1;
                    }
                }
            }
            assert_eq!(next, SENT, "{overflow:?} {version}: {all:?}");
            assert!(gaps > 0, "{overflow:?} {version}: {all:?}");
            publish(&test, SENT);
            assert_eq!(got(&mut client, id), [Got::Message(SENT)]);
        }
    }
}

#[test]
fn s98_a_marker_is_of_the_subscription_that_has_lost_something() {
    let mut test = start(Overflow::DropOldest);
    let mut client = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut client, "a", "/topic/a");
    subscribe(&mut client, "b", "/topic/b");
    client.stop_reading(0);
    let accepted = test.handle().publish("/topic/b", "kept?");
    accepted.expect("room in the inboxes");
    for number in 0..SENT {
        publish(&test, number);
        test.settle();
    }
    client.go_on_reading();
    let frames: Vec<Received> = texts(&mut client).into_iter().map(Received).collect();
    let of = |id: &str| {
        let own = frames
            .iter()
            .filter(move |one| one.header("subscription") == Some(id));
        own.map(|one| {
            one.header("gap")
                .map_or(1, |gap| gap.parse().expect("a number"))
        })
        .sum::<usize>()
    };
    assert_eq!(of("a"), SENT);
    assert_eq!(of("b"), 1);
    let mut gaps = frames.iter().filter(|one| one.header("gap").is_some());
    let of_b = |one: &Received| one.header("destination") == Some("/topic/b");
    assert!(gaps.all(|one| (one.header("subscription") == Some("b")) == of_b(one)));
}
