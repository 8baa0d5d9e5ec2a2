//! COMMIT and ABORT, sentence by sentence, in all three versions.
//!
//! | section | clause | test |
//! |---|---|---|
//! | COMMIT, ABORT | "in progress", "MUST specify the identifier" | `commit_and_abort_need_…` |
//! | COMMIT | "handled atomically" (BEGIN) | `commit_does_…`, `commit_of_what_…`, `commit_leaves_…` |
//! | COMMIT | nothing is demanded of what is in it | `commit_may_be_…` |
//! | ABORT | "to roll back a transaction in progress" | `abort_…` |
//! | Receipt | "once a server has successfully processed" the frame | `receipt_…` |

mod support;

use campanile::testing::TestClient;

use support::acknowledging::{
    QUEUE, REST, VERSIONS, bodies, consumer, left, messages, put, queueing, send_in, settle,
    settle_in, transaction, witness,
};
use support::conform::{receipt, subscribe, texts};
use support::stomp::{Received, connect, refusal, send};

#[test]
fn s72_v10_v11_v12_commit_and_abort_need_a_transaction_in_progress() {
    for version in VERSIONS {
        for before in ["", "BEGIN u", "BEGIN t COMMIT t", "BEGIN t ABORT t"] {
            for frame in [
                "COMMIT\ntransaction:t\n",
                "ABORT\ntransaction:t\n",
                "SEND\ndestination:/topic/a\ntransaction:t\n",
                "ACK\nmessage-id:0\nsubscription:0\nid:0\ntransaction:t\n",
            ] {
                let mut test = queueing();
                let mut client = connect(&mut test, "/stomp", version);
                let words: Vec<&str> = before.split_whitespace().collect();
                for pair in words.chunks_exact(2) {
                    transaction(&mut client, pair[0], pair[1]);
                }
                send(&mut client, &format!("{frame}receipt:r\n\n"));
                let error = Received::next(&mut client);
                let word = error.header("message");
                assert_eq!(word, Some("unknown-transaction"), "{before}: {frame}");
                assert_eq!(error.header("receipt-id"), Some("r"));
            }
        }
    }
}

#[test]
fn s72_v10_v11_v12_commit_does_all_of_it_or_nothing() {
    let wrong = [
        ("SEND\ndestination:/nowhere/a\n", "unknown-destination"),
        ("SEND\ndestination:/app/a\n", "no-handler"),
        ("SEND\ndestination:/user/ada/queue/a\n", "forbidden"),
        (
            "ACK\nmessage-id:0-0\nsubscription:0\nid:0-0,0\n",
            "not-delivered",
        ),
    ];
    for version in VERSIONS {
        for (frame, word) in wrong {
            let mut test = queueing();
            let mut witness = witness(&mut test);
            let mut client = consumer(&mut test, version, "client", "");
            put(&mut test, &["1", "2"]);
            let got = messages(&mut client);
            transaction(&mut client, "BEGIN", "t");
            send_in(&mut client, "t", "/topic/a", "never");
            settle_in(&mut client, "t", version, "ACK", &got[0]);
            send(&mut client, &format!("{frame}transaction:t\nreceipt:w\n\n"));
            // Nothing is looked at before the COMMIT.
            assert_eq!(receipt(&mut client), "w", "{version} {frame}");
            send_in(&mut client, "t", QUEUE, "never");
            send(&mut client, "COMMIT\ntransaction:t\nreceipt:c\n\n");
            let error = Received::next(&mut client);
            assert_eq!(error.header("message"), Some(word), "{version} {frame}");
            assert_eq!(error.header("receipt-id"), Some("c"));
            assert_eq!(client.next_close().0, 1008);
            assert_eq!(bodies(&mut witness), [""; 0]);
            assert_eq!(left(&mut test), ["1", "2"]);
        }
    }
}

