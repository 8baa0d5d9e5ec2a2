//! STOMP sessions that ask for too much, at the finished program, directly and behind each proxy:
//! subscriptions, selectors, patterns, tiny frames. Limits are named, and bystanders notice nothing.

use campanile_tests::{
    MIB, StompPeer, attack_stomp,
    frames::{self, BINARY},
    refuse_all,
};

/// What a flood may make the process grow by: an outbox, buffers, and what the allocator keeps.
const FLOOD_GROWTH_MAX: usize = 24 * MIB;
/// How many subscriptions a session may have.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// SUBSCRIBEs with the numbers as ids, packed together.
fn subscribes(numbers: std::ops::Range<usize>, rest: &str) -> String {
    let subscribe = |number| format!("SUBSCRIBE\nid:{number}\n{rest}\n\n\0");
    numbers.map(subscribe).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s82_a_million_subscriptions_end_at_the_limit_which_is_named() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let mut peer = StompPeer::open(server, "1.2").await;
        for thousand in 0..1_000 {
            let numbers = thousand * 1_000..(thousand + 1) * 1_000;
            if !peer
                .try_send(subscribes(numbers, "destination:/topic/attack"))
                .await
            {
                break;
            }
        }
        let error = peer.expect_error("too-many-subscriptions", 1008).await;
        assert!(error.contains(&SUBSCRIPTIONS_MAX.to_string()), "{error}");
        // What was taken is given back with the session.
        for _ in 0..20 {
            let mut peer = StompPeer::open(server, "1.2").await;
            peer.send(subscribes(
                0..SUBSCRIPTIONS_MAX,
                "destination:/topic/attack",
            ))
            .await;
            peer.expect_open().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s82_storms_of_subscribing_and_unsubscribing_leave_nothing() {
    const STORMS: usize = 100;
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let mut peer = StompPeer::open(server, "1.2").await;
        for storm in 0..STORMS {
            let pair = |number: usize| {
                let name = format!("/topic/storm/{storm}/{number}");
                let selector = "selector:a = 1";
                format!(
                    "SUBSCRIBE\nid:s\ndestination:{name}\n{selector}\n\n\0UNSUBSCRIBE\nid:s\n\n\0"
                )
            };
            let storm: String = (0..500).map(pair).collect();
            peer.send(storm).await;
        }
        peer.expect_open().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_ids_of_other_sessions_are_of_no_use() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let mut victim = StompPeer::open(server, "1.2").await;
        let head = "SUBSCRIBE\nid:victim\ndestination:/topic/attack\nack:client-individual";
        victim.send(format!("{head}\nreceipt:r\n\n\0")).await;
        victim.next().await.expect("a receipt");
        victim.send("SEND\ndestination:/topic/attack\n\n1\0").await;
        let message = victim.next().await.expect("a message");
        let ack = message
            .lines()
            .find_map(|line| line.strip_prefix("ack:"))
            .expect("an id");
        for command in ["ACK", "NACK"] {
            let mut peer = StompPeer::open(server, "1.2").await;
            peer.send(format!("{command}\nid:{ack}\n\n\0")).await;
            peer.expect_error("not-delivered", 1008).await;
        }
        let mut peer = StompPeer::open(server, "1.2").await;
        peer.send("UNSUBSCRIBE\nid:victim\n\n\0").await;
        peer.expect_error("no-subscription", 1008).await;
        victim.send("SEND\ndestination:/topic/attack\n\n2\0").await;
        assert!(victim.next().await.expect("a message").ends_with("\n\n2"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s88_selectors_that_are_too_deep_or_long_are_refused() {
    let deep = |open: &str, close: &str, times: usize| {
        format!("{}a = 1{}", open.repeat(times), close.repeat(times))
    };
    let bombs = [
        deep("(", ")", 3_500),
        deep("NOT ", "", 1_900),
        format!("a = {}1", "-".repeat(7_000)),
        format!("a = 1{}", " OR a = 1".repeat(800)),
        format!("a IN ({}'x')", "'x',".repeat(1_900)),
        format!("a LIKE '{}'", "%a".repeat(3_500)),
        deep("(", ")", 100),
        format!("a LIKE '{}'", "%a".repeat(200)),
        format!("a = 1{}", " OR a = 1".repeat(100)),
    ];
    let bombs = bombs.map(|selector| {
        let head = "SUBSCRIBE\nid:0\ndestination:/topic/attack\n";
        let octets = format!("{head}selector:{selector}\n\n\0").into_bytes();
        (octets, "bad-selector", 1008)
    });
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        refuse_all(server, 10, &bombs).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s88_as_many_selectors_as_are_allowed_cost_others_nothing() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let mut peer = StompPeer::open(server, "1.2").await;
        let like = "note LIKE '%a%a%a%a%a%a%b'";
        let rest = format!("destination:/topic/attack\nselector:{like} AND {like}");
        for first in (0..SUBSCRIPTIONS_MAX).step_by(250) {
            peer.send(subscribes(first..first + 250, &rest)).await;
        }
        let note = "a".repeat(1_000);
        for _ in 0..10 {
            peer.send(format!(
                "SEND\ndestination:/topic/attack\nnote:{note}\n\nx\0"
            ))
            .await;
        }
        peer.expect_open().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s84_patterns_that_could_match_in_many_ways_are_matched_in_few_steps() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let deep = "/a".repeat(500);
        for pattern in [
            "/**".repeat(1_000),
            "/*/**".repeat(500),
            "/**/a".repeat(500),
        ] {
            let mut peer = StompPeer::open(server, "1.2").await;
            peer.send(format!(
                "SUBSCRIBE\nid:0\ndestination:/topic{pattern}/b\n\n\0"
            ))
            .await;
            // Taken or refused: either way what follows is quick.
            peer.try_send(format!("SEND\ndestination:/topic{deep}\n\nx\0").repeat(20))
                .await;
            while let Some(frame) = peer.next().await {
                if frame.starts_with("ERROR\n") {
                    assert!(frame.contains("\nmessage:bad-destination\n"), "{frame}");
                    break;
                }
                assert!(!frame.starts_with("MESSAGE\n"), "nothing ends with /b");
            }
        }
        let mut peer = StompPeer::open(server, "1.2").await;
        let patterns =
            |number| format!("SUBSCRIBE\nid:{number}\ndestination:/topic/**/{number}\n\n\0");
        peer.send((0..SUBSCRIPTIONS_MAX).map(patterns).collect::<String>())
            .await;
        for _ in 0..20 {
            peer.send(format!("SEND\ndestination:/topic{deep}\n\nx\0"))
                .await;
        }
        peer.try_send("SEND\ndestination:/topic/open\nreceipt:done\n\n\0")
            .await;
        let answer = peer.next().await.expect("an answer");
        // The index takes so many patterns that are alike, and says so of those beyond.
        let is_limit = answer.contains("\nmessage:too-many-patterns\n");
        assert!(answer.contains("receipt-id:done") || is_limit, "{answer}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s82_a_million_tiny_frames_in_one_message_are_too_many_octets() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let mut peer = StompPeer::open(server, "1.2").await;
        let message = frames::frame(BINARY, &b"ACK\nid:0\n\n\0".repeat(1_000_000));
        // The program closes before it has read all of it.
        let _ = peer.raw.try_send(&message).await;
        peer.raw.expect_close(1009).await;
        // As many as fit, a message after the other, take turns with everybody else's.
        let mut peer = StompPeer::open(server, "1.2").await;
        peer.send("SUBSCRIBE\nid:0\ndestination:/topic/quiet\n\n\0")
            .await;
        let message = frames::frame(BINARY, &b"ACK\nid:,0\n\n\0".repeat(6_000));
        for _ in 0..40 {
            peer.raw.send(&message).await;
        }
        peer.expect_open().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s66_floods_of_heart_beats_are_taken_in_turns() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        for heart_beats in [&b"\n"[..], b"\r\n", b"\n\r\n"] {
            let mut peer = StompPeer::open_with(server, "1.2", "heart-beat:1,1\n").await;
            let one_each = frames::frame(BINARY, heart_beats).repeat(50_000);
            peer.raw.send(&one_each).await;
            let packed = heart_beats.repeat(60_000 / heart_beats.len());
            for _ in 0..50 {
                peer.send(&packed).await;
            }
            peer.expect_open().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s75_errors_that_nobody_reads_are_bounded() {
    attack_stomp(FLOOD_GROWTH_MAX, async |server| {
        let mut peer = StompPeer::open_with(server, "1.2", "x-errors:keep\n").await;
        let wrong = frames::frame(BINARY, &b"SEND\ndestination:/nowhere\n\n\0".repeat(2_000));
        for _ in 0..100 {
            let stalled = std::time::Duration::from_secs(1);
            if !peer.raw.send_until_stalled(&wrong, stalled).await {
                break;
            }
        }
    })
    .await;
}
