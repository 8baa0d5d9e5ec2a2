//! Peers that send without end, claim without sending, or do not read, at every endpoint of the
//! finished program, directly and behind each proxy: memory stays within a named bound, and a
//! bystander notices nothing. Numbers are those of the project's list of hostile input.

use std::time::Duration;

use campanile_tests::{
    Answers, MIB, Raw, Request, Server, Way,
    attack::join_all,
    attack_everywhere,
    clients::{self, next_text},
    everywhere,
    frames::{LAST, LengthForm, MORE, PING, TEXT, TEXT_FIRST, frame, header},
    on_each_way, within,
};
use tokio::task::JoinSet;

/// What ten claims of all that an endpoint allows may cost at each: buffers grow with what arrives.
const CLAIMS_GROWTH_MAX: usize = 8 * MIB;
/// What 20,000 unread pongs may cost at each endpoint.
const PONGS_GROWTH_MAX: usize = 16 * MIB;
/// What messages of endless fragments may cost at each endpoint.
const ENDLESS_GROWTH_MAX: usize = 16 * MIB;
/// What eight messages of 131,000 octets, each octet in a frame of its own, may cost: a few times
/// their 1 MiB, not a hundred times.
const FRAGMENTS_GROWTH_MAX: usize = 8 * MIB;
/// What a reader that has stopped may cost: its outbox of 1 MiB and what is shared with others.
const SLOW_READER_GROWTH_MAX: usize = 16 * MIB;
/// What is sent to a peer that does not read: more than the buffers of a proxy and its sockets take.
const UNREAD_BYTES: usize = 24 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn item_25_a_claimed_length_allocates_nothing() {
    attack_everywhere(CLAIMS_GROWTH_MAX, async |scene, endpoint| {
        let max = endpoint.message_bytes_max as u64;
        let mut claimers = Vec::new();
        for _ in 0..10 {
            let mut raw = endpoint.open(&scene.server).await;
            raw.send(&frame(PING, b"")).await;
            raw.send(&header(TEXT_FIRST, LengthForm::Eight, max)).await;
            raw.send(b"a few octets of many").await;
            assert_eq!(raw.frame().await.expect("a pong").opcode, 10);
            claimers.push(raw);
        }
        // The program has had time to read the claims once others have been served.
        scene.bystander.await_echoes(8).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_31_pongs_that_nobody_reads_are_bounded() {
    const PINGS: u32 = 20_000;
    let pings: Vec<Vec<u8>> = (0..PINGS)
        .map(|number| frame(PING, format!("{number:0>100}").as_bytes()))
        .collect();
    let pings = pings.concat();
    attack_everywhere(PONGS_GROWTH_MAX, async |scene, endpoint| {
        let mut raw = Raw::connect_narrow(&scene.server).await;
        raw.upgrade(endpoint.path).await;
        // A program that stops reading until its pongs are read is as good as one that drops pongs.
        if !raw.send_until_stalled(&pings, Duration::from_secs(1)).await {
            return;
        }
        let mut last = None;
        while last != Some(PINGS - 1) {
            // Being dropped is a legal outcome, too.
            let Some(pong) = raw.frame().await.filter(|pong| pong.opcode != 8) else {
                return;
            };
            let number = std::str::from_utf8(&pong.payload).expect("a number");
            let number: u32 = number.parse().expect("a number");
            assert!(
                last.is_none_or(|last| last < number),
                "{number} after {last:?}"
            );
            last = Some(number);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_32_empty_continuations_are_counted() {
    let more = frame(MORE, b"").repeat(1_000);
    attack_everywhere(ENDLESS_GROWTH_MAX, async |scene, endpoint| {
        let mut raw = endpoint.open(&scene.server).await;
        raw.send(&frame(TEXT_FIRST, b"")).await;
        // 70,000 at least.
        for _ in 0..(endpoint.fragments_max / 1_000 + 5).max(70) {
            if raw.try_send(&more).await.is_err() {
                break;
            }
        }
        raw.expect_close_of(&[1008, 1009]).await;
    })
    .await;
}

#[tokio::test]
async fn item_32_the_cap_is_exactly_that_of_the_endpoint() {
    everywhere(async |server, endpoint| {
        let mut raw = endpoint.open(server).await;
        let max = endpoint.fragments_max;
        let mut bytes = frame(TEXT_FIRST, b"x");
        bytes.extend(frame(MORE, b"").repeat(max - 2));
        bytes.extend(frame(LAST, b"y"));
        raw.send(&bytes).await;
        endpoint.expect_taken(&mut raw, b"xy").await;
        // One more is too many.
        let mut bytes = frame(TEXT_FIRST, b"x");
        bytes.extend(frame(MORE, b"").repeat(max));
        raw.send(&bytes).await;
        raw.expect_close_of(&[1008, 1009]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_33_fragments_of_one_octet_cost_no_more_than_their_payload() {
    const FRAGMENTS: usize = 131_000;
    attack_everywhere(FRAGMENTS_GROWTH_MAX, async |scene, endpoint| {
        // As many as are allowed there; and one that says that all have been read.
        let fragments = FRAGMENTS.min(endpoint.fragments_max - 1);
        let more = frame(MORE, b"x").repeat(fragments - 1);
        let mut senders = Vec::new();
        for _ in 0..8 {
            let mut raw = endpoint.open(&scene.server).await;
            raw.send(&frame(TEXT_FIRST, b"x")).await;
            raw.send(&more).await;
            raw.expect_open().await;
            senders.push(raw);
        }
        for mut raw in senders {
            raw.send(&frame(LAST, b"")).await;
            let message = "x".repeat(fragments);
            if endpoint.answers == Answers::Text {
                // All the others hear it, too.
                assert!(raw.frame().await.expect("an answer").payload == message.as_bytes());
            } else {
                endpoint.expect_taken(&mut raw, message.as_bytes()).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_35_a_peer_that_does_not_read_is_closed_and_stalls_nobody() {
    on_each_way(async |way| {
        let server = Server::start_behind(way);
        let mut slow = Raw::connect_narrow(&server).await;
        slow.upgrade("/chat").await;
        slow.expect_open().await;
        let mut publisher = clients::open(&server, "/chat").await;
        let mut witness = clients::open(&server, "/chat").await;
        let before = server.rss_bytes();
        let filling = "x".repeat(60_000);
        let messages = UNREAD_BYTES / filling.len();
        for number in 0..messages {
            let message = format!("{number} {filling}");
            publisher.send_text(&message).await.expect("sent");
            for client in [&mut publisher, &mut witness] {
                assert!(
                    next_text(client).await == message,
                    "message {number} is not next"
                );
            }
        }
        server.assert_memory_within(before, SLOW_READER_GROWTH_MAX);
        // Now it reads again: some messages in order, and then it is told why there are no more.
        let mut received = 0;
        let close = loop {
            match slow.whole_frame().await {
                Some(frame) if frame.opcode == 8 => break Some(frame),
                Some(message) => {
                    let expected = format!("{received} ");
                    assert!(message.payload.starts_with(expected.as_bytes()), "a gap");
                    received += 1;
                }
                None => break None,
            }
        };
        assert!(
            received < messages,
            "all was kept for a peer that did not read"
        );
        println!("{received} of {messages}, and a Close: {}", close.is_some());
        match close {
            Some(close) => {
                let reason = String::from_utf8_lossy(&close.payload[2..]).into_owned();
                assert_eq!(close.payload[..2], 1008_u16.to_be_bytes(), "{reason}");
                assert!(reason.starts_with("slow-consumer"), "{reason}");
                slow.expect_end().await;
            }
            // What a proxy has not passed on when the program cuts it off may be lost.
            None => assert!(way.is_behind_a_proxy(), "no Close"),
        }
    })
    .await;
}

#[tokio::test]
async fn item_35_a_peer_that_does_not_read_is_closed_for_age_also_below_the_limit() {
    let mut ways = JoinSet::new();
    for way in Way::ALL {
        ways.spawn(closed_for_age(way));
    }
    join_all(ways).await;
}

async fn closed_for_age(way: Way) {
    let server = Server::start_behind(way);
    let mut slow = Raw::connect_narrow(&server).await;
    slow.upgrade("/websocket/slow").await;
    slow.expect_open().await;
    let filling = "x".repeat(7_000);
    let fill = Request::get(&format!("/socket/publish?userId=slow&message={filling}"));
    // Enough to fill the kernel's buffers, not the outbox; a proxy's are filled bit by bit.
    let mut to_fill = if way.is_behind_a_proxy() {
        UNREAD_BYTES / filling.len()
    } else {
        100
    };
    while to_fill > 0 && Raw::ask(&server, &fill).await.json()["delivered"] != 0 {
        to_fill -= 1;
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
async fn item_35_answers_that_nobody_reads_stop_or_close() {
    let filling = frame(TEXT, &[b'x'; 60_000]);
    attack_everywhere(SLOW_READER_GROWTH_MAX, async |scene, endpoint| {
        let mut raw = Raw::connect_narrow(&scene.server).await;
        raw.upgrade(endpoint.path).await;
        for _ in 0..UNREAD_BYTES / filling.len() {
            if !raw
                .send_until_stalled(&filling, Duration::from_secs(1))
                .await
            {
                break;
            }
        }
        scene.bystander.await_echoes(8).await;
    })
    .await;
}

/// Echoes `messages` numbered texts of `digits` octets, sent without a pause by a peer that begins
/// to read when all are sent, or `stalled` is over.
async fn echo_of_a_burst(messages: usize, digits: usize, stalled: Duration) {
    on_each_way(async |way| {
        let server = Server::start_behind(way);
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
                "out of order"
            );
        }
    })
    .await;
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
