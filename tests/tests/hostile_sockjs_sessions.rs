//! Sessions of SockJS over plain HTTP that others guess, share, or send nonsense to, at the test
//! services of the finished program. Whose session it is notices nothing, nor do bystanders.

use campanile_tests::{
    MIB, Raw, Response, Server,
    attack::join_all,
    flood::{Flood, attack_http},
    sockjs::{
        ANOTHER_CONNECTION, ECHO, FORM, expect_refusal, get, post, session, text, xhr_prelude,
    },
};
use tokio::task::JoinSet;

/// What attacks that are refused may make the process grow by.
const GROWTH_MAX: usize = 24 * MIB;

/// How long the body of a request to `/echo` may be.
const BODY_BYTES_MAX: usize = MIB;

/// A session that is received by `xhr_streaming`, so that it lives as long as this.
struct Victim {
    path: String,
    stream: Raw,
}

impl Victim {
    async fn open(server: &Server) -> Self {
        let path = session(ECHO);
        let mut stream = Raw::connect(server).await;
        stream
            .send(&post(&format!("{path}/xhr_streaming"), &[], ""))
            .await;
        assert_eq!(stream.head().await.status, 200);
        stream.expect_chunk(&xhr_prelude()).await;
        stream.expect_chunk("o\n").await;
        Self { path, stream }
    }

    /// Sends with more headers.
    async fn send_with(&self, server: &Server, headers: &[(&str, &str)], body: &str) -> Response {
        let asked = post(&format!("{}/xhr_send", self.path), headers, body);
        Raw::ask_bytes(server, &asked).await
    }

    /// It is as it was: what it sends comes back, and nothing before.
    async fn expect_alive(&mut self, server: &Server) {
        let answer = self.send_with(server, &[], "[\"alive\"]").await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(self.messages(1).await, ["alive"]);
    }

    /// The next so many messages; heart-beats are passed over.
    async fn messages(&mut self, count: usize) -> Vec<String> {
        let mut messages = Vec::new();
        while messages.len() < count {
            let chunk = self.stream.chunk().await.expect("another frame");
            if chunk == b"h\n" {
                continue;
            }
            let frame = chunk.strip_prefix(b"a").expect("messages");
            let frame: Vec<String> = serde_json::from_slice(frame).expect("JSON");
            messages.extend(frame);
        }
        messages
    }
}

async fn poll(server: &Server, session: &str) -> String {
    let answer = Raw::ask_bytes(server, &post(&format!("{session}/xhr"), &[], "")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer)
}

