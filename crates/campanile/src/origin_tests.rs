//! Tests of who may connect.

use http::header::HOST;
use http::{HeaderMap, HeaderValue};

use super::*;

fn headers(origins: &[&str], hosts: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).expect("a header");
    for origin in origins {
        headers.append(ORIGIN, value(origin));
    }
    for host in hosts {
        headers.append(HOST, value(host));
    }
    headers
}

/// Whether a policy allows a request with these headers over this scheme.
fn allows(policy: &OriginPolicy, headers: &HeaderMap, scheme: &str) -> bool {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.headers = headers.clone();
    parts.uri = format!("{scheme}://own.example/").parse().expect("a URI");
    policy.allows(&Handshake::from_parts(parts))
}

fn list(origins: &[&str]) -> OriginPolicy {
    OriginPolicy::list(origins).expect("valid origins")
}

#[test]
fn what_is_not_a_browser_is_allowed() {
    let headers = headers(&[], &["example.com"]);
    for policy in [OriginPolicy::Any, OriginPolicy::SameOrigin, list(&[])] {
        assert!(allows(&policy, &headers, "http"), "{policy:?}");
    }
}

#[test]
fn two_origins_are_refused_by_all() {
    let twice = headers(&["http://good.com", "http://good.com"], &["good.com"]);
    for policy in [
        OriginPolicy::Any,
        OriginPolicy::SameOrigin,
        list(&["http://good.com"]),
    ] {
        assert!(!allows(&policy, &twice, "http"), "{policy:?}");
    }
}

#[test]
fn only_any_admits_null_and_nonsense() {
    for origin in ["null", "", "nonsense", "file://", "张三"] {
        let headers = headers(&[origin], &["good.com"]);
        assert!(allows(&OriginPolicy::Any, &headers, "http"), "{origin}");
        assert!(
            !allows(&OriginPolicy::SameOrigin, &headers, "http"),
            "{origin}"
        );
        assert!(
            !allows(&list(&["http://good.com"]), &headers, "http"),
            "{origin}"
        );
    }
}

#[test]
fn lists_are_compared_exactly() {
    let policy = list(&[
        "https://good.com",
        "http://good.com:8080",
        "HTTP://LocalHost",
        "http://[::1]:3000",
        "capacitor://localhost",
    ]);
    let allowed = [
        "https://good.com",
        "https://good.com:443",
        "HTTPS://good.com",
        "https://GOOD.com",
        "http://good.com:8080",
        "http://localhost",
        "http://localhost:80",
        "http://[::1]:3000",
        "http://[0:0::1]:3000",
        "capacitor://localhost",
    ];
    let refused = [
        "http://good.com",
        "https://good.com:8080",
        "https://good.com:444",
        "https://good.com:",
        "https://good.com:0443",
        "https://good.com:+443",
        "https://good.com:65979",
        "https://good.com.",
        "https://good.com/",
        "https://good.com/path",
        "https://good.com?q",
        "https://good.com#f",
        "https://good.com\\",
        "https://good.com\\@evil.com",
        "https://good.com.evil.com",
        "https://evilgood.com",
        "https://evil.com/good.com",
        "https://evil.com#https://good.com",
        "https://sub.good.com",
        "https://good.com@evil.com",
        "https://user@good.com",
        "https://user:password@good.com",
        "https://good.com:443@evil.com",
        "https://good.com https://evil.com",
        "https://good.com,https://evil.com",
        " https://good.com",
        "https:// good.com",
        "https:good.com",
        "https:/good.com",
        "//good.com",
        "://good.com",
        "good.com",
        "https://gооd.com", // The two o are Cyrillic.
        "https://good%2Ecom",
        "wss://good.com",
        "https+x://good.com",
        "http://[::1]",
        "http://[::1]:3001",
        "http://[::1]x:3000",
        "http://::1:3000",
        "http://[::1",
        "capacitor://localhost:80",
    ];
    for origin in allowed {
        assert!(
            allows(&policy, &headers(&[origin], &["own.com"]), "http"),
            "{origin}"
        );
    }
    for origin in refused {
        assert!(
            !allows(&policy, &headers(&[origin], &["own.com"]), "http"),
            "{origin}"
        );
    }
    assert!(!allows(
        &policy,
        &headers(&["http://own.com"], &["own.com"]),
        "http"
    ));
}

#[test]
fn same_origin_compares_with_the_host() {
    let table: &[(&str, &[&str], &str, bool)] = &[
        ("http://own.com", &["own.com"], "http", true),
        ("http://own.com", &["own.com:80"], "http", true),
        ("http://own.com:80", &["OWN.com"], "HTTP", true),
        ("https://own.com", &["own.com:443"], "https", true),
        ("http://own.com:8080", &["own.com:8080"], "http", true),
        ("http://127.0.0.1:8080", &["127.0.0.1:8080"], "http", true),
        ("http://[::1]:8080", &["[::1]:8080"], "http", true),
        ("http://own.com", &["own.com"], "https", false),
        ("https://own.com", &["own.com"], "http", false),
        ("http://own.com", &["own.com:8080"], "http", false),
        ("http://own.com:8080", &["own.com"], "http", false),
        ("http://own.com:8081", &["own.com:8080"], "http", false),
        ("http://own.com.evil.com", &["own.com"], "http", false),
        ("http://evilown.com", &["own.com"], "http", false),
        ("http://127.0.0.1:8080", &["localhost:8080"], "http", false),
        ("http://own.com", &[], "http", false),
        ("http://own.com", &["own.com", "own.com"], "http", false),
        ("http://own.com", &["user@own.com"], "http", false),
        ("http://own.com", &["own.com/"], "http", false),
        ("http://own.com", &[""], "http", false),
    ];
    for (origin, hosts, scheme, expected) in table {
        let allowed = allows(&OriginPolicy::default(), &headers(&[origin], hosts), scheme);
        assert_eq!(allowed, *expected, "{origin} at {hosts:?} over {scheme}");
    }
}

#[test]
fn refused_entries_say_what_to_do() {
    let table = [
        ("*", "use the policy `any`"),
        ("https://*.good.com", "use patterns"),
        ("null", "only the policy `any`"),
        ("good.com", "write scheme://host"),
        ("", "write scheme://host"),
        ("1http://good.com", "write scheme://host"),
        ("https://good.com/", "the slash included"),
        ("https://good.com/chat", "the slash included"),
        ("https://user@good.com", "remove the user name"),
        ("https://good.com:", "leave it out with its colon"),
        ("https://good.com:99999", "from 1 to 65535"),
        ("https://good.com:0", "from 1 to 65535"),
        ("https://::1", "IPv6 address in brackets"),
        ("https://[::1", "IPv6 address in brackets"),
        ("https://", "the host is missing"),
        ("https://:443", "the host is missing"),
        ("https://bücher.de", "ASCII form"),
        ("https://good .com", "letters, digits"),
        ("wss://good.com", "write http:// or https://"),
    ];
    for (entry, advice) in table {
        let error = OriginPolicy::list(["https://fine.com", entry]).expect_err(entry);
        assert_eq!(error.entry(), entry);
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn origins_are_shown_in_their_normal_form() {
    for (entry, shown) in [
        ("HTTPS://Good.com:443", "https://good.com"),
        ("http://good.com:8080", "http://good.com:8080"),
        ("http://[0:0::1]", "http://[::1]"),
    ] {
        let origin: Origin = entry.parse().expect("an origin");
        assert_eq!(origin.to_string(), shown);
    }
}
