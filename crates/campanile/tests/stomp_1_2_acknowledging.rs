//! STOMP 1.2, clause by clause: queues, and ACK and NACK of their messages.
//!
//! | section | clause | test |
//! |---|---|---|
//! | SUBSCRIBE | `ack` "defaults to auto" | `v12_subscribe_without_ack_…` |
//! | SUBSCRIBE | `auto`: "does not need to send the server ACK frames" | `v12_subscribe_auto_…` |
//! | SUBSCRIBE | `client`: what was not processed goes "to another client" | `v12_subscribe_client_redelivers_…` |
//! | SUBSCRIBE | `client`: "cumulative", "sent to the subscription before" | `v12_subscribe_client_is_cumulative_…` |
//! | SUBSCRIBE | `client-individual`: "not cumulative" | `v12_subscribe_client_individual_…` |
//! | UNSUBSCRIBE | "no longer receive messages from that subscription" | `v12_unsubscribe_…` |
//! | ACK | `id` "matching the `ack` header of the MESSAGE" | `v12_ack_matches_…` |
//! | ACK | "will not be considered to have been consumed until" | `v12_ack_or_nack_…` |
//! | NACK | "the opposite of ACK", "to a different client" | `v12_nack_goes_to_another_…` |
//! | NACK | one message or all "sent before and not yet ACK'ed or NACK'ed" | `v12_nack_is_for_…` |
//! | NACK | "discard it, or put it in a dead letter queue" | `v12_nack_may_discard_…` |
//! | MESSAGE | an `ack` header where it "requires explicit acknowledgment" | `v12_message_has_an_ack_…` |
//! | MESSAGE | `destination`, `message-id`, `subscription`, the sender's headers | `v12_message_is_the_same_…` |
//! | RECEIPT | "successfully processed"; "all the previous frames" | `v12_receipt_…` |
//! | ERROR | "MUST then close the connection" | `v12_error_…` |

mod support;

use std::collections::HashSet;

use support::acknowledging::{
    QUEUE, REST, bodies, consume, consumer, left, messages, put, put_with, queueing, settle,
    settling,
};
use support::conform::{count, receipt, texts};
use support::stomp::{Received, connect, refusal, send};

#[test]
fn v12_subscribe_without_ack_is_auto() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.2");
    let head = format!("SUBSCRIBE\nid:0\ndestination:{QUEUE}\n");
    send(&mut client, &format!("{head}receipt:r\n\n"));
    assert_eq!(receipt(&mut client), "r");
    put(&mut test, &["1", "2"]);
    let got = messages(&mut client);
    assert_eq!(got.len(), 2);
    assert!(got.iter().all(|one| count(one, "ack") == 0));
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_v12_subscribe_auto_needs_no_acks_however_many_there_are() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "auto", "prefetch-count:2\n");
    let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let all: Vec<&str> = numbers.iter().map(String::as_str).collect();
    put(&mut test, &all);
    assert_eq!(bodies(&mut client), numbers);
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_s91_v12_subscribe_client_redelivers_to_another_when_a_connection_fails() {
    for mode in ["client", "client-individual"] {
        let mut test = queueing();
        let mut client = consumer(&mut test, "1.2", mode, "");
        put(&mut test, &["1", "2", "3", "4"]);
        let got = messages(&mut client);
        let mut other = consumer(&mut test, "1.2", mode, "");
        settle(&mut client, "1.2", "ACK", &got[0]);
        client.disconnect();
        let again = messages(&mut other);
        let those: Vec<&str> = again.iter().map(Received::body).collect();
        assert_eq!(those, ["2", "3", "4"], "in their order");
        for message in &again {
            assert_eq!(message.header("delivery-count"), Some("2"));
            settle(&mut other, "1.2", "ACK", message);
        }
        other.disconnect();
        assert_eq!(left(&mut test), [""; 0], "{mode}");
    }
}

#[test]
fn s71_v12_subscribe_client_is_cumulative_within_its_subscription() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.2");
    for (id, selector) in [("odd", "n IN ('1', '3', '5')"), ("even", "n IN ('2', '4')")] {
        consume(&mut client, id, "client", &format!("selector:{selector}\n"));
    }
    for n in ["1", "2", "3", "4", "5"] {
        put_with(&mut test, &format!("n:{n}\n"), n);
    }
    let got = messages(&mut client);
    let find = |body: &str| got.iter().find(|one| one.body() == body).expect("it came");
    settle(&mut client, "1.2", "ACK", find("3"));
    // What it has covered cannot be acknowledged once more.
    send(&mut client, &settling("1.2", "ACK", find("1"), "\n"));
    assert_eq!(refusal(&mut client).0, "not-delivered");
    assert_eq!(left(&mut test), ["2", "4", "5"]);
}

