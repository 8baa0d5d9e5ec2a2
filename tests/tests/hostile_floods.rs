//! Peers that send without end, claim without sending, or do not read, on the finished program:
//! memory stays within a named bound. Numbers are those of the project's list of hostile input.

use std::time::Duration;

use campanile_tests::{
    MIB, Raw, Request, Server,
    clients::{self, next, next_text},
    frames::{BINARY_FIRST, LAST, LengthForm, MORE, PING, TEXT, TEXT_FIRST, frame, header},
    within,
};

/// What ten claims of 64 MiB may cost: buffers grow with what arrives.
const CLAIMS_GROWTH_MAX: usize = 8 * MIB;
/// What 20,000 unread pongs may cost.
const PONGS_GROWTH_MAX: usize = 8 * MIB;
/// What eight messages of 131,000 octets, each octet in a frame of its own, may cost: a few times
/// their 1 MiB, not a hundred times.
const FRAGMENTS_GROWTH_MAX: usize = 8 * MIB;
/// What a reader that has stopped may cost: its outbox of 1 MiB and what is shared with others.
const SLOW_READER_GROWTH_MAX: usize = 16 * MIB;

#[tokio::test]
async fn item_25_a_claimed_length_allocates_nothing() {
    let server = Server::start(&[]);
    drop(clients::open(&server, "/echo").await);
    let before = server.rss_bytes();
    let mut claimers = Vec::new();
    for _ in 0..10 {
        let mut raw = Raw::open(&server, "/echo").await;
        raw.send(&frame(PING, b"")).await;
        raw.send(&header(BINARY_FIRST, LengthForm::Eight, 64 << 20))
            .await;
        raw.send(b"a few octets of many").await;
        assert_eq!(raw.frame().await.expect("a pong").opcode, 10);
        claimers.push(raw);
    }
    // The program has had time to read the claims once a later session has been served.
    let mut client = clients::open(&server, "/echo").await;
    client.send_text("still here").await.expect("sent");
    assert_eq!(next_text(&mut client).await, "still here");
    server.assert_memory_within(before, CLAIMS_GROWTH_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn item_31_pongs_that_nobody_reads_are_bounded() {
    const PINGS: u32 = 20_000;
    let server = Server::start(&[]);
    let before = server.rss_bytes();
    let mut raw = Raw::connect_narrow(&server).await;
    raw.upgrade("/echo").await;
    let pings: Vec<Vec<u8>> = (0..PINGS)
        .map(|number| frame(PING, format!("{number:0>100}").as_bytes()))
        .collect();
    // A program that stops reading until its pongs are read is as good as one that drops pongs.
    let all = raw
        .send_until_stalled(&pings.concat(), Duration::from_secs(3))
        .await;
    server.assert_memory_within(before, PONGS_GROWTH_MAX);
    if !all {
        return;
    }
    let mut last = None;
    while last != Some(PINGS - 1) {
        // Being dropped is a legal outcome, too.
        let Some(pong) = raw.frame().await else {
            return;
        };
        if pong.opcode == 8 {
            return;
        }
        let number = std::str::from_utf8(&pong.payload).expect("a number");
        let number: u32 = number.parse().expect("a number");
        assert!(
            last.is_none_or(|last| last < number),
            "pong {number} after {last:?}"
        );
        last = Some(number);
    }
}

#[tokio::test]
async fn item_32_empty_continuations_are_counted() {
    let server = Server::start(&[]);
    let more = frame(MORE, b"").repeat(1_000);
    for (path, thousands) in [("/chat", 70), ("/echo", 140)] {
        let mut raw = Raw::open(&server, path).await;
        raw.send(&frame(TEXT_FIRST, b"")).await;
        for _ in 0..thousands {
            if raw.try_send(&more).await.is_err() {
                break;
            }
        }
        raw.expect_close_of(&[1008, 1009]).await;
    }
}

#[tokio::test]
async fn item_32_the_cap_is_exactly_that_of_the_endpoint() {
    let server = Server::start(&[]);
    let mut raw = Raw::open(&server, "/chat").await;
    // 1,024 frames are a message.
    let mut bytes = frame(TEXT_FIRST, b"x");
    bytes.extend(frame(MORE, b"").repeat(1_022));
    bytes.extend(frame(LAST, b"y"));
    raw.send(&bytes).await;
    assert_eq!(raw.frame().await.expect("the broadcast").payload, b"xy");
    // 1,025 are too many.
    let mut bytes = frame(TEXT_FIRST, b"x");
    bytes.extend(frame(MORE, b"").repeat(1_024));
    raw.send(&bytes).await;
    raw.expect_close_of(&[1008, 1009]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_33_fragments_of_one_octet_cost_no_more_than_their_payload() {
    const FRAGMENTS: usize = 131_000;
    let server = Server::start(&[]);
    drop(clients::open(&server, "/echo").await);
    let before = server.rss_bytes();
    let more = frame(MORE, b"x").repeat(FRAGMENTS - 1);
    let mut senders = Vec::new();
    for _ in 0..8 {
        let mut raw = Raw::open(&server, "/echo").await;
        raw.send(&frame(BINARY_FIRST, b"x")).await;
        raw.send(&more).await;
        raw.send(&frame(PING, b"all read?")).await;
        assert_eq!(raw.frame().await.expect("a pong").payload, b"all read?");
        senders.push(raw);
    }
    server.assert_memory_within(before, FRAGMENTS_GROWTH_MAX);
    for raw in &mut senders {
        raw.send(&frame(LAST, b"")).await;
        assert_eq!(raw.frame().await.expect("an echo").payload.len(), FRAGMENTS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn item_35_a_peer_that_does_not_read_is_closed_and_stalls_nobody() {
    const MESSAGES: usize = 300;
    let server = Server::start(&[]);
    let mut slow = Raw::connect_narrow(&server).await;
    slow.upgrade("/chat").await;
    slow.send(&frame(PING, b"")).await;
    assert_eq!(slow.frame().await.expect("a pong").opcode, 10);
    let mut publisher = clients::open(&server, "/chat").await;
    let mut witness = clients::open(&server, "/chat").await;
    let before = server.rss_bytes();
    let filling = "x".repeat(32 * 1024);
    for number in 0..MESSAGES {
        let message = format!("{number} {filling}");
        publisher.send_text(&message).await.expect("sent");
        assert!(
            next_text(&mut publisher).await == message,
            "message {number} is not next"
        );
        assert!(
            next_text(&mut witness).await == message,
            "message {number} is not next"
        );
    }
    server.assert_memory_within(before, SLOW_READER_GROWTH_MAX);
    // Now it reads again: some messages in order, and then it is told why there are no more.
    let mut received = 0;
    loop {
        let message = slow.frame().await.expect("a Close");
        if message.opcode == 8 {
            let reason = String::from_utf8_lossy(&message.payload[2..]).into_owned();
            assert_eq!(message.payload[..2], 1008_u16.to_be_bytes(), "{reason}");
            assert!(reason.starts_with("slow-consumer"), "{reason}");
            break;
        }
        let expected = format!("{received} ");
        assert!(
            message.payload.starts_with(expected.as_bytes()),
            "a message was left out"
        );
        received += 1;
    }
    assert!(
        received < MESSAGES,
        "all messages were kept for a peer that did not read"
    );
    slow.expect_end().await;
}

#[tokio::test]
async fn item_35_a_peer_that_does_not_read_is_closed_for_age_also_below_the_limit() {
    let server = Server::start(&[]);
    let mut slow = Raw::connect_narrow(&server).await;
    slow.upgrade("/websocket/slow").await;
    slow.send(&frame(PING, b"")).await;
    assert_eq!(slow.frame().await.expect("a pong").opcode, 10);
    // Enough to fill the kernel's buffers, not the outbox.
    let filling = "x".repeat(7_000);
    let fill = Request::get(&format!("/socket/publish?userId=slow&message={filling}"));
    for _ in 0..100 {
        assert_eq!(Raw::ask(&server, &fill).await.status, 200);
    }
    let probe = Request::get("/socket/publish?userId=slow&message=probe");
    let gone = async {
        while Raw::ask(&server, &probe).await.json()["delivered"] != 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    within("the end of a session whose peer does not read", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_35_an_echo_that_nobody_reads_stops_or_closes() {
    let server = Server::start(&[]);
    let before = server.rss_bytes();
    let mut raw = Raw::connect_narrow(&server).await;
    raw.upgrade("/echo").await;
    let megabyte = frame(TEXT, &vec![b'x'; MIB]);
    for _ in 0..128 {
        if !raw
            .send_until_stalled(&megabyte, Duration::from_secs(3))
            .await
        {
            break;
        }
    }
    server.assert_memory_within(before, SLOW_READER_GROWTH_MAX);
    let mut other = clients::open(&server, "/echo").await;
    other.send_text("nothing happened").await.expect("sent");
    next(&mut other).await;
}

/// Echoes `messages` numbered texts of `digits` octets, sent without a pause by a peer that begins
/// to read when all are sent, or `stalled` is over.
async fn echo_of_a_burst(messages: usize, digits: usize, stalled: Duration) {
    let server = Server::start(&[]);
    let mut raw = Raw::connect_narrow(&server).await;
    raw.upgrade("/echo").await;
    let texts = (0..messages).map(|number| format!("{number:0>digits$}"));
    let bytes: Vec<u8> = texts
        .clone()
        .flat_map(|text| frame(TEXT, text.as_bytes()))
        .collect();
    let echoes = raw.send_and_read_late(&bytes, messages, stalled).await;
    for (text, echo) in texts.zip(echoes) {
        assert!(
            (echo.opcode, echo.payload) == (1, text.into_bytes()),
            "an echo is not in order"
        );
    }
}

#[tokio::test]
async fn item_34_a_burst_of_tiny_messages_is_echoed_whole() {
    echo_of_a_burst(100_000, 5, Duration::ZERO).await;
}

#[tokio::test]
async fn item_35_a_peer_that_reads_late_gets_every_echo() {
    echo_of_a_burst(1_000, 8_000, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn item_35_a_peer_that_reads_late_gets_every_small_echo() {
    echo_of_a_burst(100_000, 50, Duration::from_secs(1)).await;
}
