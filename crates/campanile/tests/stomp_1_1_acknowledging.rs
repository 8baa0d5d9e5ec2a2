//! STOMP 1.1, clause by clause: queues, and ACK and NACK of their messages.
//!
//! | section | clause | test |
//! |---|---|---|
//! | SUBSCRIBE | `ack` "defaults to auto"; "valid values" | `v11_subscribe_ack_…` |
//! | SUBSCRIBE | `auto`: received "as soon as it sends it" | `v11_subscribe_auto_…` |
//! | SUBSCRIBE | `client`: "MAY redeliver … to another client" | `v11_subscribe_client_redelivers_…` |
//! | SUBSCRIBE | `client`: "cumulative" | `v11_subscribe_client_is_cumulative_…` |
//! | SUBSCRIBE | `client-individual`: "not cumulative" | `v11_subscribe_client_individual_…` |
//! | UNSUBSCRIBE | "no longer receive messages" | `v11_unsubscribe_…` |
//! | ACK | "two REQUIRED headers" | `v11_ack_and_nack_need_…` |
//! | ACK | both match the MESSAGE | `v11_ack_matches_…` |
//! | ACK | "until … acknowledged via an ACK or a NACK" | `v11_ack_or_nack_…` |
//! | NACK | "send the message to a different client" | `v11_nack_goes_to_another_…` |
//! | NACK | "to one single message … or to all messages sent before" | `v11_nack_is_for_…` |
//! | Receipt | "successfully processed" | `v11_receipt_…` |
//! | MESSAGE | its headers, and no `ack` | `v11_message_…` |

mod support;

use support::acknowledging::{
    QUEUE, REST, bodies, consume, consumer, left, messages, put, put_with, queueing, settle,
    settling,
};
use support::conform::{count, receipt};
use support::stomp::{Received, connect, refusal, send};

#[test]
fn v11_subscribe_ack_has_three_values_and_defaults_to_auto() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.1");
    let head = format!("SUBSCRIBE\nid:0\ndestination:{QUEUE}\n");
    send(&mut client, &format!("{head}receipt:r\n\n"));
    assert_eq!(receipt(&mut client), "r");
    put(&mut test, &["1"]);
    assert_eq!(bodies(&mut client), ["1"]);
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
    for mode in ["", " auto", "AUTO", "client individual", "individual"] {
        let mut client = connect(&mut test, "/stomp", "1.1");
        send(&mut client, &format!("{head}ack:{mode}\n\n"));
        assert_eq!(refusal(&mut client).0, "bad-header", "{mode:?}");
    }
}

#[test]
fn s71_v11_subscribe_auto_is_done_as_soon_as_it_is_sent() {
    let mut test = queueing();
    put(&mut test, &["1", "2", "3"]);
    let mut client = consumer(&mut test, "1.1", "auto", "prefetch-count:1\n");
    // No ACK is needed for the next one to come.
    assert_eq!(bodies(&mut client), ["1", "2", "3"]);
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_s91_v11_subscribe_client_redelivers_to_another_when_a_connection_fails() {
    for mode in ["client", "client-individual"] {
        let mut test = queueing();
        let mut client = consumer(&mut test, "1.1", mode, "");
        put(&mut test, &["1", "2", "3"]);
        let got = messages(&mut client);
        let mut other = consumer(&mut test, "1.1", mode, "");
        assert_eq!(bodies(&mut other), [""; 0], "one consumer has each message");
        settle(&mut client, "1.1", "ACK", &got[0]);
        client.disconnect();
        let again = messages(&mut other);
        let bodies: Vec<&str> = again.iter().map(Received::body).collect();
        assert_eq!(bodies, ["2", "3"], "in their order");
        for message in &again {
            assert_eq!(message.header("redelivered"), Some("true"));
            settle(&mut other, "1.1", "ACK", message);
        }
        other.disconnect();
        assert_eq!(left(&mut test), [""; 0]);
    }
}

#[test]
fn s71_v11_subscribe_client_is_cumulative_within_its_subscription() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.1");
    for (id, selector) in [("odd", "n IN ('1', '3', '5')"), ("even", "n IN ('2', '4')")] {
        consume(&mut client, id, "client", &format!("selector:{selector}\n"));
    }
    for n in ["1", "2", "3", "4", "5"] {
        put_with(&mut test, &format!("n:{n}\n"), n);
    }
    let got = messages(&mut client);
    assert_eq!(got.len(), 5);
    let third = got.iter().find(|one| one.body() == "3").expect("the third");
    settle(&mut client, "1.1", "ACK", third);
    // What it has covered cannot be acknowledged once more.
    let first = got.iter().find(|one| one.body() == "1").expect("the first");
    send(&mut client, &settling("1.1", "ACK", first, "\n"));
    assert_eq!(refusal(&mut client).0, "not-delivered");
    assert_eq!(left(&mut test), ["2", "4", "5"]);
}