#[test]
fn s71_v12_subscribe_client_individual_never_acknowledges_a_previous_message() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client-individual", "");
    put(&mut test, &["1", "2", "3", "4"]);
    let got = messages(&mut client);
    settle(&mut client, "1.2", "ACK", &got[2]);
    settle(&mut client, "1.2", "NACK", &got[3]);
    settle(&mut client, "1.2", "ACK", &got[0]);
    client.disconnect();
    assert_eq!(left(&mut test), ["2", "4"]);
}

#[test]
fn v12_unsubscribe_ends_it_and_others_get_what_was_not_acknowledged() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client", "");
    put(&mut test, &["1", "2", "3"]);
    let got = messages(&mut client);
    settle(&mut client, "1.2", "ACK", &got[0]);
    send(&mut client, "UNSUBSCRIBE\nid:0\nreceipt:r\n\n");
    assert_eq!(receipt(&mut client), "r");
    put(&mut test, &["4"]);
    assert_eq!(bodies(&mut client), [""; 0]);
    // The same id may be used again, and names none of the messages from before.
    consume(&mut client, "0", "client", "");
    let again = messages(&mut client);
    let those: Vec<&str> = again.iter().map(Received::body).collect();
    assert_eq!(those, ["2", "3", "4"]);
    settle(&mut client, "1.2", "ACK", &again[2]);
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_v12_ack_matches_what_this_session_was_given() {
    for command in ["ACK", "NACK"] {
        let mut test = queueing();
        put(&mut test, &["1"]);
        let wrong = [
            "x", "0", ",", "0-0,0", "ID,", ",0", "IDx", "xID", "ID\\c", "\\\\",
        ];
        for one in wrong {
            let mut client = consumer(&mut test, "1.2", "client-individual", "");
            let got = messages(&mut client);
            let id = got[0].header("ack").expect("an id");
            let id = one.replace("ID", id);
            let frame = format!("{command}\nid:{id}\nreceipt:r\n\n");
            send(&mut client, &frame);
            let error = Received::next(&mut client);
            assert_eq!(error.header("message"), Some("not-delivered"), "{frame}");
            assert_eq!(error.header("receipt-id"), Some("r"));
        }
        assert_eq!(left(&mut test), ["1"]);
    }
}

#[test]
fn s71_v12_ack_or_nack_of_another_sessions_message_does_nothing_to_it() {
    for command in ["ACK", "NACK"] {
        for subscribed in [false, true] {
            let mut test = queueing();
            let mut victim = consumer(&mut test, "1.2", "client-individual", "");
            put(&mut test, &["1"]);
            let got = messages(&mut victim);
            let mut eve = match subscribed {
                true => consumer(&mut test, "1.2", "client-individual", ""),
                false => connect(&mut test, "/stomp", "1.2"),
            };
            send(&mut eve, &settling("1.2", command, &got[0], "\n"));
            assert_eq!(refusal(&mut eve).0, "not-delivered");
            test.advance(REST);
            assert_eq!(victim.received(), []);
            settle(&mut victim, "1.2", "ACK", &got[0]);
            victim.disconnect();
            assert_eq!(left(&mut test), [""; 0]);
        }
    }
}

#[test]
fn s71_v12_ack_or_nack_is_for_one_delivery_and_once() {
    for (first, second) in [
        ("ACK", "ACK"),
        ("ACK", "NACK"),
        ("NACK", "ACK"),
        ("NACK", "NACK"),
    ] {
        let mut test = queueing();
        let mut client = consumer(&mut test, "1.2", "client-individual", "");
        put(&mut test, &["1"]);
        let got = messages(&mut client);
        settle(&mut client, "1.2", first, &got[0]);
        send(&mut client, &settling("1.2", second, &got[0], "\n"));
        assert_eq!(refusal(&mut client).0, "not-delivered", "{first} {second}");
        let rest = usize::from(first == "NACK");
        assert_eq!(left(&mut test).len(), rest, "{first} {second}");
    }
}

#[test]
fn s71_s91_v12_nack_goes_to_another_client_when_it_has_rested() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client-individual", "");
    put(&mut test, &["1"]);
    let got = messages(&mut client);
    let mut other = consumer(&mut test, "1.2", "client-individual", "");
    settle(&mut client, "1.2", "NACK", &got[0]);
    assert_eq!(bodies(&mut other), [""; 0]);
    test.advance(REST);
    let again = messages(&mut other);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].header("delivery-count"), Some("2"));
    assert_eq!(bodies(&mut client), [""; 0]);
    settle(&mut other, "1.2", "ACK", &again[0]);
    other.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_v12_nack_is_for_one_message_or_for_all_before_it_as_the_mode_says() {
    for (mode, expected) in [
        ("client", &["1", "2", "3"][..]),
        ("client-individual", &["3"][..]),
    ] {
        let mut test = queueing();
        let mut client = consumer(&mut test, "1.2", mode, "");
        put(&mut test, &["0", "1", "2", "3", "4"]);
        let got = messages(&mut client);
        settle(&mut client, "1.2", "ACK", &got[0]);
        settle(&mut client, "1.2", "NACK", &got[3]);
        let mut other = consumer(&mut test, "1.2", "client", "");
        test.advance(REST);
        assert_eq!(bodies(&mut other), expected, "{mode}");
        // What was sent after it is still there to be acknowledged.
        settle(&mut client, "1.2", "ACK", &got[4]);
    }
}

