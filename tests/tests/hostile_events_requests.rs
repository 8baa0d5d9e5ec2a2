//! What is asked of `/events` in bad faith, at the finished program: cursors that nobody gave out,
//! destinations without measure, waiting times that are none. Each is refused or taken as it is, and
//! bystanders notice nothing.

use campanile_tests::{
    MIB, Raw, Request, Response, StompPeer,
    event_stream::{ask, encoded, listen, request},
    flood::attack_http,
    queue_peer::{header, sends},
};
use serde_json::json;

/// What refusals may make the process grow by.
const GROWTH_MAX: usize = 24 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn s98_events_cursors_that_nobody_gave_out_recover_nothing_and_are_no_error() {
    attack_http(GROWTH_MAX, async |server| {
        let topic = "/topic/cursors";
        let mut peer = StompPeer::open(server, "1.2").await;
        let bodies = ["1".to_owned(), "2".to_owned()];
        peer.send(sends(topic, "", bodies)).await;
        let subscribe = format!("SUBSCRIBE\nid:0\ndestination:{topic}\nreceipt:r\n\n\0");
        let told = peer.receipted("r", subscribe).await;
        let cursor = header(told.last().expect("a receipt"), "cursor").expect("a cursor");
        let (epoch, position) = cursor.split_once('-').expect("EPOCH-POSITION");
        let nonsense = [
            "-".into(),
            "0".into(),
            "0-0".into(),
            "null".into(),
            format!("{epoch}-"),
            format!("-{position}"),
            format!("{epoch}-99999999999999999999999999"),
            format!("{epoch}-18446744073709551615"),
            format!("{epoch}--1"),
            format!("{epoch}-+1"),
            format!("{epoch}-0x1"),
            format!("{epoch}-{position}-{position}"),
            format!("{epoch}-{position}, {epoch}-{position}"),
            format!("A{epoch}-{position}"),
            "ffffffffffffffff-1".into(),
            "../../etc/passwd".into(),
            "' OR 1 = 1 --".into(),
            "${jndi:ldap://x}".into(),
            "9".repeat(7_000),
            format!("{}-1", "f".repeat(7_000)),
            "٣-٣".into(),
            "\u{1}\u{1}".to_owned().replace('\u{1}', "\t"),
        ];
        for after in nonsense {
            let query = format!("destination={topic}&wait=0");
            let asked = request(&query, "application/json").with("Last-Event-ID", &after);
            expect_nothing(&Raw::ask(server, &asked).await, &after);
            let query = format!(
                "{query}&after={}",
                encoded(&after[..after.len().min(2_000)])
            );
            expect_nothing(&ask(server, &query).await, &after);
        }
        // Bytes that are no text, and a header that comes twice.
        let asked = request(&format!("destination={topic}&wait=0"), "*/*").bytes();
        let end = asked.len() - 2;
        let bytes = [&asked[..end], b"Last-Event-ID: \xff\xfe-1\r\n\r\n"].concat();
        expect_nothing(&Raw::ask_bytes(server, &bytes).await, "bytes");
        let twice = request(&format!("destination={topic}&wait=0"), "*/*")
            .with("Last-Event-ID", "x-1")
            .with("Last-Event-ID", cursor);
        let answer = Raw::ask(server, &twice).await;
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
        peer.expect_open().await;
    })
    .await;
}

