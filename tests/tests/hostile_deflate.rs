//! Compressed messages that are too much, garbage, or only unusual (RFC 7692), at every endpoint of
//! the finished program, directly and behind each proxy, while a bystander's echoes all arrive in
//! order. Numbers are those of the project's list of hostile input.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use campanile_client::{Client, DeflateOffer};
use campanile_tests::{
    Answers, ENDPOINTS, Endpoint, MIB, Scene, Way,
    attack::join_all,
    attack_everywhere, attack_on,
    clients::{next_text, settle},
    deflate::{back_reference, beyond_every_window, compressed, stored, with_last_block},
    frames::{
        BINARY, BINARY_FIRST, CLOSE, COMPRESSED, LAST, MORE, PING, PONG, TEXT, TEXT_FIRST, frame,
    },
    require_descriptors, with_default_limits, with_high_limits, within,
};
use tokio::task::JoinSet;

/// What attacks on endpoints with a limit of 64 KiB may make the process grow by.
const GROWTH_MAX: usize = 16 * MIB;
/// What one attack on an endpoint with a limit of 64 MiB may: the message that grows up to that, and
/// the copy of it that is made when it grows for the last time.
const ECHO_GROWTH_MAX: usize = 3 * 64 * MIB;
/// What an idle session may cost, compressing or not, in bytes of resident memory.
const SESSION_BYTES_MAX: usize = 1_536;
/// What all idle sessions share besides: two inflaters a shard and the compressors.
const SHARED_BYTES_MAX: usize = 2 * MIB;
/// Sessions of each attack that costs the attacker little, at each endpoint.
const ATTACKS: usize = 40;

/// 200 MiB of one octet: about 200 kB on the wire.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let bomb = compressed(&vec![b'x'; 200 * MIB]);
        assert!(bomb.len() < 256 << 10, "{}", bomb.len());
        bomb
    })
}

/// The bomb as the compressed message that begins with `first`, in fragments of `bytes` octets.
fn in_fragments(first: u8, bytes: usize) -> Vec<u8> {
    let mut fragments = frame(first | COMPRESSED, b"");
    for piece in bomb().chunks(bytes) {
        fragments.extend(frame(MORE, piece));
    }
    fragments.extend(frame(LAST, b""));
    fragments
}

