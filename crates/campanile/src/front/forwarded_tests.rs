//! Tests of what trusted proxies may say.

use http::HeaderValue;

use super::*;

const PROXY: &str = "10.0.0.1:4000";

/// Names and values.
type Lines<'a> = &'a [(&'static str, &'a str)];

/// The address, whether it is secure, and the host.
type Known<'a> = (&'a str, bool, &'a str);

fn headers(lines: Lines<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
        headers.append(*name, value);
    }
    headers
}

/// The address, scheme and host that are seen by a server that trusts 10.0.0.0/8 and `fd00::1`.
fn seen(kind: ProxyHeaders, peer: &str, lines: Lines<'_>) -> (String, bool, String) {
    let trusted = ["10.0.0.0/8", "fd00::1"].map(str::to_owned);
    let proxies = TrustedProxies::new(&trusted, kind).expect("valid entries");
    let mut all = vec![("host", "inner:8080")];
    all.extend_from_slice(lines);
    let seen = proxies.see(peer.parse().expect("an address"), false, &headers(&all));
    let host = seen.host.map(String::from).unwrap_or_default();
    (seen.remote.to_string(), seen.is_secure, host)
}

fn expect(kind: ProxyHeaders, lines: Lines<'_>, expected: Known<'_>) {
    let (remote, is_secure, host) = seen(kind, PROXY, lines);
    assert_eq!((&*remote, is_secure, &*host), expected, "{lines:?}");
}

#[test]
fn s11_nobody_is_trusted_by_default() {
    let lines = headers(&[
        ("host", "own.com"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=1.2.3.4;proto=https;host=evil.com"),
    ]);
    for kind in [ProxyHeaders::XForwarded, ProxyHeaders::Forwarded] {
        let peer = PROXY.parse().expect("an address");
        let nobody = TrustedProxies::new(&[], kind).expect("valid");
        let expected = Seen {
            remote: peer,
            is_secure: false,
            host: Some("own.com".into()),
        };
        assert_eq!(nobody.see(peer, false, &lines), expected);
    }
}

#[test]
fn s11_a_peer_that_is_not_trusted_is_not_listened_to() {
    let lines = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.com"),
        ("forwarded", "for=1.2.3.4;proto=https;host=evil.com"),
    ];
    for kind in [ProxyHeaders::XForwarded, ProxyHeaders::Forwarded] {
        for peer in ["11.0.0.1:5", "[fd00::2]:5", "[::1]:5"] {
            let expected = (peer.to_owned(), false, "inner:8080".to_owned());
            assert_eq!(seen(kind, peer, &lines), expected);
        }
        let (remote, is_secure, _) = seen(kind, "[::ffff:10.0.0.1]:5", &lines);
        assert_eq!((&*remote, is_secure), ("1.2.3.4:0", true));
    }
}

#[test]
fn s11_only_the_kind_of_header_that_the_proxy_writes_is_read() {
    let standard = [("forwarded", "for=6.6.6.6;proto=https;host=evil.com")];
    let others = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.com"),
        ("x-real-ip", "6.6.6.6"),
    ];
    expect(
        ProxyHeaders::XForwarded,
        &standard,
        (PROXY, false, "inner:8080"),
    );
    expect(
        ProxyHeaders::Forwarded,
        &others,
        (PROXY, false, "inner:8080"),
    );
}

#[test]
fn s11_x_forwarded_for_is_walked_from_the_right() {
    let table: [(&[&str], &str); 22] = [
        (&["203.0.113.9"], "203.0.113.9:0"),
        (&["203.0.113.9:5123"], "203.0.113.9:5123"),
        (&["2001:db8::1"], "[2001:db8::1]:0"),
        (&["[2001:db8::1]"], "[2001:db8::1]:0"),
        (&["[2001:db8::1]:99"], "[2001:db8::1]:99"),
        (&["::ffff:203.0.113.9"], "203.0.113.9:0"),
        (&["203.0.113.9, 10.9.9.9"], "203.0.113.9:0"),
        (&["203.0.113.9,10.9.9.9,fd00::1"], "203.0.113.9:0"),
        // What the client wrote itself is not believed, nor even read.
        (&["10.0.0.7, 1.1.1.1, 203.0.113.9"], "203.0.113.9:0"),
        (&["nonsense, 203.0.113.9, 10.9.9.9"], "203.0.113.9:0"),
        (&["nonsense", "203.0.113.9"], "203.0.113.9:0"),
        (&["\u{fc}", "203.0.113.9", "10.9.9.9"], "203.0.113.9:0"),
        // All are trusted: the first of them asked.
        (&["10.3.3.3, 10.2.2.2"], "10.3.3.3:0"),
        (&["nonsense"], PROXY),
        (&[""], PROXY),
        (&["203.0.113.9,"], PROXY),
        (&["nonsense, 10.2.2.2"], PROXY),
        (&["unknown"], PROXY),
        (&["203.0.113.9:0"], PROXY),
        (&["203.0.113.9:70000"], PROXY),
        (&["203.0.113.9:+5"], PROXY),
        (&["[2001:db8::1]x"], PROXY),
    ];
    for (lines, expected) in table {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        expect(
            ProxyHeaders::XForwarded,
            &lines,
            (expected, false, "inner:8080"),
        );
    }
}

