//! ACK and NACK: when a message of a queue is done, and what becomes of it otherwise.

mod support;

use std::time::Duration;

use support::conform::{assert_fatal, receipt};
use support::queues::{DELAY, consume, frames, message, put, settle, start, state};
use support::stomp::{connect, send};

#[test]
fn s71_client_acknowledges_what_came_before_and_client_individual_does_not() {
    let mut test = start();
    for (mode, left) in [("client", 1), ("client-individual", 2)] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        let queue = format!("/queue/{mode}");
        consume(&mut client, "q", &queue, &format!("ack:{mode}\n"));
        for number in 0..3 {
            put(&mut client, &queue, "", &number.to_string());
        }
        let all = frames(&mut client);
        assert_eq!(state(&test, &queue), (0, 3, 1));
        settle(&mut client, "ACK", &all[1], "");
        assert_eq!(state(&test, &queue), (0, left, 1), "{mode}");
        drop(client);
        // What was not acknowledged goes to whoever comes.
        let mut next = connect(&mut test, "/stomp", "1.2");
        consume(&mut next, "q", &queue, "");
        let again = frames(&mut next);
        assert_eq!(again.len(), left);
        for frame in again {
            assert_eq!(frame.header("redelivered"), Some("true"));
            assert_eq!(frame.header("delivery-count"), Some("2"));
        }
    }
}

#[test]
fn s71_each_version_acknowledges_in_its_own_form() {
    let mut test = start();
    for (version, form) in [("1.0", 0), ("1.0", 1), ("1.1", 1), ("1.2", 2)] {
        let mut client = connect(&mut test, "/stomp", version);
        consume(&mut client, "a,1", "/queue/q", "ack:client\n");
        put(&mut client, "/queue/q", "", "x");
        let message = message(&mut client);
        let header = |name: &str| message.header(name).expect("a header").to_owned();
        assert_eq!(message.header("ack").is_some(), version == "1.2");
        let named = match form {
            0 => format!("message-id:{}\n", header("message-id")),
            1 => {
                let (id, subscription) = (header("message-id"), header("subscription"));
                format!("message-id:{id}\nsubscription:{subscription}\n")
            }
            _ => format!("id:{}\n", header("ack")),
        };
        assert_eq!(state(&test, "/queue/q").1, 1);
        send(&mut client, &format!("ACK\n{named}receipt:r\n\n"));
        assert_eq!(receipt(&mut client), "r");
        assert_eq!(state(&test, "/queue/q").1, 0, "{version}");
        // Once is enough.
        send(&mut client, &format!("ACK\n{named}\n"));
        assert_fatal(&mut client, "not-delivered", 1008);
    }
}

#[test]
fn s71_a_rejected_message_goes_to_another_consumer_after_a_delay() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp", "1.2");
    consume(&mut ada, "q", "/queue/work/a", "ack:client-individual\n");
    put(&mut ada, "/queue/work/a", "colour:red\n", "x");
    let first = message(&mut ada);
    assert_eq!(first.header("redelivered"), None);
    let mut bob = connect(&mut test, "/stomp", "1.2");
    consume(&mut bob, "q", "/queue/work/a", "ack:client-individual\n");
    settle(&mut ada, "NACK", &first, "");
    assert!(frames(&mut bob).is_empty(), "it rests first");
    test.advance(DELAY + Duration::from_millis(500));
    assert!(frames(&mut ada).is_empty());
    let again = message(&mut bob);
    assert_eq!(again.header("redelivered"), Some("true"));
    assert_eq!(again.header("delivery-count"), Some("2"));
    assert_eq!(again.header("message-id"), first.header("message-id"));
    assert_eq!(again.header("colour"), Some("red"));
    settle(&mut bob, "ACK", &again, "");
    assert_eq!(state(&test, "/queue/work/a"), (0, 0, 2));
}

