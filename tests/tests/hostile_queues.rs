//! What sessions try with queues and transactions at others' cost, at the finished program, directly
//! and behind each proxy: other people's messages, transactions without an end, nonsense in headers.

use campanile_tests::{
    MIB, StompPeer, attack_stomp,
    queue_peer::{body, consumer, drain, fill, header, messages, sends},
    refuse_all,
};

/// What an attack may make the process grow by: an outbox, buffers, and what the allocator keeps.
const GROWTH_MAX: usize = 24 * MIB;
/// What the open transactions of one session may have.
const TRANSACTION_FRAMES_MAX: usize = 1_000;
const TRANSACTION_BYTES_MAX: usize = MIB;
const TRANSACTIONS_MAX: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn s71_messages_of_other_sessions_cannot_be_settled_in_any_form() {
    attack_stomp(GROWTH_MAX, async |server| {
        for version in ["1.0", "1.1", "1.2"] {
            let queue = format!("/queue/victim/{version}");
            let mode = "ack:client\n";
            let mut victim = consumer(server, version, &queue, mode).await;
            fill(server, &queue, ["1".to_owned(), "2".to_owned()]).await;
            let got = messages(&mut victim, 2).await;
            let id = header(&got[0], "message-id").expect("an id");
            for other in ["1.0", "1.1", "1.2"] {
                let keep = "x-errors:keep\n";
                let mut eve = StompPeer::open_with(server, other, keep).await;
                // So that she is a consumer of that queue, too.
                let subscribe = format!("SUBSCRIBE\nid:0\ndestination:{queue}\n{mode}");
                eve.receipted("s", format!("{subscribe}receipt:s\n\n\0"))
                    .await;
                let mut tried = 0;
                for command in ["ACK", "NACK"] {
                    for names in [
                        format!("message-id:{id}\nsubscription:0"),
                        format!("id:{id},0\nmessage-id:{id}\nsubscription:0"),
                        format!("id:{id}\nmessage-id:{id}\nsubscription:0\nrequeue:false"),
                        format!("id:{id},1\nmessage-id:{id}\nsubscription:1"),
                    ] {
                        if (command, other) == ("NACK", "1.0") {
                            continue;
                        }
                        tried += 1;
                        eve.send(format!("{command}\n{names}\nreceipt:{tried}\n\n\0"))
                            .await;
                        let answer = eve.next().await.expect("an answer");
                        // In 1.2 an ACK needs an id.
                        let word = header(&answer, "message").unwrap_or(&answer);
                        let is_refused = ["not-delivered", "missing-header"].contains(&word);
                        assert!(is_refused, "{other} {command} {names}: {answer}");
                    }
                }
            }
            // All of it is the victim's still.
            for message in &got {
                let of = |name: &str| header(message, name).unwrap_or_default();
                let (id, ack, subscription) = (of("message-id"), of("ack"), of("subscription"));
                let names = format!("message-id:{id}\nid:{ack}\nsubscription:{subscription}");
                let came = victim
                    .receipted("a", format!("ACK\n{names}\nreceipt:a\n\n\0"))
                    .await;
                assert_eq!(came.len(), 1, "{came:?}");
            }
            drop(victim);
            assert_eq!(drain(server, &queue, 0).await, [""; 0]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_transactions_without_an_end_have_limits_that_are_named() {
    let begin = |name: usize| format!("BEGIN\ntransaction:{name}\n\n\0");
    let begins = |count: usize| (0..count).map(begin).collect::<String>();
    let part = |bytes: usize| {
        let head = "SEND\ndestination:/queue/never\ntransaction:0\n\n";
        format!("{head}{}\0", "x".repeat(bytes))
    };
    let acks = "ACK\nid:0\ntransaction:0\n\n\0";
    let frames = TRANSACTION_FRAMES_MAX + 1;
    let attacks = [
        (begins(TRANSACTIONS_MAX + 1), "too-many-transactions"),
        (begins(2_000), "too-many-transactions"),
        (begin(0) + &part(1).repeat(frames), "transaction-too-big"),
        (begin(0) + &acks.repeat(frames), "transaction-too-big"),
        (begin(0) + &begin(0), "transaction-known"),
        (part(1), "unknown-transaction"),
    ];
    let attacks = attacks.map(|(octets, word)| (octets.into_bytes(), word, 1008));
    attack_stomp(GROWTH_MAX, async |server| {
        refuse_all(server, 10, &attacks).await;
        let mut peers = Vec::new();
        for _ in 0..10 {
            let mut peer = StompPeer::open(server, "1.2").await;
            peer.send(begin(0)).await;
            for _ in 0..TRANSACTION_BYTES_MAX / 60_000 + 1 {
                if !peer.try_send(part(60_000)).await {
                    break;
                }
            }
            peers.push(peer);
        }
        for mut peer in peers {
            let error = peer.expect_error("transaction-too-big", 1008).await;
            assert!(
                error.contains(&TRANSACTION_BYTES_MAX.to_string()),
                "{error}"
            );
        }
        assert_eq!(drain(server, "/queue/never", 0).await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_transactions_of_many_sessions_cost_no_more_than_their_limits() {
    const SESSIONS: usize = 40;
    attack_stomp(
        GROWTH_MAX + SESSIONS * TRANSACTION_BYTES_MAX,
        async |server| {
            let part = format!(
                "SEND\ndestination:/queue/never\ntransaction:t\n\n{}\0",
                "x".repeat(60_000)
            );
            let mut open = Vec::new();
            for _ in 0..SESSIONS {
                let mut peer = StompPeer::open(server, "1.2").await;
                peer.send("BEGIN\ntransaction:t\n\n\0").await;
                for _ in 0..TRANSACTION_BYTES_MAX / 61_000 {
                    peer.send(&part).await;
                }
                peer.expect_open().await;
                open.push(peer);
            }
            // Half of them leave without a word, and the others say so.
            for mut peer in open.drain(SESSIONS / 2..) {
                peer.receipted("a", "ABORT\ntransaction:t\nreceipt:a\n\n\0")
                    .await;
            }
            drop(open);
            assert_eq!(drain(server, "/queue/never", 0).await, [""; 0]);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_nonsense_in_the_headers_of_queues_is_refused_and_does_nothing() {
    let subscribe = |headers: &str| {
        let head = "SUBSCRIBE\nid:0\ndestination:/queue/nonsense\nack:client\n";
        format!("{head}{headers}\n\n\0").into_bytes()
    };
    let send = |value: &str| {
        let head = "SEND\ndestination:/queue/nonsense\n";
        format!("{head}expiration:{value}\n\nx\0").into_bytes()
    };
    let mut attacks = Vec::new();
    for value in [
        "",
        "0",
        "-1",
        "1001",
        "65536",
        "4294967296",
        "99999999999999999999",
        "1e3",
        "0x10",
        " 1",
        "1 ",
        "+1",
        "1.0",
        "NaN",
        "٣",
    ] {
        attacks.push((
            subscribe(&format!("prefetch-count:{value}")),
            "bad-header",
            1008,
        ));
    }
    for value in [
        "",
        "-1",
        "1.5",
        "1e9",
        " 1",
        "+1",
        "NaN",
        "18446744073709551616",
        "٣",
    ] {
        attacks.push((send(value), "bad-header", 1008));
    }
    for name in ["/queue/*", "/queue/**", "/queue/a/{b}", "/queue/a?"] {
        let frame = format!("SUBSCRIBE\nid:0\ndestination:{name}\n\n\0");
        attacks.push((frame.into_bytes(), "no-patterns", 1008));
    }
    attacks.push((subscribe("after:0-0\nreceipt:r"), "no-history", 1008));
    attack_stomp(GROWTH_MAX, async |server| {
        refuse_all(server, 2, &attacks).await;
        assert_eq!(drain(server, "/queue/nonsense", 0).await, [""; 0]);
        // The longest times to live are times to live.
        let mut peer = StompPeer::open(server, "1.2").await;
        for value in [u64::from(u32::MAX), u64::MAX / 1_000, u64::MAX] {
            let expiration = format!("expiration:{value}\n");
            peer.send(sends("/queue/long", &expiration, [value.to_string()]))
                .await;
        }
        peer.expect_open().await;
        assert_eq!(drain(server, "/queue/long", 3).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_whoever_rejects_everything_for_ever_does_little_work() {
    const MESSAGES: usize = 200;
    attack_stomp(GROWTH_MAX, async |server| {
        let bodies = (0..MESSAGES).map(|number| number.to_string());
        fill(server, "/queue/rejected", bodies).await;
        let mode = "ack:client-individual\nprefetch-count:1000\n";
        let mut peer = consumer(server, "1.2", "/queue/rejected", mode).await;
        // Each comes at once, and then after its rest: three rounds of them.
        for round in 1..=3 {
            let mut seen = [false; MESSAGES];
            for message in messages(&mut peer, MESSAGES).await {
                let number: usize = body(&message).parse().expect("a number");
                assert!(!std::mem::replace(&mut seen[number], true), "{message}");
                let count = header(&message, "delivery-count");
                let expected = (round > 1).then(|| round.to_string());
                assert_eq!(count, expected.as_deref(), "{message}");
                let ack = header(&message, "ack").expect("an id");
                peer.send(format!("NACK\nid:{ack}\n\n\0")).await;
            }
        }
        drop(peer);
        assert_eq!(
            drain(server, "/queue/rejected", MESSAGES).await.len(),
            MESSAGES
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s91_sessions_that_consume_from_a_thousand_queues_and_leave_cost_nothing() {
    const QUEUES: usize = 1_000;
    attack_stomp(GROWTH_MAX, async |server| {
        for time in 0..20 {
            let mut peer = StompPeer::open(server, "1.2").await;
            let subscribe = |queue| {
                let name = format!("/queue/many/{time}/{queue}");
                format!("SUBSCRIBE\nid:{queue}\ndestination:{name}\nack:client\n\n\0")
            };
            for first in (0..QUEUES).step_by(200) {
                let some: String = (first..first + 200).map(subscribe).collect();
                peer.send(some).await;
            }
            peer.expect_open().await;
            let one = format!("/queue/many/{time}/7");
            fill(server, &one, ["x".to_owned()]).await;
            assert_eq!(messages(&mut peer, 1).await.len(), 1);
            drop(peer);
            assert_eq!(drain(server, &one, 1).await, ["x"]);
        }
    })
    .await;
}