#[test]
fn s71_v12_nack_may_discard_what_its_header_gives_up() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client-individual", "");
    put(&mut test, &["1", "2"]);
    let got = messages(&mut client);
    for (message, requeue) in got.iter().zip(["true", "false"]) {
        let headers = format!("requeue:{requeue}\nreceipt:{requeue}\n\n");
        let nack = settling("1.2", "NACK", message, &headers);
        send(&mut client, &nack);
        assert_eq!(receipt(&mut client), requeue);
    }
    let mut other = consumer(&mut test, "1.2", "client-individual", "");
    test.advance(REST);
    assert_eq!(bodies(&mut other), ["1"]);
    other.disconnect();
    client.disconnect();
    assert_eq!(left(&mut test), ["1"]);
}

#[test]
fn s71_v12_message_has_an_ack_header_of_its_own_where_it_is_to_be_acknowledged() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.2");
    let mut seen = HashSet::new();
    for (id, mode) in [
        ("a\\cb", "client"),
        ("b,c", "client-individual"),
        ("d", "auto"),
    ] {
        consume(&mut client, id, mode, &format!("selector:to = '{mode}'\n"));
    }
    for mode in ["client", "client-individual", "auto"] {
        put_with(&mut test, &format!("to:{mode}\nack:forged\n"), mode);
        put_with(&mut test, &format!("to:{mode}\n"), mode);
    }
    let got = messages(&mut client);
    assert_eq!(got.len(), 6);
    for message in &got {
        let explicit = usize::from(message.body() != "auto");
        assert_eq!(count(message, "ack"), explicit, "{}", message.0);
        if let Some(ack) = message.header("ack") {
            assert!(seen.insert(ack.to_owned()), "{ack} names two messages");
            settle(&mut client, "1.2", "ACK", message);
        }
    }
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn v12_message_is_the_same_whenever_it_comes() {
    let mut test = queueing();
    let own = "Zeta:1\nalpha\\c:2\ncontent-type:text/plain\nredelivered:x\ndelivery-count:9\n";
    put_with(&mut test, own, " hello\n");
    let mut ids = HashSet::new();
    for (time, version) in ["1.2", "1.1", "1.2", "1.2"].iter().enumerate() {
        let mut client = consumer(&mut test, version, "client", "");
        let got = messages(&mut client);
        let message = &got[0];
        for name in [
            "destination",
            "message-id",
            "subscription",
            "content-length",
        ] {
            assert_eq!(count(message, name), 1, "{name}");
        }
        assert_eq!(message.header("destination"), Some(QUEUE));
        assert_eq!(message.header("Zeta"), Some("1"));
        assert_eq!(message.header("alpha\\c"), Some("2"));
        assert_eq!(message.header("content-type"), Some("text/plain"));
        assert_eq!(message.body(), " hello\n");
        let count_of = (time > 0).then(|| (time + 1).to_string());
        assert_eq!(message.header("delivery-count"), count_of.as_deref());
        let redelivered = (time > 0).then_some("true");
        assert_eq!(message.header("redelivered"), redelivered);
        ids.insert(message.header("message-id").map(str::to_owned));
        client.disconnect();
    }
    assert_eq!(ids.len(), 1, "it is one message");
}

#[test]
fn v12_receipt_is_for_all_the_frames_before_it() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client-individual", "");
    put(&mut test, &["1", "2", "3"]);
    let got = messages(&mut client);
    let acks: String = got[..2]
        .iter()
        .map(|one| settling("1.2", "ACK", one, "\n\0"))
        .collect();
    let send_last = format!("SEND\ndestination:{QUEUE}\nreceipt:last\n\n4\0");
    client.send_text(&format!("{acks}{send_last}"));
    let answers = texts(&mut client);
    assert!(
        answers.contains(&"RECEIPT\nreceipt-id:last\n\n".to_owned()),
        "{answers:?}"
    );
    client.disconnect();
    assert_eq!(left(&mut test), ["3", "4"]);
}

#[test]
fn v12_error_is_the_end_and_others_get_what_was_in_flight() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.2", "client", "");
    put(&mut test, &["1", "2"]);
    assert_eq!(bodies(&mut client), ["1", "2"]);
    send(&mut client, "ACK\nid:nobody's\nreceipt:r\n\n");
    let error = Received::next(&mut client);
    assert_eq!(error.header("receipt-id"), Some("r"));
    assert!(!error.body().is_empty(), "it says what to do");
    assert_eq!(client.next_close().0, 1008);
    assert_eq!(left(&mut test), ["1", "2"]);
}