#[test]
fn s71_v11_subscribe_client_individual_never_acknowledges_a_previous_message() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.1", "client-individual", "");
    put(&mut test, &["1", "2", "3", "4"]);
    let got = messages(&mut client);
    settle(&mut client, "1.1", "ACK", &got[2]);
    settle(&mut client, "1.1", "NACK", &got[3]);
    client.disconnect();
    assert_eq!(left(&mut test), ["1", "2", "4"]);
}

#[test]
fn v11_unsubscribe_ends_it_and_others_get_what_was_not_acknowledged() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.1");
    consume(&mut client, "a\\cb", "client-individual", "");
    let mut other = consumer(&mut test, "1.1", "client", "prefetch-count:1\n");
    put(&mut test, &["1", "2", "3"]);
    let got = messages(&mut client);
    let others = messages(&mut other);
    assert_eq!((got.len(), others.len()), (2, 1));
    send(&mut client, "UNSUBSCRIBE\nid:a\\cb\nreceipt:r\n\n");
    assert_eq!(receipt(&mut client), "r");
    settle(&mut other, "1.1", "ACK", &others[0]);
    let next = messages(&mut other);
    assert_eq!(next[0].body(), got[0].body());
    assert_eq!(bodies(&mut client), [""; 0]);
    settle(&mut other, "1.1", "ACK", &next[0]);
    assert_eq!(bodies(&mut other), [got[1].body()]);
    send(&mut client, &settling("1.1", "ACK", &got[0], "\n"));
    assert_eq!(refusal(&mut client).0, "not-delivered");
}

#[test]
fn v11_ack_and_nack_need_a_message_id_and_a_subscription() {
    for command in ["ACK", "NACK"] {
        let mut test = queueing();
        put(&mut test, &["1"]);
        for forget in ["message-id", "subscription"] {
            let mut client = consumer(&mut test, "1.1", "client", "");
            let got = messages(&mut client);
            let whole = settling("1.1", command, &got[0], "id:0\n\n");
            let lines = whole.split('\n');
            let rest: Vec<&str> = lines.filter(|line| !line.starts_with(forget)).collect();
            send(&mut client, &rest.join("\n"));
            assert_eq!(refusal(&mut client).0, "missing-header", "{whole}");
        }
        assert_eq!(left(&mut test), ["1"]);
    }
}

#[test]
fn s71_v11_ack_matches_a_message_of_that_subscription() {
    for command in ["ACK", "NACK"] {
        for wrong in [
            "message-id:ID\nsubscription:1",
            "message-id:ID\nsubscription:2",
            "message-id:ID\nsubscription:",
            "message-id:IDx\nsubscription:0",
            "message-id:ID,0\nsubscription:0",
            "message-id:0-0\nsubscription:0",
            "message-id:\nsubscription:0",
        ] {
            let mut test = queueing();
            put(&mut test, &["x"]);
            let mut client = consumer(&mut test, "1.1", "client", "");
            let got = messages(&mut client);
            assert_eq!(got[0].header("subscription"), Some("0"));
            consume(&mut client, "1", "client", "");
            let id = got[0].header("message-id").expect("an id");
            let names = wrong.replace("ID", id);
            send(&mut client, &format!("{command}\n{names}\nreceipt:r\n\n"));
            let error = Received::next(&mut client);
            assert_eq!(error.header("message"), Some("not-delivered"), "{names}");
            assert_eq!(error.header("receipt-id"), Some("r"));
            assert_eq!(left(&mut test), ["x"], "{command} {names}");
        }
    }
}

