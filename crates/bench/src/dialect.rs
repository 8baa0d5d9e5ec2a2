//! What servers speak within WebSocket messages, as far as a load needs it.

use std::fmt::Write;

use crate::plan::Dialect;

/// What the generator does about a text that is no publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    None,
    /// Sends this.
    Send(String),
    /// Takes the session for open: what is published from here on must reach it.
    Open,
    /// Gives the session up: the server has refused it.
    Refused(String),
}

/// The path to ask for; `nonce` is random.
pub(crate) fn path(dialect: Dialect, path: &str, nonce: &[u8]) -> String {
    let is_bare = path.is_empty() || path == "/";
    match dialect {
        Dialect::SocketIo if is_bare => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        Dialect::SocketIo if !path.contains("EIO=") => {
            let joint = if path.contains('?') { '&' } else { '?' };
            format!("{path}{joint}EIO=4&transport=websocket")
        }
        Dialect::Centrifugo if is_bare => "/connection/websocket".to_owned(),
        Dialect::SockJs if !path.ends_with("/websocket") => {
            let mut full = format!("{}/000/", path.trim_end_matches('/'));
            for octet in nonce {
                // Writing to a string cannot fail.
                let _ = write!(full, "{octet:02x}");
            }
            full + "/websocket"
        }
        _ => path.to_owned(),
    }
}

/// The channel or namespace if the URL names none.
pub(crate) fn default_destination(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Centrifugo => "bench",
        Dialect::SocketIo => "/",
        Dialect::Raw | Dialect::SockJs => "",
    }
}

/// What a client says after the opening handshake; `Open` if there is nothing to wait for.
pub(crate) fn greeting(dialect: Dialect, destination: &str) -> Answer {
    match dialect {
        Dialect::Raw => Answer::Open,
        Dialect::SocketIo | Dialect::SockJs => Answer::None,
        Dialect::Centrifugo => Answer::Send(format!(
            "{{\"id\":1,\"connect\":{{}}}}\n\
             {{\"id\":2,\"subscribe\":{{\"channel\":\"{destination}\"}}}}"
        )),
    }
}

/// What follows from a text that came before the session was open.
pub(crate) fn while_joining(dialect: Dialect, text: &str, destination: &str) -> Answer {
    match dialect {
        Dialect::Raw => Answer::None,
        Dialect::SocketIo => match text.as_bytes() {
            [b'0', ..] => Answer::Send(format!("40{}", namespace(destination))),
            [b'2'] => Answer::Send("3".to_owned()),
            [b'4', b'0', ..] => Answer::Open,
            [b'4', b'4', ..] => Answer::Refused(text.to_owned()),
            _ => Answer::None,
        },
        Dialect::Centrifugo => {
            let is_subscribed =
                |line: &str| line.contains("\"id\":2") && line.contains("\"subscribe\"");
            if text.contains("\"error\":") {
                Answer::Refused(text.to_owned())
            } else if text.lines().any(is_subscribed) {
                Answer::Open
            } else {
                while_open(dialect, text)
            }
        }
        Dialect::SockJs => match text.as_bytes() {
            [b'o', ..] => Answer::Open,
            [b'c', ..] => Answer::Refused(text.to_owned()),
            _ => Answer::None,
        },
    }
}

/// What follows from a text of an open session: answers to pings of the dialect's own.
pub(crate) fn while_open(dialect: Dialect, text: &str) -> Answer {
    match (dialect, text.trim_end()) {
        (Dialect::SocketIo, "2") => Answer::Send("3".to_owned()),
        (Dialect::Centrifugo, "{}") => Answer::Send("{}".to_owned()),
        _ => Answer::None,
    }
}

/// What stands before and behind a publication.
pub(crate) fn envelope(dialect: Dialect, destination: &str) -> (String, &'static str) {
    match dialect {
        Dialect::Raw => (String::new(), ""),
        Dialect::SocketIo => (format!("42{}[\"m\",\"", namespace(destination)), "\"]"),
        Dialect::Centrifugo => (
            format!("{{\"id\":3,\"publish\":{{\"channel\":\"{destination}\",\"data\":\""),
            "\"}}",
        ),
        Dialect::SockJs => ("[\"".to_owned(), "\"]"),
    }
}

/// A namespace as it stands in a packet; the main one is not written.
fn namespace(destination: &str) -> String {
    match destination.trim_start_matches('/') {
        "" => String::new(),
        name => format!("/{name},"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_io_joins_its_namespace_and_answers_pings() {
        let dialect = Dialect::SocketIo;
        assert_eq!(
            path(dialect, "/", b""),
            "/socket.io/?EIO=4&transport=websocket"
        );
        assert_eq!(
            path(dialect, "/io?a=b", b""),
            "/io?a=b&EIO=4&transport=websocket"
        );
        let join = while_joining(dialect, "0{\"sid\":\"x\"}", "/chat");
        assert_eq!(join, Answer::Send("40/chat,".to_owned()));
        assert_eq!(
            while_joining(dialect, "0{}", "/"),
            Answer::Send("40".to_owned())
        );
        assert_eq!(
            while_joining(dialect, "40{\"sid\":\"x\"}", "/"),
            Answer::Open
        );
        assert!(matches!(
            while_joining(dialect, "44{}", "/"),
            Answer::Refused(_)
        ));
        assert_eq!(while_open(dialect, "2"), Answer::Send("3".to_owned()));
        assert_eq!(envelope(dialect, "/chat").0, "42/chat,[\"m\",\"");
        assert_eq!(envelope(dialect, "/").0, "42[\"m\",\"");
    }

    #[test]
    fn centrifugo_is_open_once_subscribed() {
        let dialect = Dialect::Centrifugo;
        let Answer::Send(greeting) = greeting(dialect, "bench") else {
            panic!("it must speak first");
        };
        assert!(greeting.contains("\"channel\":\"bench\""));
        let connected = "{\"id\":1,\"connect\":{\"client\":\"c\",\"ping\":25}}";
        assert_eq!(while_joining(dialect, connected, "bench"), Answer::None);
        let both = format!("{connected}\n{{\"id\":2,\"subscribe\":{{}}}}");
        assert_eq!(while_joining(dialect, &both, "bench"), Answer::Open);
        let error = "{\"id\":2,\"error\":{\"code\":103}}";
        assert!(matches!(
            while_joining(dialect, error, "bench"),
            Answer::Refused(_)
        ));
        assert_eq!(while_open(dialect, "{}"), Answer::Send("{}".to_owned()));
        let (before, behind) = envelope(dialect, "bench");
        let whole = format!("{before}x{behind}");
        let parsed: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        assert_eq!(parsed["publish"]["data"], "x");
    }

    #[test]
    fn sockjs_has_a_session_in_its_path() {
        let dialect = Dialect::SockJs;
        assert_eq!(
            path(dialect, "/chat", &[1, 255]),
            "/chat/000/01ff/websocket"
        );
        assert_eq!(path(dialect, "/chat/websocket", &[1]), "/chat/websocket");
        assert_eq!(while_joining(dialect, "o", ""), Answer::Open);
        assert_eq!(envelope(dialect, ""), ("[\"".to_owned(), "\"]"));
    }
}
