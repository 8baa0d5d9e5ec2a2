//! STOMP 1.0, clause by clause: queues and what acknowledges their messages. Its text knows no NACK,
//! and says of an ACK that it is for *the* message: not for those before it.
//!
//! | part | clause | test |
//! |---|---|---|
//! | SUBSCRIBE | `ack` "defaults to auto" | `v10_subscribe_without_ack_…` |
//! | SUBSCRIBE | `client`: delivered "after the client specifically acknowledges" | `v10_subscribe_client_…` |
//! | SUBSCRIBE | "the valid values" | `v10_subscribe_other_modes_…` |
//! | SUBSCRIBE | `selector` "acts as a filter" | `v10_subscribe_selector_…` |
//! | SUBSCRIBE | `id`: "overlapping subscriptions", `subscription` | `v10_subscribe_ids_…` |
//! | UNSUBSCRIBE | "no longer receive", by `destination` or `id` | `v10_unsubscribe_…` |
//! | ACK | `message-id` is required and matches | `v10_ack_needs_…`, `v10_ack_of_what_…` |
//! | ACK | "until the message has been acknowledged" | `v10_ack_is_for_its_message_…` |
//! | Receipt | for ACK and SEND, once they took effect | `v10_receipt_…` |
//! | MESSAGE | `destination`, `message-id` "unique" | `v10_message_…` |
//! | DISCONNECT | what was not acknowledged | `v10_disconnect_…` |

mod support;

use std::collections::HashSet;

use support::acknowledging::{
    QUEUE, bodies, consume, consumer, left, messages, put, put_with, queueing, settle, settling,
};
use support::conform::{count, receipt, subscribe};
use support::stomp::{Received, connect, refusal, send};

#[test]
fn v10_subscribe_without_ack_is_auto() {
    for ack in ["", "ack:auto\n", "ack: auto \n"] {
        let mut test = queueing();
        let mut client = connect(&mut test, "/stomp", "1.0");
        let head = format!("SUBSCRIBE\ndestination:{QUEUE}\n{ack}");
        send(&mut client, &format!("{head}receipt:r\n\nignored"));
        assert_eq!(receipt(&mut client), "r");
        put(&mut test, &["1", "2"]);
        assert_eq!(bodies(&mut client), ["1", "2"]);
        client.disconnect();
        assert_eq!(left(&mut test), [""; 0], "{ack:?}");
    }
}

#[test]
fn s71_v10_subscribe_client_messages_are_delivered_once_they_are_acknowledged() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.0");
    let head = format!("SUBSCRIBE\ndestination:{QUEUE}\nack: client\n");
    send(&mut client, &format!("{head}receipt:r\n\n"));
    assert_eq!(receipt(&mut client), "r");
    put(&mut test, &["1", "2", "3"]);
    let got = messages(&mut client);
    assert_eq!(got.len(), 3);
    settle(&mut client, "1.0", "ACK", &got[0]);
    client.disconnect();
    assert_eq!(left(&mut test), ["2", "3"]);
    assert_eq!(left(&mut test), [""; 0]);
}

#[test]
fn v10_subscribe_other_modes_are_refused() {
    for mode in ["", "Client", "dups-ok", "client,auto", "none"] {
        let mut test = queueing();
        let mut client = connect(&mut test, "/stomp", "1.0");
        let frame = format!("SUBSCRIBE\ndestination:{QUEUE}\nack:{mode}\n\n");
        send(&mut client, &frame);
        assert_eq!(refusal(&mut client).0, "bad-header", "{mode:?}");
        put(&mut test, &["1"]);
        assert_eq!(left(&mut test), ["1"]);
    }
}

#[test]
fn s88_v10_subscribe_selector_is_a_filter_and_the_rest_stays() {
    let mut test = queueing();
    for size in ["5", "50", "7", "70"] {
        put_with(&mut test, &format!("size:{size}\n"), size);
    }
    let mut client = consumer(&mut test, "1.0", "client", "selector: size > 10 \n");
    assert_eq!(bodies(&mut client), ["50", "70"]);
    put_with(&mut test, "size:99\n", "99");
    assert_eq!(bodies(&mut client), ["99"]);
    assert_eq!(left(&mut test), ["5", "7"]);
}

#[test]
fn v10_subscribe_ids_tell_overlapping_subscriptions_apart() {
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.0");
    for (id, selector) in [("few", "size <= 10"), ("many", "size > 10")] {
        let selector = format!("selector:{selector}\n");
        consume(&mut client, id, "client", &selector);
    }
    for size in ["5", "50"] {
        put_with(&mut test, &format!("size:{size}\n"), size);
    }
    let got = messages(&mut client);
    let told = |one: &Received| {
        (
            one.header("subscription").map(str::to_owned),
            count(one, "ack"),
        )
    };
    assert_eq!(told(&got[0]), (Some("few".to_owned()), 0));
    assert_eq!(told(&got[1]), (Some("many".to_owned()), 0));
    // An ACK needs no subscription: its message tells.
    for message in &got {
        settle(&mut client, "1.0", "ACK", message);
    }
    client.disconnect();
    assert_eq!(left(&mut test), [""; 0]);
    // Without an id there is nothing to be said.
    let mut client = connect(&mut test, "/stomp", "1.0");
    send(&mut client, &format!("SUBSCRIBE\ndestination:{QUEUE}\n\n"));
    put(&mut test, &["x"]);
    assert_eq!(count(&messages(&mut client)[0], "subscription"), 0);
}

