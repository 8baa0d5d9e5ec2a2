//! BEGIN and the header `transaction`, sentence by sentence. The three texts say nearly the same, so that
//! most tests are of all versions; NACK is of 1.1 and 1.2. How transactions end is in
//! `stomp_transactions_ends.rs`.
//!
//! | section | clause | test |
//! |---|---|---|
//! | BEGIN | "sent or acknowledged … handled atomically" | `begin_handles_…` |
//! | BEGIN | `transaction` "is REQUIRED" | `begin_commit_and_abort_need_…` |
//! | BEGIN | "different transactions MUST use different … identifiers" | `begin_takes_…` |
//! | BEGIN | "Within the same connection" | `begin_names_belong_…` |
//! | BEGIN | any value identifies one | `begin_names_are_…` |
//! | BEGIN | "implicitly aborted" by DISCONNECT or when "the TCP connection fails" | `begin_is_undone_…` |
//! | SEND | `transaction` "allows for transaction sends" | `send_…` |
//! | ACK, NACK | "part of the named transaction" | `ack_…`, `nack_…` |

mod support;

use support::acknowledging::{
    QUEUE, REST, VERSIONS, bodies, consumer, left, messages, put, queueing, send_in, settle_in,
    transaction, witness,
};
use support::conform::{count, receipt, subscribe};
use support::stomp::{Received, connect, refusal, send};

#[test]
fn s72_v10_v11_v12_begin_handles_what_is_sent_and_acknowledged_atomically() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = consumer(&mut test, version, "client", "");
        put(&mut test, &["1", "2"]);
        let got = messages(&mut client);
        transaction(&mut client, "BEGIN", "t");
        send_in(&mut client, "t", "/topic/a", "a");
        settle_in(&mut client, "t", version, "ACK", &got[0]);
        send_in(&mut client, "t", "/queue/other", "b");
        send_in(&mut client, "t", "/topic/a", "c");
        assert_eq!(bodies(&mut witness), [""; 0]);
        let mut others = connect(&mut test, "/stomp", "1.2");
        subscribe(&mut others, "0", "/queue/other");
        assert_eq!(bodies(&mut others), [""; 0]);
        transaction(&mut client, "COMMIT", "t");
        assert_eq!(bodies(&mut witness), ["a", "c"], "{version}");
        assert_eq!(bodies(&mut others), ["b"]);
        client.disconnect();
        assert_eq!(left(&mut test), ["2"]);
    }
}

#[test]
fn s72_v10_v11_v12_begin_commit_and_abort_need_a_transaction() {
    for version in VERSIONS {
        for command in ["BEGIN", "COMMIT", "ABORT"] {
            let mut test = queueing();
            let mut client = connect(&mut test, "/stomp", version);
            send(&mut client, &format!("{command}\nid:t\n\n"));
            assert_eq!(refusal(&mut client).0, "missing-header", "{version}");
        }
    }
}

#[test]
fn s72_v10_v11_v12_begin_takes_no_name_that_is_in_use() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = connect(&mut test, "/stomp", version);
        // Once it is over its name may be used again.
        for (round, end) in ["COMMIT", "ABORT", "COMMIT"].into_iter().enumerate() {
            transaction(&mut client, "BEGIN", "t");
            send_in(&mut client, "t", "/topic/a", &round.to_string());
            transaction(&mut client, end, "t");
        }
        assert_eq!(bodies(&mut witness), ["0", "2"]);
        transaction(&mut client, "BEGIN", "t");
        transaction(&mut client, "BEGIN", "u");
        send(&mut client, "BEGIN\ntransaction:t\nreceipt:r\n\n");
        let error = Received::next(&mut client);
        assert_eq!(error.header("message"), Some("transaction-known"));
        assert_eq!(error.header("receipt-id"), Some("r"));
    }
}

#[test]
fn s72_v10_v11_v12_begin_names_belong_to_their_connection() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut ada = connect(&mut test, "/stomp", version);
        let mut bob = connect(&mut test, "/stomp", version);
        for (client, body) in [(&mut ada, "ada"), (&mut bob, "bob")] {
            transaction(client, "BEGIN", "t");
            send_in(client, "t", "/topic/a", body);
        }
        transaction(&mut ada, "ABORT", "t");
        transaction(&mut bob, "COMMIT", "t");
        assert_eq!(bodies(&mut witness), ["bob"]);
        transaction(&mut ada, "BEGIN", "hers");
        for frame in [
            "COMMIT\ntransaction:hers\n\n",
            "ABORT\ntransaction:hers\n\n",
            "SEND\ndestination:/topic/a\ntransaction:hers\n\nforged",
        ] {
            let mut eve = connect(&mut test, "/stomp", version);
            send(&mut eve, frame);
            assert_eq!(refusal(&mut eve).0, "unknown-transaction", "{frame}");
        }
        send_in(&mut ada, "hers", "/topic/a", "still hers");
        transaction(&mut ada, "COMMIT", "hers");
        assert_eq!(bodies(&mut witness), ["still hers"]);
    }
}

