//! Paths, callbacks and cookies by which somebody wants to reach what is not theirs, or to have an
//! answer taken for something else, at SockJS's test services of the finished program. Bystanders
//! notice nothing.

use campanile_tests::{
    MIB, Raw, Request, Response, Server,
    flood::attack_http,
    sockjs::{ECHO, ECHO_WITH_COOKIE, FORM, get, post, session, text},
};

/// What refusals may make the process grow by.
const GROWTH_MAX: usize = 24 * MIB;

/// The transports over plain HTTP, each with its method and what has to be in its query.
const TRANSPORTS: [(&str, &str, &str); 7] = [
    ("xhr", "POST", ""),
    ("xhr_streaming", "POST", ""),
    ("xhr_send", "POST", ""),
    ("eventsource", "GET", ""),
    ("htmlfile", "GET", "?c=callback"),
    ("jsonp", "GET", "?c=callback"),
    ("jsonp_send", "POST", ""),
];

/// Requests the path by the method of its transport.
fn request(method: &str, path: &str) -> Vec<u8> {
    match method {
        "POST" => post(path, &[FORM], "d=%5B%22x%22%5D"),
        _ => get(path, &[]),
    }
}

async fn ask(server: &Server, method: &str, path: &str) -> Response {
    Raw::ask_bytes(server, &request(method, path)).await
}

