//! A hostile or slow client costs nobody else: while each of these attacks goes on, at every endpoint
//! of the finished program, directly and behind each proxy, a bystander's echoes all arrive in
//! order, and the memory of the process stays within a named bound.

use std::{sync::Arc, time::Duration};

use campanile_tests::{
    MIB, Raw, Request, Scene, Way,
    attack::{join_all, repeat},
    attack_everywhere, attack_on,
    clients::{self, next_text},
    frames::{BINARY, LAST, LengthForm, MORE, PING, TEXT, TEXT_FIRST, frame, header},
    on_each_way, require_descriptors, with_high_limits, within,
};
use tokio::task::JoinSet;

/// Sessions of each cheap attack at each endpoint, one after the other and fifty at a time.
const ATTACKS: usize = 100;
/// What a cheap attack may make the process grow by.
const CHEAP_GROWTH_MAX: usize = 16 * MIB;
/// What one unfinished handshake may cost: a head of up to 16 KiB, its timer and its task.
const HANDSHAKE_BYTES_MAX: usize = 32 * 1024;
/// Echoes that must come while an attack that only waits goes on.
const ECHOES_MEANWHILE: u64 = 400;

async fn cheap_attack(bytes: &[u8], code: u16) {
    attack_everywhere(CHEAP_GROWTH_MAX, async |scene, endpoint| {
        repeat(&scene.server, ATTACKS, endpoint.path, bytes, code).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_length_of_2_to_the_62() {
    cheap_attack(&header(BINARY, LengthForm::Eight, 1 << 62), 1009).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragmented_control_frames() {
    cheap_attack(&frame(PING & 0x0F, b"to be continued"), 1002).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_bits() {
    cheap_attack(&frame(TEXT | 0x70, b"reserved"), 1002).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_utf8_split_over_frames() {
    let bytes = [
        frame(TEXT_FIRST, b"\xED"),
        frame(MORE, b"\xA0"),
        frame(LAST, b"\x80"),
    ]
    .concat();
    cheap_attack(&bytes, 1007).await;
}

/// Does the same on each way, at the same time: what waits for a time-out costs it only once.
async fn on_all_ways_at_once<F>(attack: impl Fn(Way) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut ways = JoinSet::new();
    for way in Way::ALL {
        ways.spawn(attack(way));
    }
    join_all(ways).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_of_one_byte_a_second() {
    on_all_ways_at_once(one_byte_a_second).await;
}

async fn one_byte_a_second(way: Way) {
    const ATTACKERS: usize = 200;
    let mut scene = Scene::start_behind(way).await;
    let mut attackers = JoinSet::new();
    for _ in 0..ATTACKERS {
        let mut raw = Raw::connect(&scene.server).await;
        attackers.spawn(async move {
            for byte in Request::upgrade("/echo").bytes() {
                if raw.try_send(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            panic!("somebody waited for the whole head: {way:?}");
        });
    }
    scene.bystander.await_echoes(ECHOES_MEANWHILE).await;
    join_all(attackers).await;
    scene.end(CHEAP_GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_connections_that_never_finish_the_handshake() {
    require_descriptors(6_200);
    on_all_ways_at_once(never_finish_the_handshake).await;
}

async fn never_finish_the_handshake(way: Way) {
    let attackers_count = if way.is_behind_a_proxy() { 500 } else { 5_000 };
    let mut scene = Scene::start_behind(way).await;
    let mut head = Request::upgrade("/echo")
        .with("X-Long", &"a".repeat(1_000))
        .bytes();
    head.truncate(head.len() - 2);
    let mut attackers = Vec::with_capacity(attackers_count);
    for _ in 0..attackers_count {
        let mut raw = Raw::connect(&scene.server).await;
        // Those that came first may have met their deadline on a slow machine.
        let _ = raw.try_send(&head).await;
        attackers.push(raw);
    }
    scene.bystander.await_echoes(ECHOES_MEANWHILE).await;
    let mut newcomer = clients::open(&scene.server, "/echo").await;
    newcomer.send_text("let me in").await.expect("sent");
    assert_eq!(next_text(&mut newcomer).await, "let me in");
    // They end by the program's doing, or the proxy's: nobody closes on this side.
    for raw in &mut attackers {
        raw.end().await;
    }
    scene.end(attackers_count * HANDSHAKE_BYTES_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_unfinished_handshakes_than_the_program_keeps() {
    const ATTACKERS: usize = 9_000;
    /// The program's limit on unfinished handshakes.
    const KEPT: usize = 8_192;
    require_descriptors(ATTACKERS + 200);
    let mut scene = Scene::start().await;
    let mut attackers = Vec::with_capacity(ATTACKERS);
    for _ in 0..ATTACKERS {
        let mut raw = Raw::connect(&scene.server).await;
        let _ = raw.try_send(b"GET /echo HTTP/1.1\r\nHost: ").await;
        attackers.push(raw);
    }
    // The oldest make room, so a newcomer gets in.
    for raw in &mut attackers[..ATTACKERS - KEPT] {
        raw.end().await;
    }
    scene.bystander.await_echoes(8).await;
    drop(clients::open(&scene.server, "/echo").await);
    scene.end(KEPT * HANDSHAKE_BYTES_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_stop_reading() {
    const ATTACKERS: usize = 20;
    /// An outbox of 1 MiB and the kernel's share for each, and a message that is being read.
    const GROWTH_MAX: usize = ATTACKERS * 3 * MIB;
    let filling: Arc<[u8]> = frame(TEXT, &[b'x'; 60_000]).into();
    for way in Way::ALL {
        attack_on(
            way,
            with_high_limits(),
            GROWTH_MAX,
            async |scene, endpoint| {
                let mut attackers = JoinSet::new();
                for _ in 0..ATTACKERS {
                    let mut raw = Raw::connect_narrow(&scene.server).await;
                    raw.upgrade(endpoint.path).await;
                    let filling = Arc::clone(&filling);
                    attackers.spawn(async move {
                        for _ in 0..200 {
                            let taken = raw.send_until_stalled(&filling, Duration::from_secs(2));
                            if !taken.await {
                                break;
                            }
                        }
                        raw
                    });
                }
                scene.bystander.await_echoes(ECHOES_MEANWHILE).await;
                let attackers = join_all(attackers).await;
                scene.bystander.await_echoes(ECHOES_MEANWHILE).await;
                drop(attackers);
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_headers() {
    let line = b"X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    attack_everywhere(CHEAP_GROWTH_MAX, async |scene, endpoint| {
        let mut flood = endpoint.upgrade().bytes();
        flood.truncate(flood.len() - 2);
        flood.extend(line.repeat(20_000));
        for _ in 0..30 {
            let mut raw = Raw::connect(&scene.server).await;
            // It cannot be taken whole: the program closes after 16 KiB.
            let _ = raw.try_send(&flood).await;
            raw.end().await;
            let answer = String::from_utf8_lossy(raw.received()).into_owned();
            let refusals = match scene.server.way() {
                Way::Directly => [" 431 "; 2],
                _ => [" 431 ", " 400 "],
            };
            assert!(
                answer.is_empty()
                    || refusals
                        .iter()
                        .any(|status| answer[8..].starts_with(status)),
                "{answer}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_endless_fragments() {
    let empty = frame(MORE, b"").repeat(1_000);
    let small = frame(MORE, b"x").repeat(1_000);
    attack_everywhere(CHEAP_GROWTH_MAX, async |scene, endpoint| {
        let attackers = if endpoint.has_default_limits() { 20 } else { 2 };
        for fragments in [&empty, &small] {
            for _ in 0..attackers {
                let mut raw = endpoint.open(&scene.server).await;
                raw.send(&frame(TEXT_FIRST, b"")).await;
                // The program closes within 140,000 frames at any endpoint.
                for _ in 0..140 {
                    if raw.try_send(fragments).await.is_err() {
                        break;
                    }
                }
                raw.expect_close_of(&[1008, 1009]).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_pings() {
    let pings = frame(PING, &[b'p'; 125]).repeat(20_000);
    attack_everywhere(CHEAP_GROWTH_MAX, async |scene, endpoint| {
        let mut raw = Raw::connect_narrow(&scene.server).await;
        raw.upgrade(endpoint.path).await;
        raw.send_until_stalled(&pings, Duration::from_secs(1)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_come_and_go() {
    on_each_way(come_and_go).await;
}

async fn come_and_go(way: Way) {
    let scene = Scene::start_behind(way).await;
    let mut half = frame(TEXT, &[b'x'; 1_000]);
    half.truncate(500);
    for round in 0..1_000 {
        let mut raw = Raw::connect(&scene.server).await;
        match round % 3 {
            0 => {}
            1 => raw.send(b"GET / HT").await,
            _ => {
                raw.upgrade("/chat").await;
                raw.send(&half).await;
            }
        }
    }
    let freed = async {
        while scene.server.rss_bytes() > scene.before + CHEAP_GROWTH_MAX {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("the release of memory", freed).await;
    scene.end(CHEAP_GROWTH_MAX).await;
}