#[test]
fn s71_v11_ack_or_nack_is_for_one_delivery_and_once() {
    for (first, second) in [
        ("ACK", "ACK"),
        ("ACK", "NACK"),
        ("NACK", "ACK"),
        ("NACK", "NACK"),
    ] {
        let mut test = queueing();
        let mut client = consumer(&mut test, "1.1", "client-individual", "");
        put(&mut test, &["1"]);
        let got = messages(&mut client);
        settle(&mut client, "1.1", first, &got[0]);
        send(&mut client, &settling("1.1", second, &got[0], "\n"));
        assert_eq!(refusal(&mut client).0, "not-delivered", "{first} {second}");
        let rest = usize::from(first == "NACK");
        assert_eq!(left(&mut test).len(), rest, "{first} {second}");
    }
}

#[test]
fn s71_s91_v11_nack_goes_to_another_client_when_it_has_rested() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.1", "client-individual", "");
    put(&mut test, &["1"]);
    let got = messages(&mut client);
    let mut other = consumer(&mut test, "1.1", "client-individual", "");
    settle(&mut client, "1.1", "NACK", &got[0]);
    test.advance(REST);
    assert_eq!(bodies(&mut client), [""; 0]);
    let again = messages(&mut other);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].header("message-id"), got[0].header("message-id"));
    assert_eq!(again[0].header("delivery-count"), Some("2"));
    settle(&mut other, "1.1", "ACK", &again[0]);
    // Where there is nobody else it comes back to the same.
    other.disconnect();
    put(&mut test, &["2"]);
    let got = messages(&mut client);
    settle(&mut client, "1.1", "NACK", &got[0]);
    test.advance(REST);
    let again = messages(&mut client);
    assert_eq!(
        (again[0].body(), again[0].header("redelivered")),
        ("2", Some("true"))
    );
    settle(&mut client, "1.1", "ACK", &again[0]);
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn s71_v11_nack_is_for_one_message_or_for_all_before_it_as_the_mode_says() {
    for (mode, expected) in [
        ("client", &["1", "2", "3"][..]),
        ("client-individual", &["3"][..]),
    ] {
        let mut test = queueing();
        let mut client = consumer(&mut test, "1.1", mode, "");
        put(&mut test, &["0", "1", "2", "3", "4"]);
        let got = messages(&mut client);
        settle(&mut client, "1.1", "ACK", &got[0]);
        settle(&mut client, "1.1", "NACK", &got[3]);
        let mut other = consumer(&mut test, "1.1", "client", "");
        test.advance(REST);
        assert_eq!(bodies(&mut other), expected, "{mode}");
        // What was sent after it is still there to be acknowledged.
        settle(&mut client, "1.1", "ACK", &got[4]);
    }
}

#[test]
fn v11_receipt_of_ack_and_nack_comes_once_they_were_processed() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.1", "client-individual", "");
    put(&mut test, &["1", "2", "3"]);
    let got = messages(&mut client);
    for (command, message) in [("ACK", &got[0]), ("NACK", &got[1])] {
        let frame = settling("1.1", command, message, "receipt:a\\cb\n\n");
        send(&mut client, &frame);
        assert_eq!(receipt(&mut client), "a\\cb");
    }
    client.disconnect();
    // What was rejected rests before it comes again.
    assert_eq!(left(&mut test), ["3", "2"]);
}

#[test]
fn v11_message_has_what_it_is_acknowledged_by_and_no_ack() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.1");
    consume(&mut client, "a\\nb\\cc\\\\d", "client", "");
    put_with(
        &mut test,
        "note:own\\nnote\nack:forged\nredelivered:true\n",
        "x",
    );
    let got = messages(&mut client);
    let message = &got[0];
    assert_eq!(message.header("destination"), Some(QUEUE));
    assert_eq!(message.header("subscription"), Some("a\\nb\\cc\\\\d"));
    assert_eq!(message.header("note"), Some("own\\nnote"));
    assert_eq!(
        (count(message, "message-id"), count(message, "ack")),
        (1, 0)
    );
    assert_eq!(count(message, "redelivered"), 0, "the sender cannot say so");
    settle(&mut client, "1.1", "ACK", message);
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
}