#[test]
fn s11_x_forwarded_scheme_host_and_port_are_those_that_the_client_used() {
    const FOR: &str = "x-forwarded-for";
    const PROTO: &str = "x-forwarded-proto";
    const HOST: &str = "x-forwarded-host";
    const PORT: &str = "x-forwarded-port";
    let table: [(Lines<'_>, bool, &str); 18] = [
        (&[(PROTO, "https")], true, "inner:8080"),
        (&[(PROTO, "HTTPS")], true, "inner:8080"),
        (&[(PROTO, "wss")], true, "inner:8080"),
        (&[(PROTO, "http")], false, "inner:8080"),
        (&[(PROTO, "gopher")], false, "inner:8080"),
        // One value, whoever wrote it.
        (
            &[(FOR, "9.9.9.9, 10.2.2.2"), (PROTO, "https")],
            true,
            "inner:8080",
        ),
        // One value from each proxy: the client's is as far from the right as its address.
        (
            &[(FOR, "9.9.9.9, 10.2.2.2"), (PROTO, "https, http")],
            true,
            "inner:8080",
        ),
        (
            &[(FOR, "9.9.9.9, 10.2.2.2"), (PROTO, "https, http, https")],
            false,
            "inner:8080",
        ),
        // The left one is the client's own invention.
        (
            &[(FOR, "9.9.9.9"), (PROTO, "https, http")],
            false,
            "inner:8080",
        ),
        (&[(PROTO, "https"), (PROTO, "http")], false, "inner:8080"),
        (&[(HOST, "own.com")], false, "own.com"),
        (
            &[(FOR, "9.9.9.9"), (HOST, "evil.com, own.com")],
            false,
            "own.com",
        ),
        (&[(HOST, "own.com/evil")], false, "inner:8080"),
        (&[(HOST, "user@own.com")], false, "inner:8080"),
        (&[(HOST, "own.com"), (PORT, "8443")], false, "own.com:8443"),
        (&[(PORT, "443")], false, "inner:443"),
        (&[(HOST, "[::1]:80"), (PORT, "99")], false, "[::1]:99"),
        (&[(PORT, "0")], false, "inner:8080"),
    ];
    for (lines, is_secure, host) in table {
        let (_, secure, known) = seen(ProxyHeaders::XForwarded, PROXY, lines);
        assert_eq!((secure, &*known), (is_secure, host), "{lines:?}");
    }
}

#[test]
fn s11_forwarded_tells_all_in_the_element_that_names_the_client() {
    let table: [(&[&str], Known<'_>); 16] = [
        (&["for=203.0.113.9"], ("203.0.113.9:0", false, "inner:8080")),
        (
            &["for=\"203.0.113.9:4711\";proto=https;host=own.com"],
            ("203.0.113.9:4711", true, "own.com"),
        ),
        (
            &["For=\"[2001:db8::1]:47\"; Host=\"own.com:8443\" ;PROTO=HTTPS"],
            ("[2001:db8::1]:47", true, "own.com:8443"),
        ),
        (
            &["for=9.9.9.9;proto=https;host=own.com, for=10.2.2.2;proto=http;host=mid"],
            ("9.9.9.9:0", true, "own.com"),
        ),
        (
            &["for=9.9.9.9;proto=https", "for=10.2.2.2;proto=http"],
            ("9.9.9.9:0", true, "inner:8080"),
        ),
        (
            &["for=1.1.1.1;proto=https;host=evil.com, for=9.9.9.9;proto=http"],
            ("9.9.9.9:0", false, "inner:8080"),
        ),
        // What comes before a line that names the client is not even read.
        (
            &["for=\"", "for=9.9.9.9"],
            ("9.9.9.9:0", false, "inner:8080"),
        ),
        (
            &["for=\"_secret:_p\";proto=https"],
            (PROXY, true, "inner:8080"),
        ),
        (&["for=unknown;proto=https"], (PROXY, true, "inner:8080")),
        (&["proto=https;host=own.com"], (PROXY, true, "own.com")),
        (
            &["for=6.6.6.6, for=_hidden, for=10.2.2.2"],
            ("10.2.2.2:0", false, "inner:8080"),
        ),
        (
            &["for=\"9.9.9.9:_port\""],
            ("9.9.9.9:0", false, "inner:8080"),
        ),
        (
            &["for=9.9.9.9;host=\"own.com/x\""],
            ("9.9.9.9:0", false, "inner:8080"),
        ),
        (
            &["for=9.9.9.9;proto=gopher"],
            ("9.9.9.9:0", false, "inner:8080"),
        ),
        (&["for=9.9.9.9;for=6.6.6.6"], (PROXY, false, "inner:8080")),
        (&["for=9.9.9.9;proto=\"https"], (PROXY, false, "inner:8080")),
    ];
    for (lines, expected) in table {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        expect(ProxyHeaders::Forwarded, &lines, expected);
    }
}

#[test]
fn s11_long_chains_are_walked_once() {
    let chain = vec!["10.2.2.2"; 100_000].join(", ");
    expect(
        ProxyHeaders::XForwarded,
        &[("x-forwarded-for", &chain)],
        ("10.2.2.2:0", false, "inner:8080"),
    );
    let chain = vec!["for=10.2.2.2"; 100_000].join(", ");
    expect(
        ProxyHeaders::Forwarded,
        &[("forwarded", &chain)],
        ("10.2.2.2:0", false, "inner:8080"),
    );
}
