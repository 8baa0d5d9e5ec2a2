//! Listeners of `/events` that read nothing, leave at once or come by the ten thousand, at the
//! finished program: what each may cost has a bound, and bystanders notice nothing.

use std::sync::Arc;

use campanile_tests::{
    MIB, Raw, Server, StompPeer,
    attack::join_all,
    event_stream::{EVENT_STREAM, JSON_LINES, ask, listen_on, request},
    flood::{Flood, attack_http, until},
    queue_peer::sends,
};
use tokio::task::JoinSet;

/// What an attack may make the process grow by beside what is named: buffers, what the topics keep,
/// and what the allocator keeps.
const GROWTH_MAX: usize = 24 * MIB;

/// What may be sent to a stream that nobody reads: what the two kernels hold, and the outbox.
const UNREAD_BYTES_MAX: usize = 10 * MIB;

/// What may wait in the process for a stream that nobody reads, beside the messages themselves,
/// which all streams share: the pipe's room and the connection's buffers.
const STREAM_BYTES_MAX: usize = 256 << 10;

/// Publishes `count` messages with so many bytes each, `/topic/busy` or another, and waits until
/// they are accepted.
async fn publish(server: &Server, topic: &str, count: usize, bytes: usize) {
    let mut peer = StompPeer::open(server, "1.2").await;
    for number in 0..count {
        let body = format!("{number:08}{}", "x".repeat(bytes - 8));
        peer.send(sends(topic, "", [body])).await;
    }
    peer.expect_open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_35_events_streams_that_nobody_reads_end_by_their_policy_and_are_cut() {
    const STREAMS: usize = 100;
    const MESSAGE_BYTES: usize = 32 << 10;
    let growth_max = GROWTH_MAX + STREAMS * STREAM_BYTES_MAX;
    attack_http(growth_max, async |server| {
        let before = server.descriptors();
        let mut streams = Vec::new();
        for number in 0..STREAMS {
            let accept = [EVENT_STREAM, JSON_LINES][number % 2];
            let raw = Raw::connect_narrow(server).await;
            let (raw, _) = listen_on(raw, "destination=/topic/busy", accept).await;
            streams.push(raw);
        }
        let count = UNREAD_BYTES_MAX / MESSAGE_BYTES;
        publish(server, "/topic/busy", count, MESSAGE_BYTES).await;
        // They are not asked for their consent: the connections go without a byte being read.
        until("the end of the connections", async || {
            server.descriptors() <= before
        })
        .await;
        for raw in &mut streams {
            raw.end().await;
            let received = raw.received().len();
            assert!(received < UNREAD_BYTES_MAX, "{received} bytes were sent");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_35_events_a_stream_that_is_read_too_slowly_is_told_why_it_ends() {
    attack_http(GROWTH_MAX, async |server| {
        for (accept, said) in [
            (EVENT_STREAM, "event: close\ndata: {\"code\":1008,"),
            (JSON_LINES, "{\"event\":\"close\",\"code\":1008,"),
        ] {
            let raw = Raw::connect_narrow(server).await;
            let (mut raw, _) = listen_on(raw, "destination=/topic/slow", accept).await;
            publish(server, "/topic/slow", 320, 32 << 10).await;
            // It reads at last, and the connection ends in any case. Whether there is time enough
            // for the last record is the machine's affair.
            raw.end().await;
            let received = String::from_utf8_lossy(raw.received());
            assert!(received.len() < UNREAD_BYTES_MAX, "{}", received.len());
            if received.ends_with("\r\n0\r\n\r\n") {
                let tail = received.len() - 400;
                let tail = String::from_utf8_lossy(&raw.received()[tail..]);
                assert!(tail.contains(said), "{tail}");
                assert!(tail.contains("slow-consumer"), "{tail}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_long_polls_that_are_dropped_by_the_ten_thousand_leave_nothing() {
    const POLLS: usize = 10_000;
    const TASKS: usize = 8;
    attack_http(GROWTH_MAX, async |server| {
        let before = server.descriptors();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let server = Arc::clone(server);
            tasks.spawn(async move {
                for number in 0..POLLS / TASKS {
                    let query = format!("destination=/topic/{task}&wait=60&n={number}");
                    let mut raw = Raw::connect(&server).await;
                    raw.send(&request(&query, "*/*").bytes()).await;
                    if number % 2 == 0 {
                        // So that the session is there before it is left.
                        raw.head().await;
                    }
                }
            });
        }
        join_all(tasks).await;
        until("the end of the connections", async || {
            server.descriptors() <= before
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_streams_that_are_dropped_by_the_thousand_leave_nothing() {
    const STREAMS: usize = 4_000;
    const TASKS: usize = 8;
    attack_http(GROWTH_MAX, async |server| {
        let before = server.descriptors();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let server = Arc::clone(server);
            tasks.spawn(async move {
                let accept = [EVENT_STREAM, JSON_LINES][task % 2];
                let names = (0..100).map(|name| format!("destination=/topic/{task}/{name}&"));
                let query: String = names.collect();
                for _ in 0..STREAMS / TASKS {
                    let raw = Raw::connect(&server).await;
                    listen_on(raw, &query, accept).await;
                }
            });
        }
        join_all(tasks).await;
        until("the end of the connections", async || {
            server.descriptors() <= before
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_a_flood_of_heads_and_polls_opens_nothing_that_stays() {
    attack_http(GROWTH_MAX, async |server| {
        let flood = Flood {
            count: 20_000,
            connections: 4,
            at_once: 32,
        };
        let heads = flood.run(
            server,
            |number| {
                let accept = [EVENT_STREAM, JSON_LINES, "*/*"][number % 3];
                let query = format!("destination=/topic/heads/{number}");
                let line = format!("HEAD /events?{query} HTTP/1.1");
                request(&query, accept).line(&line).bytes()
            },
            |_, _| {},
        );
        assert_eq!(Vec::from_iter(heads.await), [(200, flood.count)]);
        let polls = flood.run(
            server,
            |number| {
                let query = format!("destination=/topic/polls/{number}&wait=0");
                request(&query, "*/*").bytes()
            },
            |number, answer| {
                let messages = &answer.json()["messages"];
                assert_eq!(messages.as_array().map(Vec::len), Some(0), "{number}");
            },
        );
        assert_eq!(Vec::from_iter(polls.await), [(200, flood.count)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s98_events_answers_that_are_read_byte_by_byte_are_whole_and_hold_little() {
    const READERS: usize = 100;
    const MESSAGES: usize = 50;
    const MESSAGE_BYTES: usize = 16 << 10;
    // All that an answer may have to give waits for its reader, at most.
    let growth_max = GROWTH_MAX + READERS * (STREAM_BYTES_MAX + MESSAGES * MESSAGE_BYTES);
    attack_http(growth_max, async |server| {
        let topic = "destination=/topic/long&wait=0";
        let first = ask(server, topic).await.json()["cursor"].to_string();
        let after = |cursor: &str| format!("{topic}&after={}", cursor.trim_matches('"'));
        publish(server, "/topic/long", MESSAGES, MESSAGE_BYTES).await;
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let mut raw = Raw::connect_narrow(server).await;
            raw.send(&request(&after(&first), "*/*").bytes()).await;
            readers.push(raw);
        }
        for raw in &mut readers {
            // As slowly as that goes, for a while.
            let mut begun = Vec::new();
            for _ in 0..4_096 {
                begun.extend(raw.exactly(1).await);
            }
            assert!(begun.starts_with(b"HTTP/1.1 200 OK\r\n"));
        }
        // Whoever reads on gets the rest, and then what did not fit into one answer.
        let mut raw = Raw::connect_narrow(server).await;
        let (mut cursor, mut came) = (first, Vec::new());
        while came.len() < MESSAGES {
            raw.send(&request(&after(&cursor), "*/*").bytes()).await;
            let answer = raw.response().await;
            assert!(answer.body.len() < 300 << 10, "{}", answer.body.len());
            let json = answer.json();
            assert_eq!(json["recovered"], true);
            let messages = json["messages"].as_array().cloned().unwrap_or_default();
            assert!(!messages.is_empty(), "it goes on");
            came.extend(messages);
            cursor = json["cursor"].to_string();
        }
        for (number, message) in came.iter().enumerate() {
            let data = message["data"].as_str().expect("text");
            assert!(data.starts_with(&format!("{number:08}")), "{number}");
        }
        assert_eq!(came.len(), MESSAGES);
    })
    .await;
}
