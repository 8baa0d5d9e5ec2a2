//! Peers that abuse HTTP/2, frame by frame, while a bystander has its echoes: memory stays within a
//! named bound, and who breaks the rules is told and goes.

#[path = "hostile_http2/peer.rs"]
mod peer;

use campanile_tests::{MIB, Scene, clients, within};

use self::peer::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, End, GOAWAY,
    HEADERS, PING, PREFACE, PROTOCOL_ERROR, Peer, REFUSED_STREAM, RESET, SETTINGS, STREAM_CLOSED,
    WINDOW_UPDATE, connect, frame, get, setting,
};

/// What any of these attacks may cost, all that the program does for the first time included.
const GROWTH_MAX: usize = 16 * MIB;

/// What a hundred sockets may cost whose client takes nothing: an outbox, a pipe and what is on its
/// way to the connection, each.
const UNREAD_GROWTH_MAX: usize = 160 * MIB;

/// A program that speaks TLS, and its bystander.
async fn scene() -> Scene {
    Scene::start_with(&["--dev-tls"]).await
}

/// HEADERS that are all there is of a request.
fn request(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, block)
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_rapid_resets_end_the_connection() {
    let scene = scene().await;
    for path in ["/", "/chat"] {
        let mut peer = Peer::open(&scene.server, &[]).await;
        let mut flood = Vec::new();
        for number in 0..10_000 {
            let stream = 2 * number + 1;
            flood.extend(match path {
                "/" => request(stream, &get(path)),
                _ => frame(HEADERS, END_HEADERS, stream, &connect(path)),
            });
            flood.extend(frame(RESET, 0, stream, &CANCEL.to_be_bytes()));
        }
        // It may be gone before all is sent.
        let _ = peer.send_until_stalled(&flood).await;
        let end = peer.end().await;
        assert!(
            matches!(end, End::GoAway(ENHANCE_YOUR_CALM) | End::Closed),
            "{end:?}"
        );
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_resets_that_we_are_made_to_send_end_the_connection() {
    let scene = scene().await;
    let mut peer = Peer::open(&scene.server, &[]).await;
    let mut flood = Vec::new();
    for number in 0..5_000 {
        let stream = 2 * number + 1;
        flood.extend(frame(HEADERS, END_HEADERS, stream, &connect("/chat")));
        // More than a window may be, which is an error of the stream (RFC 9113 6.9.1).
        let most = 0x7fff_ffff_u32.to_be_bytes();
        flood.extend(frame(WINDOW_UPDATE, 0, stream, &most));
    }
    let _ = peer.send_until_stalled(&flood).await;
    let end = peer.end().await;
    assert!(
        matches!(end, End::GoAway(ENHANCE_YOUR_CALM) | End::Closed),
        "{end:?}"
    );
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_s29_windows_of_zero_end_in_the_outboxes_policy() {
    const SOCKETS: u32 = 90;
    let scene = scene().await;
    let nothing = setting(4, 0);
    let mut peer = Peer::open(&scene.server, &nothing).await;
    for number in 0..SOCKETS {
        let opening = frame(HEADERS, END_HEADERS, 2 * number + 1, &connect("/chat"));
        peer.send(&opening).await.expect("sent");
    }
    // An answer that is never taken, without a session that could end it.
    let page = 2 * SOCKETS + 1;
    peer.send(&request(page, &get("/"))).await.expect("sent");
    assert!(peer.settle().await);
    let mut speaker = clients::open(&scene.server, "/chat").await;
    let text = "x".repeat(30_000);
    for _ in 0..60 {
        speaker.send_text(&text).await.expect("sent");
        assert_eq!(clients::next_text(&mut speaker).await, text);
    }
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() <= SOCKETS as usize {
        let received = peer.next_of(RESET).await.expect("a reset stream");
        assert_eq!(received.code(), CANCEL);
        ended.insert(received.stream);
    }
    assert!(ended.contains(&page));
    // The connection itself is as good as new.
    peer.send(&request(page + 2, &get("/no-such-page")))
        .await
        .expect("sent");
    let answer = peer.next_of(HEADERS).await.expect("an answer");
    assert_eq!(answer.stream, page + 2);
    speaker
        .close(campanile_client::CloseCode::NORMAL, "")
        .await
        .expect("closed");
    scene.end(UNREAD_GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_continuations_without_end_are_refused() {
    let scene = scene().await;
    for payload in [Vec::new(), vec![0], vec![0; 16 << 10]] {
        let mut peer = Peer::open(&scene.server, &[]).await;
        let mut flood = frame(HEADERS, 0, 1, &get("/"));
        let more = frame(CONTINUATION, 0, 1, &payload);
        for _ in 0..(8 * MIB / more.len()).min(20_000) {
            flood.extend(&more);
        }
        let _ = peer.send_until_stalled(&flood).await;
        let end = peer.end().await;
        assert!(!matches!(end, End::GoAway(0)), "{end:?}");
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_settings_and_pings_that_nobody_reads_are_bounded() {
    let scene = scene().await;
    let ping = frame(PING, 0, 0, b"ping-png");
    let settings = frame(SETTINGS, 0, 0, &setting(1, 4_096));
    for one in [ping, settings] {
        let mut peer = Peer::open(&scene.server, &[]).await;
        let flood = one.repeat(100_000);
        // A server that stops reading until it is read is as good as one that answers all.
        let _ = peer.send_until_stalled(&flood).await;
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_more_streams_than_allowed_are_refused() {
    let scene = scene().await;
    let mut peer = Peer::open(&scene.server, &[]).await;
    for number in 0..=100 {
        let opening = frame(HEADERS, END_HEADERS, 2 * number + 1, &connect("/chat"));
        peer.send(&opening).await.expect("sent");
    }
    let refused = peer.next_of(RESET).await.expect("a refused stream");
    assert_eq!((refused.stream, refused.code()), (201, REFUSED_STREAM));
    // Once one has ended there is room for another one.
    peer.send(&frame(RESET, 0, 1, &CANCEL.to_be_bytes()))
        .await
        .expect("sent");
    assert!(peer.settle().await);
    peer.send(&request(203, &get("/no-such-page")))
        .await
        .expect("sent");
    loop {
        let answer = peer.next_of(HEADERS).await.expect("an answer");
        if answer.stream == 203 {
            break;
        }
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_headers_that_unpack_to_much_are_refused() {
    let scene = scene().await;
    let mut peer = Peer::open(&scene.server, &[]).await;
    // One header for the dynamic table (RFC 7541 6.2.1), then one octet for each mention of it.
    let mut block = get("/");
    block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend([b'y'; 4_000]);
    block.extend([0xbe; 10_000]);
    peer.send(&request(1, &block)).await.expect("sent");
    let more = request(3, &[&get("/")[..], &[0xbe; 16_000]].concat());
    let _ = peer.send(&more).await;
    // 431 each, or the end; never the page.
    while let Some(received) = peer.next().await {
        assert_ne!(received.kind, DATA, "it was answered: {received:?}");
        if received.kind == HEADERS && received.stream == 3 || received.kind == GOAWAY {
            break;
        }
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_who_never_asks_is_not_waited_for() {
    let scene = scene().await;
    let mut silent = Peer::connect(&scene.server).await;
    let mut slow = Peer::connect(&scene.server).await;
    slow.send(&PREFACE[..10]).await.expect("sent");
    let mut wrong = Peer::connect(&scene.server).await;
    wrong
        .send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("sent");
    let mut idle = Peer::open(&scene.server, &[]).await;
    let mut half = Peer::open(&scene.server, &[]).await;
    half.send(&frame(HEADERS, 0, 1, &get("/")))
        .await
        .expect("sent");
    for peer in [&mut wrong, &mut silent, &mut slow, &mut idle, &mut half] {
        let _ = peer.end().await;
    }
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_data_where_none_may_be_is_an_error() {
    let scene = scene().await;
    // On a stream whose request is over (RFC 9113 5.1).
    let mut peer = Peer::open(&scene.server, &[]).await;
    peer.send(&request(1, &get("/demo/echo")))
        .await
        .expect("sent");
    peer.send(&frame(DATA, 0, 1, b"more")).await.expect("sent");
    loop {
        let received = peer.next().await.expect("an error");
        if [RESET, GOAWAY].contains(&received.kind) {
            // A stream that was forgotten is like one that never was.
            let code = received.code();
            assert!([STREAM_CLOSED, PROTOCOL_ERROR].contains(&code), "{code}");
            break;
        }
    }
    // On one that was never opened.
    let mut peer = Peer::open(&scene.server, &[]).await;
    peer.send(&frame(DATA, 0, 7, b"more")).await.expect("sent");
    assert_eq!(peer.end().await, End::GoAway(PROTOCOL_ERROR));
    // Beyond the window that was given.
    let mut peer = Peer::open(&scene.server, &[]).await;
    peer.send(&frame(HEADERS, END_HEADERS, 1, &connect("/chat")))
        .await
        .expect("sent");
    let flood = frame(DATA, 0, 1, &[0x89; 16 << 10]).repeat(200);
    let _ = peer.send_until_stalled(&flood).await;
    let _ = peer.end().await;
    // Without any content, again and again.
    let mut peer = Peer::open(&scene.server, &[]).await;
    peer.send(&frame(HEADERS, END_HEADERS, 1, &connect("/chat")))
        .await
        .expect("sent");
    let flood = frame(DATA, 0, 1, &[]).repeat(200_000);
    let _ = peer.send_until_stalled(&flood).await;
    let _ = peer.settle().await;
    scene.end(GROWTH_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_frames_of_a_websocket_that_break_its_rules_end_it_alone() {
    let scene = scene().await;
    let mut peer = Peer::open(&scene.server, &[]).await;
    for stream in [1, 3] {
        let opening = frame(HEADERS, END_HEADERS, stream, &connect("/echo"));
        peer.send(&opening).await.expect("sent");
    }
    // Not masked: 1002 (RFC 6455 5.1).
    peer.send(&frame(DATA, 0, 1, &[0x81, 1, b'x']))
        .await
        .expect("sent");
    let closed = within("the close", async {
        loop {
            let data = peer.next_of(DATA).await.expect("a close");
            if data.stream == 1 && !data.payload.is_empty() {
                return data;
            }
        }
    });
    let closed = closed.await.payload;
    assert_eq!(
        (closed[0], &closed[2..4]),
        (0x88, &1002_u16.to_be_bytes()[..])
    );
    peer.send(&frame(DATA, 0, 3, &[0x81, 0x81, 0, 0, 0, 0, b'x']))
        .await
        .expect("sent");
    loop {
        let data = peer.next_of(DATA).await.expect("an echo");
        if data.stream == 3 {
            assert_eq!(data.payload, [0x81, 1, b'x']);
            break;
        }
    }
    peer.send(&frame(SETTINGS, ACK, 0, &[]))
        .await
        .expect("sent");
    scene.end(GROWTH_MAX).await;
}