/// Nothing of what an attacker has written stands in the head but what belongs there.
fn expect_clean_head(response: &Response) {
    assert_eq!(response.header("X-Injected"), None, "{response:?}");
    assert_eq!(response.header("Content-Disposition"), None);
    let cookies = response.headers.iter();
    let cookies = cookies.filter(|(name, _)| name.eq_ignore_ascii_case("Set-Cookie"));
    assert!(cookies.count() <= 1, "{response:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s54_ids_with_dots_or_nothing_or_too_much_in_them_are_404() {
    attack_http(GROWTH_MAX, async |server| {
        let long = "x".repeat(7 << 10);
        let ids = [
            ".", "..", "a.b", ".a", "a.", "%2e", "%2E%2e", "a%2eb", "", "a.bat", &long,
        ];
        for id in ids {
            for (transport, method, query) in TRANSPORTS {
                for path in [
                    format!("{ECHO}/000/{id}/{transport}{query}"),
                    format!("{ECHO}/{id}/abc/{transport}{query}"),
                ] {
                    let answer = ask(server, method, &path).await;
                    assert_eq!(answer.status, 404, "{path} {answer:?}");
                }
            }
        }
        let longer = "x".repeat(8 << 10);
        let path = format!("{ECHO}/000/{longer}/xhr");
        assert_eq!(ask(server, "POST", &path).await.status, 414);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s54_what_is_percent_encoded_in_an_id_is_another_id_and_no_path() {
    attack_http(GROWTH_MAX, async |server| {
        // The victims, whom nobody may reach by another name.
        for id in ["victim", "a/b", "a"] {
            let path = format!("{ECHO}/000/{id}/xhr");
            let expected = if id == "a/b" { 404 } else { 200 };
            assert_eq!(ask(server, "POST", &path).await.status, expected, "{path}");
        }
        for id in [
            "a%2fb",
            "a%2Fb",
            "%2f",
            "..%2f000%2fvictim",
            "%00",
            "victim%00",
            "%0d%0aX-Injected:%20x",
            "victim%0a",
            "victim%20",
            "%76ictim",
            "VICTIM",
            "victim%3bx",
            "%ff%fe",
            "%",
            "%zz",
            "victim%23",
            "victim%3f",
            "vi%63tim%2f..",
            "%e2%80%ae",
            "victim\\",
        ] {
            let send = format!("{ECHO}/000/{id}/xhr_send");
            let answer = ask(server, "POST", &send).await;
            assert!(matches!(answer.status, 400 | 404), "{send} {answer:?}");
            expect_clean_head(&answer);
            let open = format!("{ECHO}/000/{id}/xhr");
            let answer = ask(server, "POST", &open).await;
            assert!(
                answer.status == 400 || answer.status == 404 || text(&answer) == "o\n",
                "{open} {answer:?}"
            );
            expect_clean_head(&answer);
        }
        // Nobody has written to the victim.
        let path = format!("{ECHO}/000/victim");
        let sent = post(&format!("{path}/xhr_send"), &[], "[\"own\"]");
        assert_eq!(Raw::ask_bytes(server, &sent).await.status, 204);
        let answer = ask(server, "POST", &format!("{path}/xhr")).await;
        assert_eq!(text(&answer), "a[\"own\"]\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_15_s54_line_ends_and_nul_in_the_path_are_no_headers() {
    attack_http(GROWTH_MAX, async |server| {
        for path in [
            "/echo/000/a%0d%0aX-Injected:%20x/xhr",
            "/echo/000/a%0d%0a%0d%0a<script>/xhr",
            "/echo%0d%0aX-Injected:%20x/info",
            "/echo/info%0d%0aX-Injected:%20x",
            "/echo/iframe%0d%0aX-Injected:%20x.html",
            "/echo/000/a/jsonp?c=a%0d%0aX-Injected:%20x",
            "/echo/000/a/htmlfile?c=%0d%0a%0d%0a<script>",
        ] {
            for method in ["GET", "POST", "OPTIONS"] {
                let line = format!("{method} {path} HTTP/1.1");
                let asked = Request::get(path).line(&line);
                let answer = Raw::ask(server, &asked).await;
                expect_clean_head(&answer);
                assert!(answer.status < 501, "{line} {answer:?}");
            }
        }
        for broken in ["a\r\nX-Injected: x\r\nb", "a\0b", "a\rb", "a b", "a\tb"] {
            let path = format!("{ECHO}/000/{broken}/xhr");
            let mut raw = Raw::connect(server).await;
            raw.send(&request("POST", &path)).await;
            let answer = raw.response().await;
            assert_eq!(answer.status, 400, "{broken:?} {answer:?}");
            raw.end().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s43_s46_callbacks_that_are_more_than_a_name_are_refused_and_not_repeated() {
    attack_http(GROWTH_MAX, async |server| {
        let long = "a".repeat(7 << 10);
        for callback in [
            "%3Cscript%3Ealert(1)%3C/script%3E",
            "alert(1)",
            "a;alert",
            "a%0aalert",
            "a%0d%0aalert",
            "a%E2%80%A8alert",
            "a%E2%80%A9alert",
            "%3C/script%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
            "a%22",
            "a%27",
            "a%5C",
            "a%60b",
            "a%5B0%5D",
            "a%3Db",
            "a%2F%2F",
            "a%2F*",
            "a%00",
            "%EF%BB%BFa",
            "%ef%bc%9cscript",
            "a%7Ccalc",
            "%22%7C%7Ccalc%7C%7C",
            "a%26b",
            "%ff",
            "a+b",
            &long,
        ] {
            for transport in ["jsonp", "htmlfile"] {
                let path = format!("{}/{transport}?c={callback}", session(ECHO));
                let answer = ask(server, "GET", &path).await;
                assert_eq!(answer.status, 500, "{path} {answer:?}");
                let kind = answer.header("Content-Type");
                assert!(kind.is_some_and(|kind| kind.starts_with("text/plain")));
                assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
                let said = text(&answer);
                assert!(said.starts_with("invalid \"callback\" parameter"), "{said}");
                assert!(!said.contains("alert") && said.len() < 300, "{said}");
                // Nor has it opened a session.
                let polled = path.split('?').next().unwrap_or_default();
                let polled = polled.replace(transport, "xhr");
                let opened = ask(server, "POST", &polled).await;
                assert_eq!(text(&opened), "o\n", "{path}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s43_s46_s55_messages_cannot_leave_the_script_that_they_are_in() {
    // The characters that end a script, a string in it, or a line.
    let evil = [
        "</script><script>alert(1)</script>",
        "</SCRIPT ><!--<script>",
        "]]>--!>",
        "\u{2028}alert(1)\u{2029}",
        "\"+alert(1)+\"",
        "\\\");alert(1);//",
        "'`${alert(1)}",
        "\r\n\r\n\0\u{1b}",
        "\u{feff}\u{fffe}\u{200b}\u{202e}",
        "&lt;&#x3c;script",
    ];
    let message = evil.concat();
    let body = serde_json::to_string(&[&message]).expect("JSON");
    attack_http(GROWTH_MAX, async |server| {
        // By jsonp: one answer for the opening, one for the message.
        let path = session(ECHO);
        let poll = format!("{path}/jsonp?c=_jp.abc");
        let opened = ask(server, "GET", &poll).await;
        assert_eq!(text(&opened), "/**/_jp.abc(\"o\");\r\n");
        let kind = ("Content-Type", "text/plain");
        let sent = post(&format!("{path}/jsonp_send"), &[kind], &body);
        assert_eq!(text(&Raw::ask_bytes(server, &sent).await), "ok");
        let answer = ask(server, "GET", &poll).await;
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
        let kind = answer.header("Content-Type").unwrap_or_default();
        assert!(kind.starts_with("application/javascript"), "{kind}");
        let said = text(&answer);
        let inner = said.strip_prefix("/**/_jp.abc(\"");
        let inner = inner.and_then(|rest| rest.strip_suffix("\");\r\n"));
        expect_one_literal(inner.expect("one call"), &message);
        // By htmlfile: a script each.
        let path = session(ECHO);
        let mut page = Raw::connect(server).await;
        page.send(&get(&format!("{path}/htmlfile?c=callback"), &[]))
            .await;
        let head = page.head().await;
        assert_eq!(head.header("X-Content-Type-Options"), Some("nosniff"));
        for _ in ["the page", "its opening"] {
            page.chunk().await.expect("a chunk");
        }
        let sent = post(&format!("{path}/xhr_send"), &[], &body);
        assert_eq!(Raw::ask_bytes(server, &sent).await.status, 204);
        let chunk = page.chunk().await.expect("a script");
        let said = String::from_utf8(chunk).expect("UTF-8");
        let inner = said.strip_prefix("<script>\np(\"");
        let inner = inner.and_then(|rest| rest.strip_suffix("\");\n</script>\r\n"));
        expect_one_literal(inner.expect("one script"), &message);
    })
    .await;
}

/// Expects what is within the quotes of a script's string to be one literal, safe within a page,
/// whose value is a frame with this message.
fn expect_one_literal(inner: &str, message: &str) {
    assert!(!inner.contains(['<', '\n', '\r', '\0']), "{inner}");
    assert!(!inner.contains(['\u{2028}', '\u{2029}']), "{inner}");
    let inner = inner.replace("\\x", "\\u00").replace("\\'", "'");
    let frame: String = serde_json::from_str(&format!("\"{inner}\"")).expect("one literal");
    let messages = frame.strip_prefix('a').expect("a frame of messages");
    let messages: Vec<String> = serde_json::from_str(messages).expect("messages");
    assert_eq!(messages, [message]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s43_s54_no_answer_can_be_downloaded_under_a_name_that_a_link_chooses() {
    attack_http(GROWTH_MAX, async |server| {
        for path in [
            "/echo/000/abc/jsonp;setup.bat?c=calc",
            "/echo/000/abc/jsonp;/setup.bat?c=calc",
            "/echo/000/abc/jsonp.bat?c=calc",
            "/echo/000/abc/jsonp/setup.bat?c=calc",
            "/echo/000/abc/jsonp%2fsetup.bat?c=calc",
            "/echo/000/abc/jsonp%3bsetup.bat?c=calc",
            "/echo/000/abc/xhr;setup.bat",
            "/echo/000/abc/eventsource;.bat",
            "/echo/000/abc/htmlfile.hta?c=calc",
            "/echo/000/setup.bat;/jsonp?c=calc",
            "/echo/setup.bat/abc/jsonp?c=calc",
            "/echo;setup.bat",
            "/echo/;setup.bat",
            "/echo/setup.bat",
            "/echo/info;setup.bat",
            "/echo/info.bat",
            "/echo/info/setup.bat",
            "/echo/iframe.html;setup.bat",
            "/echo/iframe.bat",
            "/echo/iframe.html.bat",
            "/echo/iframe%2fsetup.bat;.html",
            "/echo/websocket;setup.bat",
        ] {
            for method in ["GET", "POST"] {
                let answer = ask(server, method, path).await;
                assert_eq!(answer.status, 404, "{method} {path} {answer:?}");
                expect_clean_head(&answer);
                assert!(!text(&answer).contains("calc"), "{answer:?}");
            }
        }
        // Where the name is the server's, the answer begins with a comment, whatever it is called.
        let path = format!("{}/jsonp?c=calc", session(ECHO));
        let answer = ask(server, "GET", &path).await;
        assert!(answer.body.starts_with(b"/**/calc(\""), "{answer:?}");
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s36_cookies_and_origins_come_back_as_they_are_allowed_or_not_at_all() {
    attack_http(GROWTH_MAX, async |server| {
        for (sent, expected) in [
            ("abc", "abc"),
            ("a;Domain=evil.example", "a"),
            ("a, b=c", "dummy"),
            ("\"a\"", "dummy"),
            ("a b", "dummy"),
            ("a\\b", "dummy"),
            ("", "dummy"),
        ] {
            let cookie = format!("JSESSIONID={sent}");
            let path = format!("{}/xhr", session(ECHO_WITH_COOKIE));
            let asked = post(&path, &[("Cookie", &cookie)], "");
            let answer = Raw::ask_bytes(server, &asked).await;
            expect_clean_head(&answer);
            let expected = format!("JSESSIONID={expected}; path=/");
            assert_eq!(answer.header("Set-Cookie"), Some(&*expected), "{sent}");
        }
        let bytes = b"Cookie: JSESSIONID=\xff\xfe\r\nOrigin: \xff\r\n";
        let asked = [
            b"GET /cookie_needed_echo/info HTTP/1.1\r\nHost: a\r\n",
            &bytes[..],
            b"\r\n",
        ];
        let answer = Raw::ask_bytes(server, &asked.concat()).await;
        assert!(matches!(answer.status, 200 | 400 | 403), "{answer:?}");
        // A list of names is handed back as one header, and is bounded by the request's own head.
        let wanted = "x-a, ".repeat(2_000);
        let asked = Request::get("/echo/info")
            .line("OPTIONS /echo/info HTTP/1.1")
            .with("Origin", "http://a.example")
            .with("Access-Control-Request-Headers", &wanted);
        let answer = Raw::ask(server, &asked).await;
        assert!(matches!(answer.status, 204 | 400 | 431), "{answer:?}");
        expect_clean_head(&answer);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn item_7_s51_an_upgrade_on_any_path_is_answered_and_harms_nobody() {
    attack_http(GROWTH_MAX, async |server| {
        let pages = [
            "/echo/",
            "/echo/info",
            "/echo/iframe.html",
            "/echo/nothing",
            "/echo/a/b/c",
        ];
        let pages = pages.map(str::to_owned).into_iter();
        let transports = TRANSPORTS.map(|(name, _, query)| format!("/{name}{query}"));
        for path in pages.chain(transports) {
            for method in ["GET", "POST", "OPTIONS", "HEAD"] {
                for (upgrade, connection) in [
                    ("websocket", "Upgrade"),
                    ("websocket", "keep-alive, Upgrade"),
                    ("websocket", "close"),
                    ("h2c", "Upgrade"),
                    ("", "Upgrade"),
                ] {
                    // A session of its own, since a second poll would wait.
                    let path = match TRANSPORTS
                        .iter()
                        .any(|it| path.starts_with(&format!("/{}", it.0)))
                    {
                        true => format!("{}{path}", session(ECHO)),
                        false => path.clone(),
                    };
                    let asked = Request::upgrade(&path)
                        .line(&format!("{method} {path} HTTP/1.1"))
                        .replaced("Upgrade", upgrade)
                        .replaced("Connection", connection)
                        .bytes();
                    let mut raw = Raw::connect(server).await;
                    raw.send(&asked).await;
                    let head = raw.head().await;
                    assert!(
                        matches!(head.status, 200 | 204 | 400 | 404 | 405 | 426 | 500),
                        "{method} {path} {upgrade:?} {connection} {head:?}"
                    );
                }
            }
        }
    })
    .await;
}
