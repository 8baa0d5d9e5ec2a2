//! permessage-deflate (RFC 7692) on the finished program: what is negotiated, at every endpoint and
//! behind each proxy, and that a broadcast reaches everybody, compressed or not. Numbers are those
//! of the project's list of hostile input.

use campanile_client::{Client, DeflateOffer, WindowBits};
use campanile_tests::{
    Raw, Request, Server,
    clients::{LIMITS, next_text, settle},
    deflate::{compressed, inflated, keeps_to},
    everywhere,
    frames::{BINARY, COMPRESSED, PING, TEXT, frame},
    within,
};

const BOTH: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// What the program answers to an offer.
async fn answer(server: &Server, path: &str, offer: &str) -> Option<String> {
    let request = Request::upgrade(path).with("Sec-WebSocket-Extensions", offer);
    let response = Raw::ask(server, &request).await;
    assert_eq!(response.status, 101, "{response:?}");
    let accepted = response.header("Sec-WebSocket-Extensions");
    accepted.map(str::to_owned)
}

#[tokio::test]
async fn rfc7692_what_browsers_offer_is_accepted() {
    let server = Server::start(&[]);
    for (offer, more) in [
        ("permessage-deflate", ""),
        ("permessage-deflate; client_max_window_bits", ""),
        (
            "permessage-deflate; server_max_window_bits=9",
            "; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; server_max_window_bits=15",
            "; server_max_window_bits=15",
        ),
        ("x-unheard-of, permessage-deflate", ""),
        (BOTH, ""),
    ] {
        let expected = format!("{BOTH}{more}");
        assert_eq!(
            answer(&server, "/echo", offer).await,
            Some(expected),
            "{offer}"
        );
    }
}

#[tokio::test]
async fn item_12_bad_parameters_decline_the_offer_and_the_next_one_is_tried() {
    everywhere(async |server, endpoint| {
        for bad in [
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=09",
            "server_max_window_bits",
            "server_no_context_takeover=1",
            "mystery",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits=10; server_max_window_bits=10",
        ] {
            let offer = format!("permessage-deflate; {bad}");
            assert_eq!(answer(server, endpoint.path, &offer).await, None, "{offer}");
            let offers = format!("{offer}, permessage-deflate; server_max_window_bits=11");
            let expected = format!("{BOTH}; server_max_window_bits=11");
            assert_eq!(
                answer(server, endpoint.path, &offers).await,
                Some(expected),
                "{offers}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn item_13_a_servers_window_of_256_octets_is_declined() {
    everywhere(async |server, endpoint| {
        let offer = "permessage-deflate; server_max_window_bits=8";
        assert_eq!(answer(server, endpoint.path, offer).await, None);
    })
    .await;
}

#[tokio::test]
async fn item_14_no_client_is_asked_for_a_window_that_it_has_not_offered() {
    everywhere(async |server, endpoint| {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; client_no_context_takeover",
        ] {
            let answer = answer(server, endpoint.path, offer)
                .await
                .expect("accepted");
            assert!(!answer.contains("client_max_window_bits"), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn without_an_agreement_compressed_frames_are_1002() {
    let server = Server::start(&[]);
    for offer in [None, Some("permessage-deflate; mystery")] {
        let mut raw = Raw::connect(&server).await;
        let mut request = Request::upgrade("/echo");
        if let Some(offer) = offer {
            request = request.with("Sec-WebSocket-Extensions", offer);
        }
        raw.send(&request.bytes()).await;
        assert_eq!(raw.response().await.status, 101);
        raw.send(&frame(TEXT | COMPRESSED, &compressed(b"hello")))
            .await;
        raw.expect_close(1002).await;
    }
}

/// Text with something to compress both near and far.
fn article() -> String {
    let lines = (0..600_u32).map(|number| {
        let price = number.wrapping_mul(2_654_435_761) >> 20;
        format!("{{\"symbol\":\"S{}\",\"price\":{price}}}\n", number % 200)
    });
    lines.collect()
}

#[tokio::test]
async fn a_broadcast_reaches_every_window_and_those_without_one() {
    let server = Server::start(&[]);
    let mut sessions = Vec::new();
    for bits in 9..=15_u32 {
        // Two of each: they share a frame.
        for _ in 0..2 {
            let parameters = format!("; server_max_window_bits={bits}");
            let raw = Raw::open_compressed(&server, "/chat", &parameters).await;
            sessions.push((raw, Some(1_usize << bits)));
        }
    }
    sessions.push((Raw::open(&server, "/chat").await, None));
    for (raw, _) in &mut sessions {
        raw.send(&frame(PING, b"")).await;
        assert_eq!(raw.frame().await.expect("a pong").opcode, 10);
    }
    let long = article();
    assert!(long.len() > 1 << 14);
    let (speaker, _) = &mut sessions[0];
    speaker
        .send(&frame(TEXT | COMPRESSED, &compressed(long.as_bytes())))
        .await;
    speaker.send(&frame(TEXT, b"short")).await;
    let mut frames = Vec::new();
    for (raw, window) in &mut sessions {
        let first = raw.frame().await.expect("the long one");
        assert_eq!(first.compressed, window.is_some());
        match window {
            Some(window) => {
                assert!(keeps_to(*window, &first.payload), "beyond {window} octets");
                assert!(inflated(&first.payload) == long.as_bytes());
                assert!(first.payload.len() < long.len() / 2);
            }
            None => assert!(first.payload == long.as_bytes()),
        }
        frames.push(first.payload);
        let second = raw.frame().await.expect("the short one");
        assert_eq!(
            (second.compressed, &second.payload[..]),
            (false, &b"short"[..])
        );
    }
    for pair in frames.chunks_exact(2).take(7) {
        assert!(pair[0] == pair[1]);
    }
}

#[tokio::test]
async fn replies_and_what_goes_to_a_user_are_compressed_too() {
    let server = Server::start(&[]);
    let mut echo = Raw::open_compressed(&server, "/echo", "").await;
    let long = article();
    for first in [TEXT, BINARY] {
        echo.send(&frame(first | COMPRESSED, &compressed(long.as_bytes())))
            .await;
        let reply = echo.frame().await.expect("an echo");
        assert!(reply.compressed && reply.opcode == first & 0x0F);
        assert!(inflated(&reply.payload) == long.as_bytes());
    }
    let mut user = Raw::open_compressed(&server, "/websocket/7", "").await;
    user.send(&frame(PING, b"")).await;
    assert_eq!(user.frame().await.expect("a pong").opcode, 10);
    let message = "ding-".repeat(100);
    let publish = Request::get(&format!("/socket/publish?userId=7&message={message}"));
    assert_eq!(Raw::ask(&server, &publish).await.status, 200);
    let told = user.frame().await.expect("the message");
    assert!(told.compressed);
    assert_eq!(inflated(&told.payload), message.as_bytes());
}

#[tokio::test]
async fn the_projects_own_client_talks_compressed() {
    let server = Server::start(&[]);
    let long = article();
    for bits in [None, WindowBits::new(9), WindowBits::new(12)] {
        let offer = DeflateOffer {
            server_window: bits,
            client_window: bits,
        };
        let builder = Client::builder(&server.url("/echo"))
            .limits(LIMITS)
            .compression(offer);
        let mut client = within("a session", builder.connect()).await.expect("open");
        assert_eq!(client.compression(), Some(bits.unwrap_or_default()));
        settle(&mut client).await;
        for text in [long.as_str(), "", "short", &long] {
            client.send_text(text).await.expect("sent");
            assert!(next_text(&mut client).await == text);
        }
    }
}
