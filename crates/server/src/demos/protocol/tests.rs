//! What a client may ask for, what is refused, and what has a bound.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::frames::{Progress, TEXT, append, progress};
use super::wire::CONNECTIONS_MAX;
use super::*;

/// The seed's request, but for the comments in it.
const SAMPLE: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

fn encoded(query: &str, message: &[u8]) -> Vec<u8> {
    let plan = FramesPlan::read(query).expect("a plan");
    plan.encode(message).expect("frames")
}

fn here(listener: &TcpListener) -> Listening {
    Listening {
        plain: vec![listener.local_addr().expect("an address")],
        secure: Vec::new(),
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a listener")
}

#[test]
fn seed_003_the_sample_handshake_is_written_as_the_seed_has_it() {
    let query = "path=/chat&host=server.example.com&key=dGhlIHNhbXBsZSBub25jZQ%3D%3D\
                 &origin=http://example.com&protocols=chat,+superchat&version=13";
    let plan = HandshakePlan::read(query).expect("a plan");
    assert_eq!(plan.head("127.0.0.1:8080"), SAMPLE);
}

#[test]
fn seed_003_the_accept_of_the_sample_key_comes_about_step_by_step() {
    let steps = accept("dGhlIHNhbXBsZSBub25jZQ==", None);
    assert_eq!(
        steps["joined"],
        "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    );
    assert_eq!(steps["sha1"], "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
    assert_eq!(steps["base64"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn headers_are_left_out_when_their_value_is_empty() {
    let query = "method=POST&http=1.0&version=&key=&upgrade=&connection=+&host=a";
    let plan = HandshakePlan::read(query).expect("a plan");
    assert_eq!(plan.head("b"), "POST /echo HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!(plan.key, None);
    let own = HandshakePlan::read("host=").expect("a plan");
    assert!(own.head("[::1]:80").contains("\r\nHost: [::1]:80\r\n"));
}

#[test]
fn what_leads_elsewhere_or_breaks_a_line_is_refused() {
    let long_path = format!("path=/{}", "a".repeat(1024));
    let long_key = format!("key={}", "a".repeat(257));
    for query in [
        "path=//evil.example/chat",
        "path=http://evil.example/chat",
        "path=chat",
        "path=",
        "path=*",
        "path=/\\evil.example",
        "path=/chat%0d%0aX:%20y",
        "path=/chat%20HTTP/1.1",
        "path=/chat%23a",
        "path=/%E4%BD%A0",
        "path=/demo/protocol/handshake?path=/demo/protocol/handshake",
        "path=/demo/protocol/strict/../facts",
        "host=evil.example%0d%0aX:%20y",
        "origin=http://a%0aX:%20y",
        "protocols=chat%00",
        "version=13%0d",
        "key=%E4%BD%A0",
        "method=CONNECT",
        "method=get",
        "http=2",
        "http=1.1%0d%0aX:%20y",
        "address=10.0.0.1:80",
        "version=8&version=13",
        &long_path,
        &long_key,
    ] {
        let refused = HandshakePlan::read(query).expect_err(query);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let allowed = "path=/demo/protocol/strict?a=b";
    HandshakePlan::read(allowed).expect("the demo's own endpoint");
}

#[test]
fn rfc6455_5_7_the_examples_are_written_byte_for_byte() {
    assert_eq!(
        hex(&encoded("masks=37fa213d", b"Hello")),
        "818537fa213d7f9f4d5158"
    );
    assert_eq!(
        hex(&encoded("masks=none&fragments=3", b"Hello")),
        "010348656c80026c6f"
    );
    let long = encoded("kind=binary&masks=none", &[7; 256]);
    assert_eq!(hex(&long[..5]), "827e010007");
    let longer = encoded("kind=binary&masks=none&filler=65536", b"");
    assert_eq!(hex(&longer[..11]), "827f000000000001000061");
    assert_eq!(longer.len(), 10 + 65_536);
}

#[test]
fn seed_003_a_character_may_be_cut_in_two_and_a_ping_put_between() {
    let bytes = encoded(
        "fragments=2&masks=00000000,01020304&ping=a",
        "钟".as_bytes(),
    );
    // 钟 is e9 92 9f. Masks are taken in turn.
    assert_eq!(
        hex(&bytes),
        "018200000000e992".to_owned() + "89810102030460" + "8081000000009f"
    );
    assert_eq!(hex(&encoded("", b"")), "818037fa213d");
    assert_eq!(hex(&encoded("fragments=0&masks=none", b"a")), "0100800161");
    assert_eq!(hex(&encoded("fragments=1&masks=none", b"a")), "810161");
}

#[test]
fn frames_out_of_range_are_refused() {
    let many = format!("fragments=1{}", ",1".repeat(64));
    let long = format!("ping={}", "a".repeat(126));
    for query in [
        "kind=close",
        "fragments=a",
        "fragments=-1",
        "fragments=1,",
        "masks=37fa21",
        "masks=+7fa213d",
        "masks=37fa213g",
        "filler=0",
        "filler=66001",
        "opcode=8",
        &many,
        &long,
    ] {
        let refused = FramesPlan::read(query).expect_err(query);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let plan = FramesPlan::read("fragments=2,2").expect("a plan");
    plan.encode(b"abc").expect_err("more than there is");
    let plan = FramesPlan::read("filler=9").expect("a plan");
    plan.encode(b"abc").expect_err("both");
}

#[test]
fn an_answer_is_complete_with_its_last_frame_only() {
    let mut bytes = Vec::new();
    append(&mut bytes, false, TEXT, None, &[b'a'; 200]);
    append(&mut bytes, true, 0xa, None, b"pong");
    assert_eq!(progress(&bytes), Progress::default());
    append(&mut bytes, true, 0, Some([1; 4]), &[b'a'; 70_000]);
    let message = Progress {
        message: true,
        close: false,
    };
    assert_eq!(progress(&bytes), message);
    for length in 0..bytes.len() {
        assert_eq!(progress(&bytes[..length]), Progress::default());
    }
    append(&mut bytes, true, 8, None, b"");
    assert!(progress(&bytes).close);
    // A length that no memory holds is a frame that never ends.
    assert_eq!(
        progress(&[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255]),
        Progress::default()
    );
}

#[test]
fn only_addresses_and_localhost_are_answered_and_only_to_the_page_itself() {
    let asked = |host: &str, site: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a value"));
        if let Some(site) = site {
            headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
        }
        check_source(&headers).map(str::to_owned)
    };
    for (host, name) in [
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]:8080", "[::1]"),
        ("[::1]", "[::1]"),
        ("LocalHost", "LocalHost"),
        ("192.168.1.5:80", "192.168.1.5"),
    ] {
        assert_eq!(asked(host, None).as_deref(), Ok(name));
        assert_eq!(asked(host, Some("same-origin")).as_deref(), Ok(name));
        let refused = asked(host, Some("cross-site")).expect_err(host);
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        asked(host, Some("same-site")).expect_err("another port");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "::1",
        "",
    ] {
        let refused = asked(host, None).expect_err(host);
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{host}");
    }
    check_source(&HeaderMap::new()).expect_err("no Host");
}

#[test]
fn a_listener_on_all_addresses_is_reached_on_one() {
    let all: SocketAddr = "0.0.0.0:80".parse().expect("an address");
    assert_eq!(reachable(all, "192.168.1.5"), "192.168.1.5:80");
    assert_eq!(loopback_of(all).to_string(), "127.0.0.1:80");
    let all: SocketAddr = "[::]:80".parse().expect("an address");
    assert_eq!(loopback_of(all).to_string(), "[::1]:80");
    let one: SocketAddr = "127.0.0.1:81".parse().expect("an address");
    assert_eq!(reachable(one, "localhost"), "127.0.0.1:81");
}

#[tokio::test]
async fn seed_003_the_page_is_told_where_ws_and_wss_are() {
    let listening = Listening {
        plain: vec!["127.0.0.1:8080".parse().expect("an address")],
        secure: vec!["0.0.0.0:8443".parse().expect("an address")],
    };
    let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("[::1]:8080"))]);
    let told = facts(headers, Extension(Arc::new(listening))).await;
    let body = told.expect("an answer").into_body();
    let body = axum::body::to_bytes(body, 1000).await.expect("a body");
    let expected = r#"{"ws":["ws://127.0.0.1:8080"],"wss":["wss://[::1]:8443"]}"#;
    assert_eq!(body, expected);
}

#[tokio::test]
async fn too_many_at_once_are_refused_and_places_come_back() {
    let listener = listener().await;
    let loopback = Arc::new(Loopback::new(&here(&listener)));
    let (mut waiting, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS_MAX {
        let loopback = Arc::clone(&loopback);
        let (done, ended) = oneshot::channel();
        tokio::spawn(async move {
            let exchange = loopback.exchange(b"x".to_vec(), None).await;
            done.send(exchange).expect("somebody waits");
        });
        // Whoever is accepted holds its place.
        sockets.push(listener.accept().await.expect("a connection").0);
        waiting.push(ended);
    }
    let refused = loopback.exchange(b"x".to_vec(), None).await;
    let refused = Refused::from(refused.expect_err("one too many"));
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    for (mut socket, ended) in sockets.into_iter().zip(waiting) {
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
        socket.write_all(answer).await.expect("written");
        let exchange = ended.await.expect("an end").expect("an answer");
        assert_eq!(
            (exchange.status(), &*exchange.body),
            (Some(404), &b"no"[..])
        );
    }
    let again = loopback.exchange(b"x".to_vec(), None);
    let answering = async {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        socket.read_u8().await.expect("a byte");
    };
    let (exchange, ()) = tokio::join!(again, answering);
    assert_eq!(exchange.expect("an end without an answer").status(), None);
}

#[tokio::test]
async fn silence_floods_and_a_server_under_tls_alone_have_an_end() {
    let listener = listener().await;
    let hasty = Loopback::bounded(&here(&listener), 1, std::time::Duration::from_millis(50));
    let silent = hasty.exchange(b"x".to_vec(), None).await;
    let refused = Refused::from(silent.expect_err("silence"));
    assert_eq!(refused.status, StatusCode::GATEWAY_TIMEOUT);
    drop(listener.accept().await.expect("the connection"));

    let patient = Loopback::new(&here(&listener));
    let flooding = async {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let line = [b'a'; 1 << 10];
        while socket.write_all(&line).await.is_ok() {}
    };
    let (exchange, ()) = tokio::join!(patient.exchange(b"x".to_vec(), None), flooding);
    assert!(matches!(exchange, Err(WireProblem::HeadTooLong)));

    let nowhere = Loopback::new(&Listening::default());
    let refused = nowhere.exchange(b"x".to_vec(), None).await;
    assert!(matches!(refused, Err(WireProblem::OnlyTls)));
}