#[test]
fn v10_unsubscribe_by_destination_or_id_ends_it_and_others_get_the_rest() {
    for (id, end) in [("", "destination:/queue/a"), ("id: 7 \n", "id:7")] {
        let mut test = queueing();
        let mut client = connect(&mut test, "/stomp", "1.0");
        let head = format!("SUBSCRIBE\n{id}destination:{QUEUE}\nack:client\n");
        send(&mut client, &format!("{head}receipt:r\n\n"));
        assert_eq!(receipt(&mut client), "r");
        put(&mut test, &["1", "2"]);
        let got = messages(&mut client);
        settle(&mut client, "1.0", "ACK", &got[0]);
        send(&mut client, &format!("UNSUBSCRIBE\n{end}\nreceipt:s\n\n"));
        assert_eq!(receipt(&mut client), "s");
        put(&mut test, &["3"]);
        assert_eq!(bodies(&mut client), [""; 0]);
        assert_eq!(left(&mut test), ["2", "3"], "{end}");
        // What went back is not this session's any more.
        send(&mut client, &settling("1.0", "ACK", &got[1], "\n"));
        assert_eq!(refusal(&mut client).0, "not-delivered");
    }
}

#[test]
fn v10_ack_needs_a_message_id() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.0", "client", "");
    put(&mut test, &["1"]);
    assert_eq!(bodies(&mut client), ["1"]);
    send(&mut client, "ACK\nsubscription:0\nid:0\n\n");
    assert_eq!(refusal(&mut client).0, "missing-header");
    assert_eq!(left(&mut test), ["1"]);
}

#[test]
fn s71_v10_ack_of_what_was_not_delivered_is_refused() {
    let mut test = queueing();
    put(&mut test, &["1"]);
    for id in ["nonsense", "", "0", "-", "0-0", "ffffffffffffffff-1"] {
        let mut client = consumer(&mut test, "1.0", "client", "prefetch-count:1\n");
        let got = messages(&mut client);
        assert_eq!(got.len(), 1);
        let frame = format!("ACK\nmessage-id:{id}\nreceipt:r\n\n");
        send(&mut client, &frame);
        let error = Received::next(&mut client);
        assert_eq!(error.command(), "ERROR", "{id:?}: {}", error.0);
        assert_eq!(error.header("message"), Some("not-delivered"), "{id:?}");
        assert_eq!(error.header("receipt-id"), Some("r"));
    }
    assert_eq!(left(&mut test), ["1"]);
    // Twice is once too often.
    let mut client = consumer(&mut test, "1.0", "client", "");
    put(&mut test, &["2"]);
    let got = messages(&mut client);
    settle(&mut client, "1.0", "ACK", &got[0]);
    send(&mut client, &settling("1.0", "ACK", &got[0], "\n"));
    assert_eq!(refusal(&mut client).0, "not-delivered");
}

#[test]
fn s71_v10_ack_is_for_its_message_and_for_none_before_it() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.0", "client", "");
    put(&mut test, &["1", "2", "3"]);
    let got = messages(&mut client);
    settle(&mut client, "1.0", "ACK", &got[1]);
    // In any order.
    settle(&mut client, "1.0", "ACK", &got[0]);
    client.disconnect();
    assert_eq!(left(&mut test), ["3"]);
    let mut client = consumer(&mut test, "1.0", "client", "");
    put(&mut test, &["4", "5"]);
    let got = messages(&mut client);
    settle(&mut client, "1.0", "ACK", &got[1]);
    client.disconnect();
    assert_eq!(left(&mut test), ["4"]);
}

#[test]
fn v10_receipt_of_an_ack_comes_once_the_message_is_done() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.0", "client", "prefetch-count:1\n");
    put(&mut test, &["1", "2"]);
    let first = Received::next(&mut client);
    let ack = settling("1.0", "ACK", &first, "receipt: a:b \n\n");
    send(&mut client, &ack);
    assert_eq!(receipt(&mut client), "a:b");
    client.disconnect();
    assert_eq!(left(&mut test), ["2"]);
}

#[test]
fn v10_message_names_its_queue_and_has_an_id_of_its_own_that_it_keeps() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.0", "client", "");
    put_with(&mut test, "note:own\npersistent:true\n", "1");
    put(&mut test, &["2", "3"]);
    let got = messages(&mut client);
    let mut ids = HashSet::new();
    for message in &got {
        assert_eq!(message.header("destination"), Some(QUEUE));
        assert_eq!(count(message, "message-id"), 1);
        assert_eq!(
            (count(message, "ack"), count(message, "redelivered")),
            (0, 0)
        );
        ids.insert(message.header("message-id").map(str::to_owned));
    }
    assert_eq!(ids.len(), 3);
    client.disconnect();
    let mut other = consumer(&mut test, "1.0", "client", "");
    for (again, before) in messages(&mut other).iter().zip(&got) {
        assert_eq!(again.header("message-id"), before.header("message-id"));
        assert_eq!(again.header("note"), before.header("note"));
        assert_eq!(again.header("redelivered"), Some("true"));
        assert_eq!(again.header("delivery-count"), Some("2"));
        assert_eq!(again.body(), before.body());
    }
}

#[test]
fn s71_v10_disconnect_gives_back_what_was_not_acknowledged() {
    let mut test = queueing();
    let mut client = consumer(&mut test, "1.0", "client", "");
    subscribe(&mut client, "topic", "/topic/a");
    put(&mut test, &["1", "2"]);
    let got = messages(&mut client);
    send(&mut client, &settling("1.0", "ACK", &got[0], "\n"));
    send(&mut client, "DISCONNECT\nreceipt:bye\n\n");
    assert_eq!(receipt(&mut client), "bye");
    assert_eq!(left(&mut test), ["2"]);
}
