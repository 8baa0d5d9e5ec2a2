//! What sessions try with cursors at others' cost: nonsense for one, and replays without an end.

use std::time::Duration;

use campanile_tests::{
    MIB, StompPeer, attack_stomp,
    frames::{self, BINARY},
    queue_peer::{header, sends},
};

/// What an attack may make the process grow by: an outbox, buffers, and what the allocator keeps.
const GROWTH_MAX: usize = 24 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn s98_nonsense_for_a_cursor_recovers_nothing_and_is_no_error() {
    attack_stomp(GROWTH_MAX, async |server| {
        let mut peer = StompPeer::open(server, "1.2").await;
        let topic = "/topic/cursors";
        peer.send(sends(topic, "", ["1".to_owned(), "2".to_owned()]))
            .await;
        let subscribe = |id: usize, after: &str| {
            let head = format!("SUBSCRIBE\nid:{id}\ndestination:{topic}\nreceipt:{id}\n");
            format!("{head}after:{after}\n\n\0")
        };
        let own = peer.receipted("0", subscribe(0, "0-0")).await;
        let cursor = header(&own[0], "cursor").expect("a cursor").to_owned();
        let (epoch, position) = cursor.split_once('-').expect("EPOCH-POSITION");
        let nonsense = [
            String::new(),
            "-".into(),
            "0".into(),
            "nonsense".into(),
            "0-0".into(),
            format!("{epoch}-"),
            format!("-{position}"),
            format!("{epoch}-99999999999999999999999999"),
            format!("{epoch}-18446744073709551615"),
            format!("{epoch}-{}9", position),
            format!("{epoch}--1"),
            format!("{epoch}-+1"),
            format!("{epoch}-0x1"),
            format!("{epoch}-{position}-{position}"),
            format!("{}-{position}", epoch.to_uppercase() + "A"),
            format!("{epoch}-{position}\\nrecovered\\ctrue"),
            format!("{epoch}-{position}\\r\\n\\r\\nMESSAGE"),
            format!("{epoch}-{position} "),
            "ffffffffffffffff-1".into(),
            "../../etc/passwd".into(),
            "' OR 1 = 1 --".into(),
            "${jndi\\cldap\\c//x}".into(),
            "٣-٣".into(),
            "9".repeat(8_000),
            format!("{}-1", "f".repeat(4_000)),
        ];
        for (at, after) in nonsense.iter().enumerate() {
            let id = at + 1;
            let came = peer.receipted(&id.to_string(), subscribe(id, after)).await;
            assert_eq!(came.len(), 1, "{after}: {came:?}");
            assert_eq!(header(&came[0], "recovered"), Some("false"), "{after}");
            // Others publish meanwhile, in the same log.
            let joined = header(&came[0], "cursor").expect("a cursor");
            assert!(joined.starts_with(&format!("{epoch}-")), "{after}");
            assert_eq!(came[0].lines().count(), 5, "{}", came[0]);
            peer.send(format!("UNSUBSCRIBE\nid:{id}\n\n\0")).await;
        }
        peer.expect_open().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s98_a_thousand_replays_for_clients_that_do_not_read_are_bounded() {
    const SESSIONS: usize = 4;
    // What the topic keeps, and what waits for each session.
    const HISTORY_BYTES_MAX: usize = 16 * MIB;
    const WAITING_BYTES_MAX: usize = 16 * MIB;
    let growth_max = GROWTH_MAX + HISTORY_BYTES_MAX + SESSIONS * WAITING_BYTES_MAX;
    attack_stomp(growth_max, async |server| {
        let topic = "/topic/replayed";
        let mut peer = StompPeer::open(server, "1.2").await;
        let subscribe = format!("SUBSCRIBE\nid:0\ndestination:{topic}\nreceipt:0\n\n\0");
        let came = peer.receipted("0", subscribe).await;
        let cursor = header(&came[0], "cursor").expect("a cursor").to_owned();
        peer.send("UNSUBSCRIBE\nid:0\n\n\0").await;
        let bodies = (0..400).map(|number| format!("{number} {}", "x".repeat(1_000)));
        for body in bodies {
            peer.send(sends(topic, "", [body])).await;
        }
        peer.expect_open().await;
        let mut deaf = Vec::new();
        for _ in 0..SESSIONS {
            let mut peer = StompPeer::open(server, "1.2").await;
            for id in 0..1_000 {
                let head = format!("SUBSCRIBE\nid:{id}\ndestination:{topic}\nreceipt:{id}\n");
                let octets = format!("{head}after:{cursor}\n\n\0");
                let message = frames::frame(BINARY, octets.as_bytes());
                let stalled = Duration::from_secs(1);
                if !peer.raw.send_until_stalled(&message, stalled).await {
                    break;
                }
            }
            deaf.push(peer);
        }
        // Others are replayed everything.
        let mut reader = StompPeer::open(server, "1.2").await;
        let head = format!("SUBSCRIBE\nid:0\ndestination:{topic}\nreceipt:0\n");
        let came = reader
            .receipted("0", format!("{head}after:{cursor}\n\n\0"))
            .await;
        assert_eq!(header(&came[0], "recovered"), Some("true"));
        for number in 0..400 {
            let message = reader.next().await.expect("a message");
            assert!(
                message.contains(&format!("\n\n{number} x")),
                "{number}: {message:.200}"
            );
        }
    })
    .await;
}
