//! STOMP frames that forge headers, claim lengths, or never end, at the finished program, directly
//! and behind each proxy: each has its ERROR, and bystanders notice nothing.

use campanile_tests::{
    MIB, Server, StompPeer, attack_stomp,
    frames::{self, BINARY_FIRST, LAST, MORE, TEXT},
    refuse_all,
};

/// What attacks with frames that are refused may make the process grow by.
const CHEAP_GROWTH_MAX: usize = 16 * MIB;
/// What sessions that hold an unfinished frame may cost: each at most 80 KiB and its buffers.
const UNFINISHED_GROWTH_MAX: usize = 32 * MIB;
/// Sessions of each attack that is refused at once.
const ATTACKS: usize = 20;

const TEXT_HEAD: &str = "SEND\ndestination:/topic/attack\n";

async fn listener(server: &Server, version: &str) -> StompPeer {
    let mut peer = StompPeer::open(server, version).await;
    let head = "SUBSCRIBE\nid:0\ndestination:/topic/attack\nreceipt:r";
    peer.send(format!("{head}\n\n\0")).await;
    let receipt = peer.next().await.expect("a receipt");
    assert!(receipt.starts_with("RECEIPT\nreceipt-id:r\n"), "{receipt}");
    peer
}

/// The lines of a MESSAGE that are the sender's own.
async fn own_lines(peer: &mut StompPeer) -> Vec<String> {
    let message = peer.next().await.expect("a message");
    let (head, body) = message.split_once("\n\n").expect("a body");
    assert_eq!(body, "body", "{message:?}");
    let ours = [
        "subscription:",
        "destination:",
        "message-id:",
        "content-length:",
    ];
    let own = head.split('\n').skip(1);
    let own = own.filter(|line| !ours.iter().any(|name| line.starts_with(name)));
    own.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_a_forged_line_end_reaches_receivers_of_each_version_as_one_header() {
    attack_stomp(CHEAP_GROWTH_MAX, async |server| {
        let versions = ["1.0", "1.1", "1.2"];
        let mut listeners = Vec::new();
        for version in versions {
            listeners.push(listener(server, version).await);
        }
        // From each version, what it may send; then what receivers of 1.0, 1.1 and 1.2 get.
        for (version, header, received) in [
            (
                "1.2",
                "a:1\\r\\n\\r\\nb\\c2\\n\\nx",
                [
                    "a:1    b:2  x",
                    "a:1 \\n \\nb\\c2\\n\\nx",
                    "a:1\\r\\n\\r\\nb\\c2\\n\\nx",
                ],
            ),
            (
                "1.2",
                "a\\nsubscription\\c9:1",
                [
                    "a_subscription_9:1",
                    "a\\nsubscription\\c9:1",
                    "a\\nsubscription\\c9:1",
                ],
            ),
            (
                "1.1",
                "a:1\\n\\nb\\c2",
                ["a:1  b:2", "a:1\\n\\nb\\c2", "a:1\\n\\nb\\c2"],
            ),
            ("1.1", "a:1\rb:2", ["a:1 b:2", "a:1 b\\c2", "a:1\\rb\\c2"]),
            (
                "1.0",
                "a:1\\n\\nb:2\rx",
                [
                    "a:1\\n\\nb:2 x",
                    "a:1\\\\n\\\\nb\\c2 x",
                    "a:1\\\\n\\\\nb\\c2\\rx",
                ],
            ),
        ] {
            let mut peer = StompPeer::open(server, version).await;
            peer.send(format!("{TEXT_HEAD}{header}\n\nbody\0")).await;
            for (listener, expected) in listeners.iter_mut().zip(received) {
                assert_eq!(
                    own_lines(listener).await,
                    [expected],
                    "{version} {header:?}"
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s82_floods_of_headers_are_refused_by_count_length_and_sum() {
    let header = "header:of many\n";
    let floods = [
        format!("{TEXT_HEAD}{}", "a:b\n".repeat(10_000)),
        format!("{TEXT_HEAD}{}", header.repeat(4_000)),
        format!("{TEXT_HEAD}a:{}", "x".repeat(60_000)),
        format!(
            "{TEXT_HEAD}{}",
            format!("a:{}\n", "y".repeat(8_000)).repeat(5)
        ),
        format!("{TEXT_HEAD}{}", "a:\\n\\n\\n\\c\\c\\r\\\\\n".repeat(3_000)),
    ]
    .map(|flood| (flood.into_bytes(), "too-big", 1009));
    attack_stomp(CHEAP_GROWTH_MAX, async |server| {
        refuse_all(server, ATTACKS, &floods).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_wrong_frames_are_refused_many_times_over() {
    let wrong = [
        (&b"a:\0b\n\nx\0"[..], "malformed-frame", 1002),
        (b"a\0:b\n\nx\0", "malformed-frame", 1002),
        (b"a:\xff\n\nx\0", "bad-text", 1007),
        (b"a:\\u0000\n\nx\0", "bad-escape", 1002),
        (b"content-length:-1\n\nx\0", "bad-content-length", 1002),
        (
            b"content-length:99999999999999999999999\n\n",
            "too-big",
            1009,
        ),
        (b"content-length:4294967295\n\n", "too-big", 1009),
        (b"content-length:1\n\nxyz\0", "bad-body", 1002),
        (b"\n\0\0\0\0", "malformed-frame", 1002),
    ];
    let wrong = wrong.map(|(rest, word, code)| {
        let octets = [TEXT_HEAD.as_bytes(), rest].concat();
        (octets, word, code)
    });
    let noise = [
        (vec![0xA5; 4_096], "unknown-command", 1002),
        (vec![0; 4_096], "malformed-frame", 1002),
    ];
    attack_stomp(CHEAP_GROWTH_MAX, async |server| {
        refuse_all(server, ATTACKS, &wrong).await;
        refuse_all(server, ATTACKS, &noise).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s82_a_body_of_exactly_the_limit_passes_and_one_octet_more_does_not() {
    const BODY_BYTES_MAX: usize = 65_536;
    attack_stomp(CHEAP_GROWTH_MAX, async |server| {
        for head in [String::new(), format!("content-length:{BODY_BYTES_MAX}\n")] {
            let mut peer = listener(server, "1.2").await;
            let body = "x".repeat(BODY_BYTES_MAX);
            peer.send(format!("{TEXT_HEAD}{head}\n{body}\0")).await;
            let message = peer.next().await.expect("the message");
            assert!(
                message.ends_with(&format!("\n\n{body}")),
                "{} octets",
                message.len()
            );
        }
        let more = "x".repeat(BODY_BYTES_MAX + 1);
        let told = format!("{TEXT_HEAD}content-length:{}\n\n", more.len());
        let attacks = [format!("{TEXT_HEAD}\n{more}\0"), told];
        let attacks = attacks.map(|octets| (octets.into_bytes(), "too-big", 1009));
        refuse_all(server, ATTACKS, &attacks).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s63_a_frame_may_span_thousands_of_messages_and_fragments() {
    const PIECES: usize = 20_000;
    attack_stomp(UNFINISHED_GROWTH_MAX, async |server| {
        let body = "0123456789".repeat(PIECES / 10);
        let mut peer = listener(server, "1.2").await;
        peer.send(format!("{TEXT_HEAD}\n")).await;
        let octets = body.bytes().chain([0]);
        let messages: Vec<u8> = octets.flat_map(|it| frames::frame(TEXT, &[it])).collect();
        peer.raw.send(&messages).await;
        let message = peer.next().await.expect("the message");
        assert!(message.ends_with(&format!("\n\n{body}")));
        // In one message of many fragments, which has a limit of its own.
        let fragments = frames::frame(MORE, b"x").repeat(1_000);
        let first = frames::frame(BINARY_FIRST, format!("{TEXT_HEAD}\n").as_bytes());
        let last = frames::frame(LAST, b"y\0");
        peer.raw.send(&[first, fragments, last].concat()).await;
        let message = peer.next().await.expect("the message");
        assert!(message.ends_with(&format!("\n\n{}y", "x".repeat(1_000))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s82_frames_that_never_end_hold_no_more_than_a_frame() {
    const SESSIONS: usize = 100;
    attack_stomp(UNFINISHED_GROWTH_MAX, async |server| {
        let mut peers = Vec::new();
        for _ in 0..SESSIONS {
            let mut peer = StompPeer::open(server, "1.2").await;
            peer.send(format!("{TEXT_HEAD}content-length:65536\n\n"))
                .await;
            peer.send([b'x'; 60_000]).await;
            peers.push(peer);
        }
        // Each still has its frame: the NUL completes it.
        for peer in &mut peers {
            peer.send([b'x'; 5_536]).await;
            peer.send("\0").await;
            peer.expect_open().await;
        }
    })
    .await;
}
