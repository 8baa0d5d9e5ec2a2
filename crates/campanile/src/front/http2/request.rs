//! Requests of HTTP/2 in the form that the rest knows: as HTTP/1.1 has them.

use axum::body::Body;
use campanile_websocket::HandshakeError;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::front::dispatch::ConnectProtocol;
use crate::front::serve::HEADERS_MAX;
use crate::problem::problem;

/// Gives a request the form of HTTP/1.1: the host in a header, only path and query in the URI, all
/// cookies in one header.
///
/// # Errors
/// The answer to a request that is refused whatever it is for.
pub(super) fn normalise(parts: &mut Parts) -> Result<(), Box<Response<Body>>> {
    if parts.headers.len() > HEADERS_MAX {
        let detail = format!("the request has more than {HEADERS_MAX} headers");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Box::new(problem(status, &detail)));
    }
    let protocol = parts.extensions.remove::<h2::ext::Protocol>();
    if parts.method == Method::CONNECT {
        let Some(protocol) = protocol.filter(|protocol| protocol.as_str() == "websocket") else {
            let error = HandshakeError::ProtocolNotWebSocket;
            return Err(Box::new(problem(error.status(), &error.to_string())));
        };
        let protocol = ConnectProtocol(protocol.as_str().into());
        parts.extensions.insert(protocol);
    }
    let refused = |detail| Box::new(problem(StatusCode::BAD_REQUEST, detail));
    let host = host(&parts.uri, &parts.headers).map_err(refused)?;
    parts.headers.insert(header::HOST, host);
    join_cookies(&mut parts.headers);
    let target = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Ok(())
}

/// The host that is asked for: `:authority`, or else the one Host header (RFC 9113 8.3.1).
fn host(uri: &Uri, headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(authority) = uri.authority() else {
        return match (hosts.next(), hosts.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err("send :authority, or exactly one Host header (RFC 9113 8.3.1)"),
        };
    };
    let authority = authority.as_str();
    if authority.contains('@') {
        return Err("send :authority without user information (RFC 9113 8.3.1)");
    }
    if !hosts.all(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
        return Err("send no Host header that differs from :authority (RFC 9113 8.3.1)");
    }
    HeaderValue::from_str(authority).map_err(|_| "send :authority as HOST:PORT (RFC 9113 8.3.1)")
}

/// Clients may send cookies one by one (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if lines.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn normalised(request: Request<()>) -> Result<Parts, StatusCode> {
        let (mut parts, ()) = request.into_parts();
        match normalise(&mut parts) {
            Ok(()) => Ok(parts),
            Err(refused) => Err(refused.status()),
        }
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn rfc9113_8_3_1_the_authority_becomes_the_host() {
        let parts = normalised(request("https://a.example:1/x?y=z", &[])).expect("legal");
        assert_eq!(parts.headers[header::HOST], "a.example:1");
        assert_eq!(parts.uri, "/x?y=z");
        let parts = normalised(request("/x", &[("host", "b")])).expect("legal");
        assert_eq!(parts.headers[header::HOST], "b");
    }

    #[test]
    fn rfc9113_8_3_1_hosts_that_contradict_each_other_are_refused() {
        for refused in [
            request("https://a/", &[("host", "b")]),
            request("https://a/", &[("host", "a"), ("host", "b")]),
            request("https://user@a/", &[]),
            request("/", &[]),
            request("/", &[("host", "a"), ("host", "a")]),
        ] {
            let text = format!("{refused:?}");
            assert_eq!(
                normalised(refused).err(),
                Some(StatusCode::BAD_REQUEST),
                "{text}"
            );
        }
        normalised(request("https://a/", &[("host", "A")])).expect("the same host");
    }

    #[test]
    fn rfc9113_8_2_3_cookies_are_joined() {
        let crumbs = [("cookie", "a=b"), ("cookie", "c=d; e=f")];
        let parts = normalised(request("https://a/", &crumbs)).expect("legal");
        assert_eq!(parts.headers[header::COOKIE], "a=b; c=d; e=f");
        assert_eq!(parts.headers.get_all(header::COOKIE).iter().count(), 1);
    }

    #[test]
    fn rfc9220_3_connecting_to_anything_but_a_websocket_is_not_implemented() {
        for protocol in [None, Some("connect-udp")] {
            let mut connect = request("https://a/echo", &[]);
            *connect.method_mut() = Method::CONNECT;
            if let Some(protocol) = protocol {
                let protocol = h2::ext::Protocol::from_static(protocol);
                connect.extensions_mut().insert(protocol);
            }
            assert_eq!(normalised(connect).err(), Some(StatusCode::NOT_IMPLEMENTED));
        }
    }
}
