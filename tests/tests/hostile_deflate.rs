//! Compressed messages that are too much, garbage, or only unusual (RFC 7692), on the finished
//! program, while a bystander's echoes all arrive in order. Numbers are those of the project's list
//! of hostile input.

use std::time::Duration;

use campanile_client::{Client, DeflateOffer};
use campanile_tests::{
    MIB, Raw, Scene,
    attack::join_all,
    clients::{next_text, settle},
    deflate::{back_reference, beyond_every_window, compressed, inflated, stored, with_last_block},
    frames::{
        BINARY, BINARY_FIRST, CLOSE, COMPRESSED, LAST, MORE, PING, PONG, TEXT, TEXT_FIRST, frame,
    },
    require_descriptors, within,
};
use tokio::task::JoinSet;

/// What attacks on an endpoint with a limit of 64 KiB may make the process grow by.
const GROWTH_MAX: usize = 16 * MIB;
/// What one attack on an endpoint with a limit of 64 MiB may: the message that grows up to that, and
/// the copy of it that is made when it grows for the last time.
const ECHO_GROWTH_MAX: usize = 3 * 64 * MIB;
/// What an idle session may cost, compressing or not, in bytes of resident memory.
const SESSION_BYTES_MAX: usize = 1_536;
/// What all idle sessions share besides: two inflaters a shard and the compressors.
const SHARED_BYTES_MAX: usize = 2 * MIB;
/// Sessions of each attack that costs the attacker little.
const ATTACKS: usize = 200;

/// 200 MiB of one octet: about 200 kB on the wire.
fn bomb() -> Vec<u8> {
    let bomb = compressed(&vec![b'x'; 200 * MIB]);
    assert!(bomb.len() < 256 << 10, "{}", bomb.len());
    bomb
}