#[test]
fn s71_what_is_rejected_too_often_or_not_wanted_again_is_a_dead_letter() {
    let mut test = start();
    let mut dead = connect(&mut test, "/stomp", "1.2");
    consume(&mut dead, "d", "/queue/dead", "");
    let mut client = connect(&mut test, "/stomp", "1.2");
    consume(&mut client, "q", "/queue/work/a", "ack:client\n");
    put(&mut client, "/queue/work/a", "", "often");
    for round in 1..=3 {
        let one = message(&mut client);
        let count = (round > 1).then(|| round.to_string());
        assert_eq!(one.header("delivery-count"), count.as_deref());
        settle(&mut client, "NACK", &one, "");
        test.advance(DELAY + Duration::from_millis(500));
    }
    let letter = message(&mut dead);
    assert_eq!(letter.body(), "often");
    assert_eq!(letter.header("dead-letter-reason"), Some("rejected"));
    assert_eq!(letter.header("dead-letter-queue"), Some("/queue/work/a"));
    put(&mut client, "/queue/work/a", "", "at once");
    let one = message(&mut client);
    settle(&mut client, "NACK", &one, "requeue:false\n");
    let letter = message(&mut dead);
    assert_eq!(letter.header("dead-letter-reason"), Some("discarded"));
    // A message may say how long it waits, of which nobody can be told a lie.
    let mut sender = connect(&mut test, "/stomp", "1.2");
    let forged = "dead-letter-reason:mine\nredelivered:true\ndelivery-count:7\n";
    let more = format!("expiration:5000\n{forged}");
    put(&mut sender, "/queue/work/b", &more, "late");
    test.advance(Duration::from_secs(4));
    assert_eq!(state(&test, "/queue/work/b").0, 1);
    test.advance(Duration::from_secs(2));
    let letter = message(&mut dead);
    assert_eq!(letter.header("dead-letter-reason"), Some("expired"));
    assert_eq!(letter.header("redelivered"), None);
    assert_eq!(letter.header("delivery-count"), None);
}

#[test]
fn s71_under_client_a_rejection_is_of_what_came_before_too() {
    let mut test = start();
    for (mode, left) in [("client", 1), ("client-individual", 2)] {
        let mut client = connect(&mut test, "/stomp", "1.2");
        let queue = format!("/queue/work/{mode}");
        consume(&mut client, "q", &queue, &format!("ack:{mode}\n"));
        for number in 0..3 {
            put(&mut client, &queue, "", &number.to_string());
        }
        let all = frames(&mut client);
        settle(&mut client, "NACK", &all[1], "");
        assert_eq!(state(&test, &queue).1, left, "{mode}");
        test.advance(DELAY + Duration::from_millis(500));
        let again = frames(&mut client);
        assert_eq!(again.len(), 3 - left, "{mode}");
    }
}

#[test]
fn s71_what_is_not_this_sessions_cannot_be_acknowledged() {
    let mut test = start();
    let mut owner = connect(&mut test, "/stomp", "1.2");
    consume(&mut owner, "q", "/queue/a", "ack:client\n");
    put(&mut owner, "/queue/a", "", "x");
    let theirs = message(&mut owner);
    let id = theirs.header("message-id").expect("an id").to_owned();
    for (version, more) in [
        ("1.2", format!("id:{id},q\n")),
        ("1.2", format!("id:{id}\n")),
        ("1.2", "id:nonsense\n".to_owned()),
        ("1.2", format!("id:{id},other\n")),
        ("1.1", format!("message-id:{id}\nsubscription:q\n")),
        ("1.1", "message-id:0-1\nsubscription:q\n".to_owned()),
        ("1.0", format!("message-id:{id}\n")),
    ] {
        for command in ["ACK", "NACK"] {
            if (version, command) == ("1.0", "NACK") {
                continue;
            }
            let mut other = connect(&mut test, "/stomp", version);
            // On the same queue.
            consume(&mut other, "q", "/queue/a", "ack:client\n");
            send(&mut other, &format!("{command}\n{more}\n"));
            assert_fatal(&mut other, "not-delivered", 1008);
        }
    }
    assert_eq!(
        state(&test, "/queue/a"),
        (0, 1, 1),
        "nothing has happened to it"
    );
    settle(&mut owner, "ACK", &theirs, "");
}

#[test]
fn s71_on_topics_acknowledgements_are_accepted_and_do_nothing() {
    let mut test = start();
    for (version, more) in [
        ("1.0", "message-id:whatever\n"),
        ("1.0", "message-id:whatever\nsubscription:t\n"),
        ("1.1", "message-id:whatever\nsubscription:t\n"),
        ("1.2", "id:whatever,t\n"),
    ] {
        let mut client = connect(&mut test, "/stomp", version);
        consume(&mut client, "t", "/topic/a", "ack:client\n");
        consume(&mut client, "q", "/queue/a", "ack:client\n");
        send(&mut client, &format!("ACK\n{more}receipt:r\n\n"));
        assert_eq!(receipt(&mut client), "r", "{version} {more}");
    }
}