async fn expect_closes(
    scene: &Scene,
    endpoint: &Endpoint,
    bytes: &[u8],
    times: usize,
    codes: &[u16],
) {
    for _ in 0..times {
        let mut raw = endpoint.open_compressed(&scene.server).await;
        // What is left unsent when the program closes was not to be read.
        let _ = raw.try_send(bytes).await;
        raw.expect_close_of(codes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_is_1009_while_it_is_inflated() {
    for way in Way::ALL {
        attack_on(
            way,
            with_default_limits(),
            GROWTH_MAX,
            async |scene, endpoint| {
                for first in [TEXT, BINARY] {
                    // The limit on frames is that on messages: a bomb has to come in pieces to go off.
                    let whole = frame(first | COMPRESSED, bomb());
                    expect_closes(scene, endpoint, &whole, 5, &[1009]).await;
                    let part = frame(first | COMPRESSED, &bomb()[..60_000]);
                    expect_closes(scene, endpoint, &part, ATTACKS, &[1009]).await;
                }
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_in_fragments_is_1009() {
    let fragments = in_fragments(BINARY_FIRST, 40);
    for way in Way::ALL {
        attack_on(
            way,
            with_default_limits(),
            GROWTH_MAX,
            async |scene, endpoint| {
                expect_closes(scene, endpoint, &fragments, ATTACKS, &[1009]).await;
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_stops_at_a_limit_of_64_mib() {
    let whole = frame(BINARY | COMPRESSED, bomb());
    let fragments = in_fragments(BINARY_FIRST, 1_000);
    for way in Way::ALL {
        attack_on(
            way,
            with_high_limits(),
            ECHO_GROWTH_MAX,
            async |scene, endpoint| {
                for attack in [&whole, &fragments] {
                    expect_closes(scene, endpoint, attack, 2, &[1009]).await;
                }
            },
        )
        .await;
    }
}

/// Sends, on eight sessions of each endpoint at once, messages that inflate to nearly what one may
/// have, or to 1 MiB, and reads nothing.
async fn bombs_in_many_messages(way: Way, endpoints: &'static [Endpoint], growth_max: usize) {
    attack_on(way, endpoints, growth_max, async |scene, endpoint| {
        // To nobody, so that in the chat only the speaker gets them back.
        let mut text = b"@nobody ".to_vec();
        text.resize(endpoint.message_bytes_max.min(MIB) - 1, b'x');
        // Where nothing comes back, each of them is logged instead.
        let messages = match endpoint.answers {
            Answers::Nothing => 10,
            Answers::Text | Answers::Everything => 1_000,
        };
        let messages: Arc<[u8]> = frame(TEXT | COMPRESSED, &compressed(&text))
            .repeat(messages)
            .into();
        let mut attackers = JoinSet::new();
        for _ in 0..8 {
            let mut raw = endpoint.open_compressed(&scene.server).await;
            let messages = Arc::clone(&messages);
            attackers.spawn(async move {
                raw.send_until_stalled(&messages, Duration::from_secs(2))
                    .await;
                raw
            });
        }
        scene.bystander.await_echoes(200).await;
        drop(join_all(attackers).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_a_bomb_in_many_messages_waits_for_its_reader() {
    for way in Way::ALL {
        bombs_in_many_messages(way, with_high_limits(), ECHO_GROWTH_MAX).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn item_36_many_small_messages_that_inflate_to_much_hold_up_nobody() {
    for way in Way::ALL {
        // Eight outboxes of 1 MiB, and what is compressed for them.
        bombs_in_many_messages(way, with_default_limits(), 2 * GROWTH_MAX).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_37_to_39_garbage_and_what_is_marked_wrongly_are_refused() {
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
    attack_everywhere(GROWTH_MAX, async |scene, endpoint| {
        for (what, bytes, codes) in cases {
            println!("{what}");
            expect_closes(scene, endpoint, bytes, 3, codes).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_40_what_is_unusual_but_legal_works() {
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
    attack_everywhere(GROWTH_MAX, async |scene, endpoint| {
        let mut raw = endpoint.open_compressed(&scene.server).await;
        for (what, payload, message) in cases {
            println!("{what}");
            raw.send(&frame(TEXT | COMPRESSED, payload)).await;
            endpoint.expect_taken(&mut raw, message).await;
            // In fragments, with a ping between, and empty ones.
            raw.send(&frame(TEXT_FIRST | COMPRESSED, b"")).await;
            for octet in payload.chunks(1) {
                raw.send(&frame(MORE, octet)).await;
            }
            raw.expect_open().await;
            raw.send(&frame(LAST, b"")).await;
            endpoint.expect_taken(&mut raw, message).await;
            // And as it is: a message need not be compressed.
            raw.send(&frame(TEXT, message)).await;
            endpoint.expect_taken(&mut raw, message).await;
        }
        let times = if endpoint.has_default_limits() {
            2_000
        } else {
            20_000
        };
        let long = "several blocks of it, ".repeat(times);
        let bytes = frame(TEXT | COMPRESSED, &compressed(long.as_bytes()));
        raw.send_bytewise(&bytes).await;
        endpoint.expect_taken(&mut raw, long.as_bytes()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_41_references_to_what_is_not_there_are_refused() {
    let refused: &[u16] = &[1007, 1002];
    // Before the first octet, and farther than any window reaches.
    let text = stored(b"twelve bytes");
    let far = [&text[..], &back_reference(13)].concat();
    let many = stored(&[b'x'; 40_000]);
    let farther = [&many[..], &beyond_every_window()].concat();
    attack_everywhere(GROWTH_MAX, async |scene, endpoint| {
        for payload in [&far, &farther, &back_reference(1)] {
            let bytes = frame(TEXT | COMPRESSED, payload);
            expect_closes(scene, endpoint, &bytes, 5, refused).await;
        }
        // Into the message before, whose context was given up.
        for _ in 0..5 {
            let mut raw = endpoint.open_compressed(&scene.server).await;
            let first = [&text[..], &[0]].concat();
            raw.send(&frame(TEXT | COMPRESSED, &first)).await;
            endpoint.expect_taken(&mut raw, b"twelve bytes").await;
            raw.send(&frame(TEXT | COMPRESSED, &back_reference(12)))
                .await;
            raw.expect_close_of(refused).await;
        }
        // As far as the window reaches is legal.
        let mut raw = endpoint.open_compressed(&scene.server).await;
        let whole = [&many[..], &back_reference(32_768)].concat();
        raw.send(&frame(TEXT | COMPRESSED, &whole)).await;
        endpoint.expect_taken(&mut raw, &[b'x'; 40_003]).await;
    })
    .await;
}

/// So many sessions that have each sent a compressed message, and are idle.
async fn crowd(scene: &Scene, endpoint: &'static Endpoint, sessions: usize) -> Vec<Vec<Client>> {
    const HANDS: usize = 16;
    let mut opening = JoinSet::new();
    for _ in 0..HANDS {
        let server = Arc::clone(&scene.server);
        opening.spawn(async move {
            let text = format!("@nobody {}", "ding dong ".repeat(20));
            let mut opened = Vec::new();
            for _ in 0..sessions / HANDS {
                let builder = Client::builder(&server.url(endpoint.path));
                let builder = builder.compression(DeflateOffer::default());
                let mut client = within("a session", builder.connect()).await.expect("open");
                assert!(client.compression().is_some());
                settle(&mut client).await;
                client.send_text(&text).await.expect("sent");
                if endpoint.answers != Answers::Nothing {
                    assert_eq!(next_text(&mut client).await, text);
                }
                settle(&mut client).await;
                opened.push(client);
            }
            opened
        });
    }
    join_all(opening).await
}

#[tokio::test(flavor = "multi_thread")]
async fn item_42_idle_sessions_cost_no_more_for_their_compression() {
    require_descriptors(4_200);
    for way in Way::ALL {
        for endpoint in &ENDPOINTS {
            let sessions = match (way, endpoint.path) {
                (Way::Directly, "/chat") => 4_000,
                (Way::Directly, _) => 1_000,
                _ => 400,
            };
            println!("{sessions} sessions: {way:?}, {}", endpoint.path);
            let mut scene = Scene::start_behind(way).await;
            // Code that runs for the first time and the allocator's caches are not what they cost.
            drop(crowd(&scene, endpoint, sessions / 5).await);
            scene.bystander.await_echoes(100).await;
            let before = scene.server.rss_bytes();
            let idle = crowd(&scene, endpoint, sessions).await;
            let grown = scene.server.rss_bytes().saturating_sub(before);
            println!("{} bytes for each", grown / sessions);
            assert!(
                grown <= sessions * SESSION_BYTES_MAX + SHARED_BYTES_MAX,
                "{grown} bytes for {sessions} sessions"
            );
            drop(idle);
            scene.end(sessions * SESSION_BYTES_MAX + GROWTH_MAX).await;
        }
    }
}
