//! Sessions of SockJS over plain HTTP that are opened and left by the hundred thousand, bodies that
//! never end and streams that nobody reads, at the test services of the finished program: what each
//! may cost has a bound and is given back, and bystanders notice nothing.

use std::sync::Arc;

use campanile_tests::{
    MIB, Raw, Server,
    attack::join_all,
    flood::{Flood, attack_http, until},
    sockjs::{ECHO, get, post, session, text},
};
use tokio::task::JoinSet;

/// What an attack may make the process grow by beside what is named.
const GROWTH_MAX: usize = 24 * MIB;

/// How many sessions over plain HTTP the program has at most.
const SESSIONS_MAX: usize = 65_536;

/// What a session that was left may cost: itself, its pipe, its place in the table.
const SESSION_BYTES_MAX: usize = 3 << 10;

/// What may wait in the process for a stream that nobody reads: the outbox of 1 MiB, the pipe, what
/// was taken from it, the connection's buffers.
const STREAM_BYTES_MAX: usize = 2 * MIB;

/// To whom `/broadcast` sends: everybody.
const BROADCAST: &str = "/broadcast";

#[tokio::test(flavor = "multi_thread")]
async fn s47_a_hundred_thousand_sessions_that_are_left_at_once_are_bounded_and_given_back() {
    let growth_max = GROWTH_MAX + SESSIONS_MAX * SESSION_BYTES_MAX;
    attack_http(growth_max, async |server| {
        let before = server.rss_bytes();
        let flood = Flood {
            count: 100_000,
            connections: 4,
            at_once: 32,
        };
        let statuses = flood.run(
            server,
            |number| post(&format!("{ECHO}/000/left{number}/xhr"), &[], ""),
            |number, answer| match answer.status {
                200 => assert_eq!(text(answer), "o\n", "{number}"),
                _ => assert_eq!(answer.header("Connection"), None, "{number}"),
            },
        );
        let statuses = statuses.await;
        // Where the table was full, that was said.
        assert!(
            statuses.keys().all(|it| matches!(it, 200 | 503)),
            "{statuses:?}"
        );
        assert!(statuses[&200] > 1_000, "{statuses:?}");
        // Once they are forgotten, and somebody asks, their memory is given back.
        until("memory given back", async || {
            let asked = post(&format!("{}/xhr", session(ECHO)), &[], "");
            let opened = Raw::ask_bytes(server, &asked).await;
            let growth = server.rss_bytes().saturating_sub(before);
            opened.status == 200 && growth <= GROWTH_MAX
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s52_receivers_that_leave_before_they_are_answered_end_their_sessions() {
    const TASKS: usize = 4;
    const SESSIONS: usize = 1_000;
    attack_http(GROWTH_MAX, async |server| {
        let before = server.descriptors();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let server = Arc::clone(server);
            tasks.spawn(async move {
                for number in 0..SESSIONS / TASKS {
                    let path = session(ECHO);
                    let asked = match (task + number) % 4 {
                        0 => post(&format!("{path}/xhr_streaming"), &[], ""),
                        1 => get(&format!("{path}/eventsource"), &[]),
                        2 => get(&format!("{path}/htmlfile?c=a"), &[]),
                        // The second of two polls waits.
                        _ => post(&format!("{path}/xhr"), &[], "").repeat(2),
                    };
                    let mut raw = Raw::connect(&server).await;
                    raw.send(&asked).await;
                    if number % 2 == 0 {
                        assert_eq!(raw.head().await.status, 200);
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
async fn item_17_s51_bodies_that_trickle_in_are_cut_off() {
    const BODIES: usize = 200;
    attack_http(GROWTH_MAX, async |server| {
        let path = session(ECHO);
        let mut stream = Raw::connect(server).await;
        stream
            .send(&post(&format!("{path}/xhr_streaming"), &[], ""))
            .await;
        assert_eq!(stream.head().await.status, 200);
        let mut tasks = JoinSet::new();
        for number in 0..BODIES {
            let mut raw = Raw::connect(server).await;
            let length = ["Content-Length: 1000000", "Transfer-Encoding: chunked"][number % 2];
            let head = format!("POST {path}/xhr_send HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n");
            raw.send(head.as_bytes()).await;
            tasks.spawn(async move {
                // A byte a second: the whole would take days.
                let beginning: &[u8] = if number % 2 == 0 {
                    b"[\""
                } else {
                    b"fffff\r\n[\""
                };
                let _ = raw.try_send(beginning).await;
                let trickle = async |raw: &mut Raw| {
                    for _ in 0..60 {
                        if raw.try_send(b"x").await.is_err() {
                            return true;
                        }
                        if !raw.received().is_empty() {
                            return true;
                        }
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    }
                    false
                };
                assert!(trickle(&mut raw).await, "a minute of bytes was read");
                raw.end().await;
                let answer = String::from_utf8_lossy(raw.received()).into_owned();
                // Of one session only so many may send at a time.
                let is_refused = ["HTTP/1.1 408 ", "HTTP/1.1 503 "];
                assert!(
                    answer.is_empty() || is_refused.iter().any(|it| answer.starts_with(it)),
                    "{answer}"
                );
            });
        }
        join_all(tasks).await;
        let sent = post(&format!("{path}/xhr_send"), &[], "[\"own\"]");
        assert_eq!(Raw::ask_bytes(server, &sent).await.status, 204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_35_s46_streams_that_nobody_reads_end_by_their_policy_and_are_cut() {
    const STREAMS: usize = 40;
    const MESSAGES: usize = 320;
    const MESSAGE_BYTES: usize = 32 << 10;
    let growth_max = GROWTH_MAX + STREAMS * STREAM_BYTES_MAX;
    attack_http(growth_max, async |server| {
        let before = server.descriptors();
        let mut streams = Vec::new();
        for number in 0..STREAMS {
            let path = session(BROADCAST);
            let asked = match number % 3 {
                0 => post(&format!("{path}/xhr_streaming"), &[], ""),
                1 => get(&format!("{path}/eventsource"), &[]),
                _ => get(&format!("{path}/htmlfile?c=a"), &[]),
            };
            let mut raw = Raw::connect_narrow(server).await;
            raw.send(&asked).await;
            assert_eq!(raw.head().await.status, 200);
            for _ in ["the prelude", "the opening"] {
                raw.chunk().await.expect("a chunk");
            }
            streams.push((path, raw));
        }
        broadcast(server, MESSAGES, MESSAGE_BYTES).await;
        // They are not asked for their consent: the connections go without a byte being read.
        until("the end of the connections", async || {
            server.descriptors() <= before
        })
        .await;
        for (path, mut raw) in streams {
            raw.end().await;
            let received = raw.received().len();
            assert!(
                received < MESSAGES * MESSAGE_BYTES,
                "{received} bytes were sent"
            );
            // The session has ended with its stream.
            let sent = post(&format!("{path}/xhr_send"), &[], "[\"x\"]");
            assert_eq!(Raw::ask_bytes(server, &sent).await.status, 404);
        }
    })
    .await;
}

/// Says so many messages with so many bytes to all of `/broadcast`, by a session of WebSocket that
/// hears them itself, and waits until it has.
async fn broadcast(server: &Server, count: usize, bytes: usize) {
    let mut raw = Raw::open(server, &format!("{BROADCAST}/websocket")).await;
    let message = "x".repeat(bytes);
    let frame = campanile_tests::frames::frame(campanile_tests::frames::TEXT, message.as_bytes());
    for _ in 0..count {
        raw.send(&frame).await;
        let heard = raw.frame().await.expect("the message");
        assert_eq!(heard.payload.len(), bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s49_sessions_that_nobody_asks_for_keep_no_more_than_their_limit() {
    const SESSIONS: usize = 200;
    const MESSAGES: usize = 300;
    const MESSAGE_BYTES: usize = 4 << 10;
    // At most a hundred messages wait for each.
    let growth_max = GROWTH_MAX + SESSIONS * 100 * MESSAGE_BYTES;
    attack_http(growth_max, async |server| {
        let mut left = Vec::new();
        for _ in 0..SESSIONS {
            let path = session(BROADCAST);
            let asked = post(&format!("{path}/xhr"), &[], "");
            assert_eq!(text(&Raw::ask_bytes(server, &asked).await), "o\n");
            left.push(path);
        }
        broadcast(server, MESSAGES, MESSAGE_BYTES).await;
        // Whoever comes back too late is told so: first what was kept, then why it ended; or it has
        // been forgotten.
        for path in left {
            let asked = post(&format!("{path}/xhr"), &[], "");
            let answer = Raw::ask_bytes(server, &asked).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let said = text(&answer);
            assert!(said.len() < 200 * MESSAGE_BYTES, "{} bytes", said.len());
            let begins = &said[..said.len().min(100)];
            let kinds = ["a[", "c[1008,", "c[3000,", "o\n"];
            assert!(kinds.iter().any(|it| said.starts_with(it)), "{begins}");
        }
    })
    .await;
}