#[test]
fn s72_v10_v11_v12_begin_names_are_any_values() {
    for (version, first, second) in [
        ("1.0", "a:b\\n", "a:b"),
        ("1.1", "a\\cb\\n", "a\\cb"),
        ("1.2", "a\\cb\\n", "a\\cb"),
        ("1.2", " ", "  "),
        ("1.2", "ä", "Ä"),
    ] {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = connect(&mut test, "/stomp", version);
        for name in [first, second] {
            transaction(&mut client, "BEGIN", name);
            send_in(&mut client, name, "/topic/a", name);
        }
        transaction(&mut client, "ABORT", first);
        transaction(&mut client, "COMMIT", second);
        assert_eq!(bodies(&mut witness), [second], "{version}");
    }
    // Blanks around values mean nothing in 1.0.
    let mut test = queueing();
    let mut client = connect(&mut test, "/stomp", "1.0");
    transaction(&mut client, "BEGIN", " t ");
    transaction(&mut client, "COMMIT", "t");
}

#[test]
fn s72_v10_v11_v12_begin_is_undone_by_the_end_of_the_connection() {
    for version in VERSIONS {
        for end in ["DISCONNECT\n\n\0", "NONSENSE\n\n\0", ""] {
            let mut test = queueing();
            let mut witness = witness(&mut test);
            let mut client = consumer(&mut test, version, "client", "");
            put(&mut test, &["1"]);
            let got = messages(&mut client);
            transaction(&mut client, "BEGIN", "t");
            send_in(&mut client, "t", "/topic/a", "never");
            send_in(&mut client, "t", QUEUE, "never");
            settle_in(&mut client, "t", version, "ACK", &got[0]);
            match end {
                "" => client.disconnect(),
                frame => client.send_text(frame),
            }
            assert_eq!(bodies(&mut witness), [""; 0]);
            assert_eq!(left(&mut test), ["1"], "{version} {end:?}");
        }
    }
}

#[test]
fn s72_v10_v11_v12_send_hands_its_transaction_to_nobody() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = connect(&mut test, "/stomp", version);
        transaction(&mut client, "BEGIN", "secret");
        let head = "SEND\ndestination:/topic/a\ntransaction:secret\nnote:kept\nreceipt:r";
        send(&mut client, &format!("{head}\n\nx"));
        assert_eq!(receipt(&mut client), "r");
        transaction(&mut client, "COMMIT", "secret");
        let got = messages(&mut witness);
        assert_eq!(got[0].header("note"), Some("kept"));
        assert_eq!(
            (count(&got[0], "transaction"), count(&got[0], "receipt")),
            (0, 0)
        );
    }
}

#[test]
fn s72_v10_v11_v12_send_outside_is_not_held_up_by_transactions_that_are_open() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = connect(&mut test, "/stomp", version);
        for name in ["t", "u"] {
            transaction(&mut client, "BEGIN", name);
        }
        for round in ["1", "2"] {
            send_in(&mut client, "t", "/topic/a", &format!("t{round}"));
            send(
                &mut client,
                &format!("SEND\ndestination:/topic/a\n\n{round}"),
            );
            send_in(&mut client, "u", "/topic/a", &format!("u{round}"));
        }
        assert_eq!(bodies(&mut witness), ["1", "2"]);
        transaction(&mut client, "COMMIT", "u");
        transaction(&mut client, "COMMIT", "t");
        assert_eq!(bodies(&mut witness), ["u1", "u2", "t1", "t2"], "{version}");
    }
}

#[test]
fn s72_v10_v11_v12_ack_takes_effect_at_the_commit() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut client = consumer(&mut test, version, "client", "prefetch-count:1\n");
        put(&mut test, &["1", "2"]);
        let first = Received::next(&mut client);
        transaction(&mut client, "BEGIN", "t");
        settle_in(&mut client, "t", version, "ACK", &first);
        // It has what it may have, and is not done with it.
        assert_eq!(bodies(&mut client), [""; 0]);
        transaction(&mut client, "COMMIT", "t");
        assert_eq!(bodies(&mut client), ["2"], "{version}");
        client.disconnect();
        assert_eq!(left(&mut test), ["2"]);
    }
}

#[test]
fn s72_v11_v12_nack_takes_effect_at_the_commit() {
    for version in ["1.1", "1.2"] {
        let mut test = queueing();
        let mut client = consumer(&mut test, version, "client-individual", "");
        put(&mut test, &["1"]);
        let got = messages(&mut client);
        let mut other = consumer(&mut test, version, "client-individual", "");
        transaction(&mut client, "BEGIN", "t");
        settle_in(&mut client, "t", version, "NACK", &got[0]);
        test.advance(REST);
        assert_eq!(bodies(&mut other), [""; 0]);
        transaction(&mut client, "COMMIT", "t");
        test.advance(REST);
        let again = messages(&mut other);
        assert_eq!(again.len(), 1, "{version}");
        assert_eq!(again[0].header("redelivered"), Some("true"));
    }
}
