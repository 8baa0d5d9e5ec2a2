//! What the paths below an endpoint's mean.

use crate::transport::Transport;

/// How long the ids of a server and of a session may be, each in octets of the path.
/// sockjs-client's have 3 and 8, a UUID has 36.
pub const ID_BYTES_MAX: usize = 256;

/// What a request for a path is for (sockjs-protocol, Static URLs and Session URLs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route<'a> {
    /// The text that says that there is SockJS (S34).
    Greeting,
    /// What the server can, as JSON (S35).
    Info,
    /// The page for transports within the server's own origin (S44).
    Iframe,
    /// WebSocket without the frames of SockJS (S38).
    RawWebsocket,
    /// A request of a session's.
    Session {
        /// For load balancers only: it does not belong to the session's identity.
        server: &'a str,
        /// The id that the client has chosen, as it stands in the path. It is a secret between the
        /// client and the server: whoever knows it can take the session's messages.
        session: &'a str,
        /// How the session's messages are carried.
        transport: Transport,
    },
}

impl<'a> Route<'a> {
    /// What `rest` means: all of a path, still percent-encoded, that comes after the endpoint's,
    /// without the query. `None` is 404.
    ///
    /// Paths are taken literally: the case matters, an empty segment is one too many, also at the
    /// end. Ids are not empty, at most [`ID_BYTES_MAX`] long, and without dots, encoded ones
    /// included; neither has the last segment parameters behind a `;` (S54). What is in the way of
    /// a download under a chosen name is also in the way of a proxy that understands `..`.
    pub fn parse(rest: &'a str) -> Option<Self> {
        if rest.is_empty() {
            return Some(Route::Greeting);
        }
        let path = rest.strip_prefix('/')?;
        match path {
            "" => return Some(Route::Greeting),
            "info" => return Some(Route::Info),
            "websocket" => return Some(Route::RawWebsocket),
            _ if is_iframe(path) => return Some(Route::Iframe),
            _ => {}
        }
        let (server, rest) = path.split_once('/')?;
        let (session, name) = rest.split_once('/')?;
        let transport = Transport::from_name(name)?;
        (is_id(server) && is_id(session)).then_some(Route::Session {
            server,
            session,
            transport,
        })
    }
}

/// `iframe*.html` with what versions have in them.
fn is_iframe(name: &str) -> bool {
    let version = name
        .strip_prefix("iframe")
        .and_then(|rest| rest.strip_suffix(".html"));
    version.is_some_and(|version| {
        let mut octets = version.bytes();
        octets.all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'.' | b'_'))
    })
}

fn is_id(id: &str) -> bool {
    let octets = id.as_bytes();
    let has_dot =
        octets.contains(&b'.') || octets.windows(3).any(|it| matches!(it, b"%2e" | b"%2E"));
    !id.is_empty() && id.len() <= ID_BYTES_MAX && !has_dot
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(rest: &str) -> Option<(&str, &str, Transport)> {
        match Route::parse(rest)? {
            Route::Session {
                server,
                session,
                transport,
            } => Some((server, session, transport)),
            other => panic!("{rest} is {other:?}"),
        }
    }

    #[test]
    fn s34_the_greeting_is_at_the_endpoint_with_and_without_a_slash() {
        assert_eq!(Route::parse(""), Some(Route::Greeting));
        assert_eq!(Route::parse("/"), Some(Route::Greeting));
        for rest in [
            "/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "a", "x/info",
        ] {
            assert_eq!(Route::parse(rest), None, "{rest}");
        }
    }

    #[test]
    fn s35_s38_info_and_the_raw_websocket_have_one_path_each() {
        assert_eq!(Route::parse("/info"), Some(Route::Info));
        assert_eq!(Route::parse("/websocket"), Some(Route::RawWebsocket));
        for rest in [
            "/info/",
            "/INFO",
            "/info;a",
            "/websocket/",
            "/websocket;a=b",
            "/xhr",
        ] {
            assert_eq!(Route::parse(rest), None, "{rest}");
        }
    }

    #[test]
    fn s44_the_iframe_page_may_have_a_version_in_its_name() {
        for rest in [
            "/iframe.html",
            "/iframe-a.html",
            "/iframe-.html",
            "/iframe-0.1.2.html",
            "/iframe-0.1.2abc-dirty.2144.html",
            "/iframe_.html",
        ] {
            assert_eq!(Route::parse(rest), Some(Route::Iframe), "{rest}");
        }
        for rest in [
            "/iframe.htm",
            "/iframe",
            "/IFRAME.HTML",
            "/IFRAME",
            "/iframe.HTML",
            "/iframe.xml",
            "/iframe-/.html",
            "/iframe-A.html",
            "/iframe.html;a",
            "/iframe%2e.html",
            "/iframe.html/",
            "/aiframe.html",
            "/iframehtml",
        ] {
            assert_eq!(Route::parse(rest), None, "{rest}");
        }
    }

    #[test]
    fn s39_s40_s41_s42_s43_a_sessions_path_has_a_server_an_id_and_a_transport() {
        for transport in Transport::ALL {
            let rest = format!("/000/k3jz9/{}", transport.name());
            assert_eq!(session(&rest), Some(("000", "k3jz9", transport)));
        }
        for (server, id) in [
            ("_", "_"),
            ("1", "a;b"),
            ("abcdefgh_i-j%20", "abcdefg_i-j%20"),
            ("é", "~"),
        ] {
            let rest = format!("/{server}/{id}/xhr");
            assert_eq!(session(&rest), Some((server, id, Transport::Xhr)));
        }
        assert_eq!(
            session("/info/websocket/xhr"),
            Some(("info", "websocket", Transport::Xhr))
        );
    }

    #[test]
    fn s54_dots_empty_segments_and_parameters_are_no_path() {
        for rest in [
            "///xhr",
            "/a./a/xhr",
            "/a/a./xhr",
            "/././xhr",
            "//xhr",
            "////xhr",
            "/../../xhr",
            "/a/%2e%2E/xhr",
            "/%2e/a/xhr",
            "/a//xhr",
            "//a/xhr",
            "/a/a/xhr/",
            "/a/a/a/xhr",
            "/a/a/xhr;a=b",
            "/a/a/xhr%3ba",
            "/a/a/xhr.bat",
            "/a/a/XHR",
            "/a/a/",
            "/a/a/unknown",
            "/a/a/xhr_send/xhr",
        ] {
            assert_eq!(Route::parse(rest), None, "{rest}");
        }
    }

    #[test]
    fn s54_ids_have_a_longest_length() {
        let rest = |bytes: usize| format!("/{0}/{0}/xhr", "x".repeat(bytes));
        assert!(session(&rest(ID_BYTES_MAX)).is_some());
        assert_eq!(session(&rest(ID_BYTES_MAX + 1)), None);
    }
}