#[test]
fn s72_v10_v11_v12_commit_of_what_was_settled_meanwhile_does_nothing() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = consumer(&mut test, version, "client", "");
        put(&mut test, &["1", "2"]);
        let got = messages(&mut client);
        transaction(&mut client, "BEGIN", "t");
        send_in(&mut client, "t", "/topic/a", "never");
        settle_in(&mut client, "t", version, "ACK", &got[0]);
        settle(&mut client, version, "ACK", &got[0]);
        send(&mut client, "COMMIT\ntransaction:t\n\n");
        assert_eq!(refusal(&mut client).0, "not-delivered", "{version}");
        assert_eq!(bodies(&mut witness), [""; 0]);
        assert_eq!(left(&mut test), ["2"]);
    }
}

#[test]
fn s72_v10_v11_v12_commit_may_be_of_nothing() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut client = connect(&mut test, "/stomp", version);
        for end in ["COMMIT", "ABORT"] {
            transaction(&mut client, "BEGIN", "t");
            transaction(&mut client, end, "t");
        }
    }
}

#[test]
fn s72_v10_v11_v12_abort_rolls_back_and_what_was_delivered_stays_delivered() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut witness = witness(&mut test);
        let mut client = consumer(&mut test, version, "client", "");
        put(&mut test, &["1", "2"]);
        let got = messages(&mut client);
        let mut other = consumer(&mut test, version, "client", "");
        transaction(&mut client, "BEGIN", "t");
        send_in(&mut client, "t", "/topic/a", "never");
        send_in(&mut client, "t", QUEUE, "never");
        settle_in(&mut client, "t", version, "ACK", &got[0]);
        transaction(&mut client, "ABORT", "t");
        test.advance(REST);
        // Nobody else gets what this client still has, and it does not get it once more.
        assert_eq!(bodies(&mut other), [""; 0]);
        assert_eq!(bodies(&mut client), [""; 0]);
        assert_eq!(bodies(&mut witness), [""; 0]);
        other.disconnect();
        settle(&mut client, version, "ACK", &got[0]);
        client.disconnect();
        assert_eq!(left(&mut test), ["2"], "{version}");
    }
}

#[test]
fn s69_s72_v10_v11_v12_receipt_of_a_commit_comes_once_all_of_it_is_done() {
    for version in VERSIONS {
        let mut test = queueing();
        let mut client = connect(&mut test, "/stomp", version);
        subscribe(&mut client, "own", "/topic/a");
        transaction(&mut client, "BEGIN", "t");
        for number in 0..10 {
            send_in(&mut client, "t", "/topic/a", &number.to_string());
        }
        send(&mut client, "COMMIT\ntransaction:t\nreceipt:c\n\n");
        let frames: Vec<Received> = texts(&mut client).into_iter().map(Received).collect();
        let is_receipt = |one: &Received| one.header("receipt-id") == Some("c");
        assert_eq!(frames.iter().filter(|one| is_receipt(one)).count(), 1);
        let sent = frames.iter().filter(|one| one.command() == "MESSAGE");
        let sent: Vec<&str> = sent.map(Received::body).collect();
        assert_eq!(sent, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
}

#[test]
fn s72_v10_v11_v12_commit_leaves_no_room_between_its_messages() {
    let mut test = queueing();
    let mut witness = witness(&mut test);
    let mut clients: Vec<TestClient> = VERSIONS
        .map(|version| connect(&mut test, "/stomp", version))
        .into();
    for client in &mut clients {
        transaction(client, "BEGIN", "t");
    }
    for number in 0..20 {
        for (one, client) in clients.iter_mut().enumerate() {
            send_in(client, "t", "/topic/a", &format!("{one}-{number}"));
        }
    }
    for client in &mut clients {
        send(client, "COMMIT\ntransaction:t\n\n");
        send(client, "SEND\ndestination:/topic/a\n\nbetween");
    }
    let all = bodies(&mut witness);
    for one in 0..clients.len() {
        let first = format!("{one}-0");
        let at = all.iter().position(|body| *body == first).expect("it came");
        let expected: Vec<String> = (0..20).map(|number| format!("{one}-{number}")).collect();
        assert_eq!(all[at..at + 20], expected);
    }
    assert_eq!(all.len(), 3 * 21);
}