async fn send(server: &Server, session: &str, body: &[u8]) -> Response {
    let head = format!(
        "POST {session}/xhr_send HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Raw::ask_bytes(server, &[head.as_bytes(), body].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_s53_a_hundred_thousand_guessed_ids_are_404_and_senders_make_nothing() {
    attack_http(GROWTH_MAX, async |server| {
        let mut victim = Victim::open(server).await;
        let flood = Flood {
            count: 100_000,
            connections: 4,
            at_once: 32,
        };
        let statuses = flood.run(
            server,
            |number| {
                let sender = ["xhr_send", "jsonp_send"][number % 2];
                let path = format!("{ECHO}/000/{number:08x}/{sender}");
                post(&path, &[FORM], "d=%5B%22x%22%5D")
            },
            |_, _| {},
        );
        assert_eq!(Vec::from_iter(statuses.await), [(404, flood.count)]);
        // Those that were guessed are free.
        for number in [0, 1, 99_999] {
            let path = format!("{ECHO}/000/{number:08x}");
            assert_eq!(poll(server, &path).await, "o\n");
        }
        victim.expect_alive(server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s53_a_session_is_404_from_another_address_whatever_headers_say() {
    attack_http(GROWTH_MAX, async |server| {
        let mut victim = Victim::open(server).await;
        let lies: [&[(&str, &str)]; 6] = [
            &[],
            &[("X-Forwarded-For", "127.0.0.1")],
            &[("Forwarded", "for=127.0.0.1")],
            &[("X-Real-IP", "127.0.0.1")],
            &[("X-Forwarded-For", "127.0.0.1, 127.0.0.2, 127.0.0.1")],
            &[
                ("Forwarded", "for=\"127.0.0.1:80\";host=localhost"),
                ("Via", "1.1 a"),
            ],
        ];
        for headers in lies {
            for (transport, is_post) in [
                ("xhr", true),
                ("xhr_streaming", true),
                ("xhr_send", true),
                ("jsonp_send", true),
                ("eventsource", false),
                ("htmlfile?c=a", false),
                ("jsonp?c=a", false),
            ] {
                let path = format!("{}/{transport}", victim.path);
                let asked = match is_post {
                    true => post(&path, headers, "[\"forged\"]"),
                    false => get(&path, headers),
                };
                let mut raw = Raw::connect_from([127, 0, 0, 2], server).await;
                raw.send(&asked).await;
                let answer = raw.response().await;
                assert_eq!(answer.status, 404, "{headers:?} {transport} {answer:?}");
            }
        }
        victim.expect_alive(server).await;
        // Nor does a header take its session away from whoever has it.
        for headers in lies {
            let answer = victim.send_with(server, headers, "[\"own\"]").await;
            assert_eq!(answer.status, 204, "{headers:?} {answer:?}");
            assert_eq!(victim.messages(1).await, ["own"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s53_a_session_is_404_by_another_transport() {
    attack_http(GROWTH_MAX, async |server| {
        let mut victim = Victim::open(server).await;
        for transport in ["eventsource", "htmlfile?c=a", "jsonp?c=a"] {
            let asked = get(&format!("{}/{transport}", victim.path), &[]);
            let answer = Raw::ask_bytes(server, &asked).await;
            assert_eq!(answer.status, 404, "{transport} {answer:?}");
        }
        for transport in ["xhr", "jsonp_send"] {
            let asked = post(&format!("{}/{transport}", victim.path), &[], "[\"forged\"]");
            let answer = Raw::ask_bytes(server, &asked).await;
            assert_eq!(answer.status, 404, "{transport} {answer:?}");
        }
        victim.expect_alive(server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s52_of_a_thousand_receivers_of_one_session_one_receives() {
    const RECEIVERS: usize = 1_000;
    attack_http(GROWTH_MAX, async |server| {
        let victim = session(ECHO);
        assert_eq!(poll(server, &victim).await, "o\n");
        let path = format!("{victim}/xhr");
        let mut waiting = JoinSet::new();
        for _ in 0..RECEIVERS {
            let mut raw = Raw::connect(server).await;
            raw.send(&post(&path, &[], "")).await;
            waiting.spawn(async move { raw.response().await });
        }
        // All but one are told, whichever that is.
        let refused = format!("{ANOTHER_CONNECTION}\n");
        for _ in 1..RECEIVERS {
            let told = waiting.join_next().await.expect("another");
            assert_eq!(text(&told.expect("an answer")), refused);
        }
        assert_eq!(send(server, &victim, b"[\"own\"]").await.status, 204);
        let told = join_all(waiting).await;
        assert_eq!(told.len(), 1);
        assert_eq!(text(&told[0]), "a[\"own\"]\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_bodies_that_are_too_long_are_refused_before_they_have_come() {
    attack_http(GROWTH_MAX, async |server| {
        let mut victim = Victim::open(server).await;
        let path = format!("{}/xhr_send", victim.path);
        let promise = |length: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n[\""
            )
        };
        for length in ["1048577", "1073741824", "9223372036854775807"] {
            for _ in 0..20 {
                let mut raw = Raw::connect(server).await;
                raw.send(promise(length).as_bytes()).await;
                let answer = raw.response().await;
                assert_eq!(answer.status, 413, "{length} {answer:?}");
                assert_eq!(answer.header("Connection"), Some("close"));
                raw.expect_end().await;
            }
        }
        for length in ["18446744073709551616", "-1", "+2", "2, 2", "0x2", "1e3"] {
            let answer = Raw::ask_bytes(server, promise(length).as_bytes()).await;
            assert_eq!(answer.status, 400, "{length} {answer:?}");
        }
        // In chunks, nobody promises anything.
        let head = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..5 {
            let mut raw = Raw::connect(server).await;
            raw.send(format!("POST {path} HTTP/1.1\r\n{head}").as_bytes())
                .await;
            for _ in 0..BODY_BYTES_MAX / 0x10000 + 1 {
                let _ = raw.try_send(chunk.as_bytes()).await;
            }
            let answer = raw.response().await;
            assert_eq!(answer.status, 413, "{answer:?}");
            raw.end().await;
        }
        for chunks in [
            // Only waiting for the rest can tell that it does not come.
            "ffffffffffffffff\r\nx",
            "10000000000000000\r\nx",
            "-1\r\nx",
            "zz\r\nx",
            "1\r\nxy\r\n",
        ] {
            let asked = format!("POST {path} HTTP/1.1\r\n{head}{chunks}");
            let mut raw = Raw::connect(server).await;
            raw.send(asked.as_bytes()).await;
            let answer = raw.response().await;
            assert!(
                matches!(answer.status, 400 | 408 | 413),
                "{chunks:?} {answer:?}"
            );
        }
        let both = format!("POST {path} HTTP/1.1\r\nContent-Length: 5\r\n{head}0\r\n\r\n");
        let mut raw = Raw::connect(server).await;
        raw.send(format!("{both}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
            .await;
        assert_eq!(raw.response().await.status, 400);
        raw.expect_end().await;
        victim.expect_alive(server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_bodies_of_the_right_length_in_any_pieces_are_taken() {
    attack_http(GROWTH_MAX, async |server| {
        let mut victim = Victim::open(server).await;
        let path = format!("{}/xhr_send", victim.path);
        let head = "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        let bytewise: String = "[\"own\"]"
            .chars()
            .map(|it| format!("1\r\n{it}\r\n"))
            .collect();
        let chunked = format!("POST {path} HTTP/1.1\r\n{head}{bytewise}0\r\n\r\n");
        let plain = post(&path, &[], "[\"own\"]");
        for asked in [chunked.as_bytes(), &plain] {
            let mut raw = Raw::connect(server).await;
            raw.send_bytewise(asked).await;
            assert_eq!(raw.response().await.status, 204);
            assert_eq!(victim.messages(1).await, ["own"]);
        }
        // Without a length there is no body.
        let none = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = Raw::ask_bytes(server, none.as_bytes()).await;
        expect_refusal(&answer, 500, "Payload expected.");
        let polled = format!(
            "POST {}/xhr HTTP/1.1\r\nHost: localhost\r\n\r\n",
            session(ECHO)
        );
        let answer = Raw::ask_bytes(server, polled.as_bytes()).await;
        assert_eq!(text(&answer), "o\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_s55_payloads_that_are_no_messages_are_500_and_the_session_goes_on() {
    let array = |element: &str, count: usize| format!("[{}]", vec![element; count].join(","));
    let broken: Vec<Vec<u8>> = [
        "[".repeat(500_000),
        "[\"".to_owned() + &"[".repeat(500_000),
        "{\"a\":".repeat(100_000),
        array("[]", 100_000),
        array("\"\"", 340_000),
        array("\"\"", 4_097),
        array("1", 100_000),
        array("null", 1),
        format!("[{}]", "9".repeat(500_000)),
        format!("[\"{}", "\\".repeat(500_001)),
        format!("[\"{}\"]", "\\u".repeat(200_000)),
        format!("[\"{}", "\\ud800".repeat(100_000)),
        "[\"a\"]\n[\"b\"]\n".to_owned(),
        "[\"a\n\"]".to_owned(),
        "\u{feff}[\"a\"]".to_owned(),
        "[\"a\"]\0".to_owned(),
        " ".repeat(500_000),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain([
        b"[\"\xff\"]".to_vec(),
        b"[\"\xed\xa0\x80\"]".to_vec(),
        vec![0xff; 4_096],
    ])
    .collect();
    attack_http(GROWTH_MAX, async |server| {
        let mut victim = Victim::open(server).await;
        for payload in &broken {
            let begins = String::from_utf8_lossy(&payload[..payload.len().min(30)]);
            let answer = send(server, &victim.path, payload).await;
            assert_eq!(answer.status, 500, "{begins} {answer:?}");
            let said = text(&answer);
            let is_told = ["Broken JSON encoding.", "too many messages"];
            assert!(
                is_told.iter().any(|it| said.starts_with(it)),
                "{begins} {said}"
            );
            assert!(said.len() < 300, "{said}");
        }
        let million = array("\"\"", 1_000_000);
        let answer = send(server, &victim.path, million.as_bytes()).await;
        assert_eq!(answer.status, 413, "{answer:?}");
        victim.expect_alive(server).await;
        // Half of a pair, which no text can hold, is replaced.
        let lone = b"[\"\\ud800\",\"a\\udfffb\",\"\\ud83d\\ud83d\\udd14\"]";
        assert_eq!(send(server, &victim.path, lone).await.status, 204);
        let told = victim.messages(3).await;
        assert_eq!(told, ["\u{fffd}", "a\u{fffd}b", "\u{fffd}🔔"]);
        // As many as are allowed are answered, and each is there.
        let most = array("\"x\"", 4_096);
        assert_eq!(
            send(server, &victim.path, most.as_bytes()).await.status,
            204
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_16_s51_a_body_that_nobody_reads_is_never_a_request() {
    attack_http(GROWTH_MAX, async |server| {
        let victim = session(ECHO);
        let smuggled =
            format!("POST {victim}/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        let unknown = format!("{}/xhr_send", session(ECHO));
        for path in [
            &*unknown,
            "/echo",
            "/echo/info",
            "/echo/nothing",
            "/chat",
            "/nothing",
        ] {
            let whole = post(path, &[], &smuggled);
            let (head, body) = whole.split_at(whole.len() - smuggled.len());
            for waits_for_the_answer in [false, true] {
                let mut raw = Raw::connect(server).await;
                let behind = get("/echo/", &[("Connection", "close")]);
                if waits_for_the_answer {
                    raw.send(head).await;
                } else {
                    raw.send(&[head, body, &behind].concat()).await;
                }
                let answer = raw.response().await;
                assert!((400..500).contains(&answer.status), "{path} {answer:?}");
                if waits_for_the_answer {
                    let _ = raw.try_send(&[body, &behind].concat()).await;
                }
                // Either the connection ends, or what is behind the body is answered.
                if let Some(answer) = raw.answer().await {
                    assert_eq!(text(&answer), "Welcome to SockJS!\n", "{path}");
                }
            }
        }
        assert_eq!(poll(server, &victim).await, "o\n");
    })
    .await;
}