async fn expect_closes(scene: &Scene, path: &str, bytes: &[u8], times: usize, codes: &[u16]) {
    for _ in 0..times {
        let mut raw = Raw::open_compressed(&scene.server, path, "").await;
        // What is left unsent when the program closes was not to be read.
        let _ = raw.try_send(bytes).await;
        raw.expect_close_of(codes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_is_1009_while_it_is_inflated() {
    let scene = Scene::start().await;
    let bomb = bomb();
    for first in [TEXT, BINARY] {
        // The limit on frames is that on messages: a bomb has to come in pieces to go off.
        let whole = frame(first | COMPRESSED, &bomb);
        expect_closes(&scene, "/chat", &whole, 10, &[1009]).await;
        let part = frame(first | COMPRESSED, &bomb[..60_000]);
        expect_closes(&scene, "/chat", &part, ATTACKS, &[1009]).await;
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_in_fragments_is_1009() {
    let scene = Scene::start().await;
    let bomb = bomb();
    let mut fragments = frame(BINARY_FIRST | COMPRESSED, b"");
    for piece in bomb.chunks(40) {
        fragments.extend(frame(MORE, piece));
    }
    fragments.extend(frame(LAST, b""));
    expect_closes(&scene, "/chat", &fragments, ATTACKS, &[1009]).await;
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_stops_at_a_limit_of_64_mib() {
    let scene = Scene::start().await;
    let bomb = bomb();
    let mut fragments = frame(BINARY_FIRST | COMPRESSED, b"");
    for piece in bomb.chunks(1_000) {
        fragments.extend(frame(MORE, piece));
    }
    let whole = frame(BINARY | COMPRESSED, &bomb);
    for attack in [&whole, &fragments] {
        expect_closes(&scene, "/echo", attack, 3, &[1009]).await;
    }
    scene.end(ECHO_GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_in_many_messages_waits_for_its_reader() {
    let mut scene = Scene::start().await;
    // 256 messages of 1 MiB each, in as many kilobytes, from a peer that does not read the echoes.
    let message = compressed(&vec![b'x'; MIB]);
    let messages = frame(TEXT | COMPRESSED, &message).repeat(256);
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::open_compressed(&scene.server, "/echo", "").await;
        raw.send_until_stalled(&messages, Duration::from_secs(2))
            .await;
        attackers.push(raw);
    }
    scene.bystander.await_echoes(400).await;
    drop(attackers);
    scene.end(ECHO_GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_many_small_messages_that_inflate_to_much_hold_up_nobody() {
    let mut scene = Scene::start().await;
    // Each of 64 KiB less an octet; to nobody, so that only the speaker gets them back.
    let mut text = b"@nobody ".to_vec();
    text.resize(65_535, b'x');
    let messages = frame(TEXT | COMPRESSED, &compressed(&text)).repeat(2_000);
    let mut attackers = JoinSet::new();
    for _ in 0..8 {
        let mut raw = Raw::open_compressed(&scene.server, "/chat", "").await;
        let messages = messages.clone();
        attackers.spawn(async move {
            raw.send_until_stalled(&messages, Duration::from_secs(2))
                .await;
            raw
        });
    }
    scene.bystander.await_echoes(400).await;
    drop(join_all(attackers).await);
    // Eight outboxes of 1 MiB, and what is compressed for them.
    scene.end(2 * GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_37_to_39_garbage_and_what_is_marked_wrongly_are_refused() {
    let scene = Scene::start().await;
    let text = compressed("grüezi mitenand".repeat(50).as_bytes());
    let mut cut = text.clone();
    cut.truncate(text.len() - 6);
    let compressed_first = frame(TEXT_FIRST | COMPRESSED, &text[..4]);
    let after = |second: Vec<u8>| [compressed_first.as_slice(), &second].concat();
    let cases: &[(&str, Vec<u8>, &[u16])] = &[
        // 37.
        (
            "noise",
            frame(TEXT | COMPRESSED, &[0xFF; 100]),
            &[1007, 1002],
        ),
        (
            "plain text",
            frame(TEXT | COMPRESSED, b"this is not compressed"),
            &[1007, 1002],
        ),
        ("cut off", frame(TEXT | COMPRESSED, &cut), &[1007, 1002]),
        (
            "more behind",
            frame(TEXT | COMPRESSED, &[&text[..], b"more"].concat()),
            &[1007, 1002],
        ),
        // 38.
        (
            "on a continuation",
            after(frame(LAST | COMPRESSED, &text[4..])),
            &[1002],
        ),
        ("on a ping", frame(PING | COMPRESSED, b"?"), &[1002]),
        ("on a pong", frame(PONG | COMPRESSED, b"?"), &[1002]),
        ("on a close", frame(CLOSE | COMPRESSED, b""), &[1002]),
        (
            "on a ping between",
            after(frame(PING | COMPRESSED, b"?")),
            &[1002],
        ),
        ("RSV2", frame(TEXT | 0x20, &text), &[1002]),
        ("RSV1 and RSV3", frame(TEXT | 0x50, &text), &[1002]),
        // 39.
        (
            "bad UTF-8",
            frame(TEXT | COMPRESSED, &compressed(b"gr\xFCezi")),
            &[1007],
        ),
        (
            "half a character",
            frame(TEXT | COMPRESSED, &compressed(b"gr\xC3")),
            &[1007],
        ),
    ];
    for (what, bytes, codes) in cases {
        println!("{what}");
        for path in ["/echo", "/chat"] {
            expect_closes(&scene, path, bytes, 20, codes).await;
        }
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_40_what_is_unusual_but_legal_works() {
    let scene = Scene::start().await;
    let hello = compressed(b"hello");
    let last_block = with_last_block(b"hello");
    let ended = [last_block.as_slice(), &[0]].concat();
    let two_ends = [last_block.as_slice(), &with_last_block(b", world"), &[0]].concat();
    let mut blocks = stored(b"hello");
    for _ in 0..100 {
        blocks.extend(stored(b""));
    }
    blocks.extend(&hello);
    let cases: &[(&str, &[u8], &[u8])] = &[
        ("one block", &hello, b"hello"),
        ("BFINAL and an empty block", &ended, b"hello"),
        ("BFINAL alone", &last_block, b"hello"),
        ("BFINAL twice", &two_ends, b"hello, world"),
        ("an empty message", &[0], b""),
        ("no octet", &[], b""),
        ("a hundred and two blocks", &blocks, b"hellohello"),
        (
            "only stored",
            &[&stored(b"hello")[..], &[0]].concat(),
            b"hello",
        ),
        (
            "nearly too far back",
            &[&stored(b"abc")[..], &back_reference(3)].concat(),
            b"abcabc",
        ),
    ];
    let mut raw = Raw::open_compressed(&scene.server, "/echo", "").await;
    for (what, payload, message) in cases {
        println!("{what}");
        raw.send(&frame(TEXT | COMPRESSED, payload)).await;
        // In fragments, with a ping between, and empty ones.
        raw.send(&frame(BINARY_FIRST | COMPRESSED, b"")).await;
        for octet in payload.chunks(1) {
            raw.send(&frame(MORE, octet)).await;
        }
        raw.send(&frame(PING, b"between")).await;
        raw.send(&frame(LAST, b"")).await;
        // And as it is: a message need not be compressed.
        raw.send(&frame(TEXT, message)).await;
        for opcode in [1, 10, 2, 1] {
            let reply = raw.frame().await.expect("an answer");
            assert_eq!(reply.opcode, opcode);
            if opcode != 10 {
                assert_eq!(&reply.payload, message);
            }
        }
    }
    let long = "several blocks of it, ".repeat(20_000);
    raw.send_bytewise(&frame(TEXT | COMPRESSED, &compressed(long.as_bytes())))
        .await;
    let reply = raw.frame().await.expect("an echo");
    assert!(inflated(&reply.payload) == long.as_bytes());
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_41_references_to_what_is_not_there_are_refused() {
    let scene = Scene::start().await;
    let refused: &[u16] = &[1007, 1002];
    // Before the first octet, and farther than any window reaches.
    let text = stored(b"twelve bytes");
    let far = [&text[..], &back_reference(13)].concat();
    let farther = [&stored(&vec![b'x'; 40_000])[..], &beyond_every_window()].concat();
    for payload in [&far, &farther, &back_reference(1)] {
        let bytes = frame(TEXT | COMPRESSED, payload);
        expect_closes(&scene, "/echo", &bytes, 20, refused).await;
    }
    // Into the message before, whose context was given up.
    for _ in 0..20 {
        let mut raw = Raw::open_compressed(&scene.server, "/echo", "").await;
        let first = [&text[..], &[0]].concat();
        raw.send(&frame(TEXT | COMPRESSED, &first)).await;
        assert_eq!(raw.frame().await.expect("an echo").payload, b"twelve bytes");
        raw.send(&frame(TEXT | COMPRESSED, &back_reference(12)))
            .await;
        raw.expect_close_of(refused).await;
    }
    // As far as the window reaches is legal.
    let mut raw = Raw::open_compressed(&scene.server, "/echo", "").await;
    let whole = [&stored(&vec![b'x'; 40_000])[..], &back_reference(32_768)].concat();
    raw.send(&frame(TEXT | COMPRESSED, &whole)).await;
    let reply = raw.frame().await.expect("an echo");
    assert_eq!(inflated(&reply.payload).len(), 40_003);
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_42_idle_sessions_cost_no_more_for_their_compression() {
    const SESSIONS: usize = 4_000;
    const HANDS: usize = 16;
    require_descriptors(SESSIONS + 200);
    let mut scene = Scene::start().await;
    let crowd = async |sessions: usize| {
        let mut opening = JoinSet::new();
        for _ in 0..HANDS {
            let server = std::sync::Arc::clone(&scene.server);
            opening.spawn(async move {
                let text = format!("@nobody {}", "ding dong ".repeat(20));
                let mut opened = Vec::new();
                for _ in 0..sessions / HANDS {
                    let builder = Client::builder(&server.url("/chat"));
                    let builder = builder.compression(DeflateOffer::default());
                    let mut client = within("a session", builder.connect()).await.expect("open");
                    assert!(client.compression().is_some());
                    settle(&mut client).await;
                    client.send_text(&text).await.expect("sent");
                    assert_eq!(next_text(&mut client).await, text);
                    opened.push(client);
                }
                opened
            });
        }
        join_all(opening).await
    };
    // Code that runs for the first time and the allocator's caches are not what sessions cost.
    drop(crowd(SESSIONS / 5).await);
    scene.bystander.await_echoes(400).await;
    let before = scene.server.rss_bytes();
    let sessions = crowd(SESSIONS).await;
    let grown = scene.server.rss_bytes().saturating_sub(before);
    println!("{} bytes for each of {SESSIONS} sessions", grown / SESSIONS);
    assert!(
        grown <= SESSIONS * SESSION_BYTES_MAX + SHARED_BYTES_MAX,
        "{grown} bytes for {SESSIONS} sessions"
    );
    drop(sessions);
    scene.end(SESSIONS * SESSION_BYTES_MAX + GROWTH_MAX).await;
}