fn expect_nothing(answer: &Response, after: &str) {
    // A tab alone is an empty value, as if there were none.
    let nothing = after.trim().is_empty();
    assert_eq!(answer.status, 200, "{after:?} {answer:?}");
    let json = answer.json();
    assert_eq!(json["messages"], json!([]), "{after:?}");
    if !nothing {
        assert_eq!(json["recovered"], false, "{after:?}");
    }
    assert!(json["cursor"].is_string(), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_destinations_without_measure_are_refused_by_their_number_and_length() {
    const DESTINATIONS_MAX: usize = 100;
    attack_http(GROWTH_MAX, async |server| {
        let many = |count: usize| {
            let names = (0..count).map(|number| format!("destination=/topic/{number}&"));
            format!("{}wait=0", names.collect::<String>())
        };
        assert_eq!(ask(server, &many(DESTINATIONS_MAX)).await.status, 200);
        let refused = ask(server, &many(DESTINATIONS_MAX + 1)).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains("100 destinations"), "{detail}");
        // As many as a URL can hold.
        let most = format!("{}wait=0", "destination=a&".repeat(580));
        assert_eq!(ask(server, &most).await.status, 400);
        let same = format!("{}wait=0", "destination=/topic/a&".repeat(DESTINATIONS_MAX));
        assert!(matches!(ask(server, &same).await.status, 200 | 400));
        // What is longer than a URL, a destination or a level may be.
        let long = format!("destination=/topic/{}&wait=0", "x".repeat(8 << 10));
        assert_eq!(ask(server, &long).await.status, 414);
        for name in ["x".repeat(8_000), "x/".repeat(4_000), "%00".repeat(2_600)] {
            let refused = ask(server, &format!("destination=/topic/{name}&wait=0")).await;
            assert_eq!(refused.status, 400, "{refused:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s84_events_patterns_that_could_match_in_many_ways_cost_others_nothing() {
    attack_http(GROWTH_MAX, async |server| {
        let mut raws = Vec::new();
        for pattern in [
            "/**".repeat(500),
            "/*/**".repeat(300),
            "/**/a".repeat(300),
            "/*a*a*a*a*a*a*a*a*a*a*a*a*b".to_owned(),
            format!("/{}b", "*a".repeat(500)),
            format!("/{}", "{a}".repeat(500)),
        ] {
            let query = format!("destination=/topic{}", encoded(&pattern));
            let mut raw = Raw::connect(server).await;
            raw.send(&request(&query, "text/event-stream").bytes())
                .await;
            let head = raw.head().await;
            assert!(matches!(head.status, 200 | 400), "{pattern} {head:?}");
            raws.push(raw);
        }
        // A hundred patterns in one request, many times over.
        let patterns = (0..100).map(|number| format!("destination=/topic/**/{number}/*a*a*b&"));
        let query: String = patterns.collect();
        for _ in 0..20 {
            raws.push(listen(server, &query, "text/event-stream").await.0);
        }
        let mut peer = StompPeer::open(server, "1.2").await;
        let deep = format!("/topic{}", "/a".repeat(60));
        let wide = format!("/topic/{}", "a".repeat(200));
        for topic in [deep, wide] {
            peer.send(sends(&topic, "", (0..20).map(|number| number.to_string())))
                .await;
        }
        peer.expect_open().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_waiting_times_that_are_none_are_refused() {
    attack_http(GROWTH_MAX, async |server| {
        for wait in [
            "1e308",
            "-1",
            "NaN",
            "inf",
            "18446744073709551616",
            "18446744073709551615",
            "61",
            "0x1",
            "1.5",
            "+1",
            "%00",
            "1%0a",
            "1s",
            "",
            "٣",
            &"9".repeat(5_000),
        ] {
            let query = format!("destination=/topic/wait&wait={wait}");
            let refused = ask(server, &query).await;
            assert_eq!(refused.status, 400, "{wait} {refused:?}");
            let kind = refused.header("Content-Type");
            assert_eq!(kind, Some("application/problem+json"));
        }
        let leading = format!("destination=/topic/wait&wait={}", "0".repeat(5_000));
        assert!(matches!(ask(server, &leading).await.status, 200 | 400));
        let twice = "destination=/topic/wait&wait=0&wait=1e308";
        assert!(matches!(ask(server, twice).await.status, 200 | 400));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_accept_of_a_thousand_entries_is_looked_through_once() {
    attack_http(GROWTH_MAX, async |server| {
        let query = "destination=/topic/accept&wait=0";
        for accept in [
            "a/b,".repeat(1_000),
            format!("{}application/json", "text/event-stream;q=0,".repeat(600)),
            "*/*;q=0.0000000000000000001,".repeat(500),
            format!("a/b{}", ";q=1".repeat(3_000)),
            ",".repeat(10_000),
            format!("{}/{}", "a".repeat(6_000), "b".repeat(6_000)),
            "text/event-stream;q=NaN, application/json;q=-inf".to_owned(),
            "/;=,;q==;q=1e999".to_owned(),
        ] {
            let answer = Raw::ask(server, &request(query, &accept)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("Content-Type"), Some("application/json"));
        }
        let mut many = request(query, "a/b");
        for _ in 0..90 {
            many = many.with("Accept", &"a/b;q=0.1,".repeat(10));
        }
        assert_eq!(Raw::ask(server, &many).await.status, 200);
        let mut raw = Raw::connect(server).await;
        let accept = format!("{}text/event-stream", "a/b,".repeat(1_000));
        raw.send(&request(query, &accept).bytes()).await;
        let kind = raw.head().await;
        assert_eq!(kind.header("Content-Type"), Some("text/event-stream"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_7_events_upgrades_to_other_protocols_and_bodies_get_answers() {
    attack_http(GROWTH_MAX, async |server| {
        let path = "/events?destination=/topic/upgrade&wait=0";
        for (upgrade, connection) in [
            ("h2c", "Upgrade"),
            ("TLS/1.0", "Upgrade"),
            ("websocket", "close"),
            ("websocket", "keep-alive"),
            ("", "Upgrade"),
        ] {
            let asked = Request::get(path)
                .with("Upgrade", upgrade)
                .with("Connection", connection);
            let answer = Raw::ask(server, &asked).await;
            assert!(
                matches!(answer.status, 200 | 400 | 405 | 426),
                "{upgrade} {connection} {answer:?}"
            );
        }
        for method in [
            "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "QUERY", "get",
        ] {
            let asked = Request::get(path).line(&format!("{method} {path} HTTP/1.1"));
            let answer = Raw::ask(server, &asked).await;
            assert!(matches!(answer.status, 400 | 405), "{method} {answer:?}");
            if answer.status == 405 {
                assert_eq!(answer.header("Allow"), Some("GET, HEAD, OPTIONS"));
            }
        }
        let post = Request::get(path)
            .line(&format!("POST {path} HTTP/1.1"))
            .with("Content-Length", "1073741824");
        let mut raw = Raw::connect(server).await;
        raw.send(&post.bytes()).await;
        let answer = raw.response().await;
        assert_eq!(answer.status, 405, "{answer:?}");
        // What follows is the body that nobody wants, and no request.
        let _ = raw.try_send(&Request::get("/smuggled").bytes()).await;
        raw.expect_end().await;
    })
    .await;
}
