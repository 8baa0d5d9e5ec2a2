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
        Dialect::Stomp if is_bare => "/stomp".to_owned(),
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
        Dialect::Stomp => "/topic/bench",
        Dialect::Raw | Dialect::SockJs => "",
    }
}

/// What a client says after the opening handshake; `Open` if there is nothing to wait for.
/// `number` is the session's.
pub(crate) fn greeting(dialect: Dialect, number: u32, destination: &str) -> Answer {
    match dialect {
        Dialect::Raw => Answer::Open,
        Dialect::SocketIo | Dialect::SockJs => Answer::None,
        // Versions are mixed, so that a server cannot format a message once for all. The name and
        // the virtual host are those of a RabbitMQ that nobody has configured.
        Dialect::Stomp => Answer::Send(format!(
            "CONNECT\naccept-version:1.{}\nhost:/\nlogin:guest\npasscode:guest\n\n\0",
            number % 3
        )),
        Dialect::Centrifugo => Answer::Send(format!(
            "{{\"id\":1,\"connect\":{{}}}}\n\
             {{\"id\":2,\"subscribe\":{{\"channel\":\"{destination}\"}}}}"
        )),
    }
}

/// What follows from a text that came before the session was open.
pub(crate) fn while_joining(
    dialect: Dialect,
    text: &str,
    number: u32,
    destination: &str,
) -> Answer {
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
        // An id of its own for each session, as servers must expect.
        Dialect::Stomp => match text.trim_start().split('\n').next() {
            Some("CONNECTED") => Answer::Send(format!(
                "SUBSCRIBE\nid:sub-{number}\ndestination:{destination}\nreceipt:r\n\n\0"
            )),
            Some("RECEIPT") => Answer::Open,
            Some("ERROR") => Answer::Refused(text.to_owned()),
            _ => Answer::None,
        },
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
        Dialect::Stomp => (format!("SEND\ndestination:{destination}\n\n"), "\0"),
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
        let join = while_joining(dialect, "0{\"sid\":\"x\"}", 0, "/chat");
        assert_eq!(join, Answer::Send("40/chat,".to_owned()));
        assert_eq!(
            while_joining(dialect, "0{}", 0, "/"),
            Answer::Send("40".to_owned())
        );
        assert_eq!(
            while_joining(dialect, "40{\"sid\":\"x\"}", 0, "/"),
            Answer::Open
        );
        assert!(matches!(
            while_joining(dialect, "44{}", 0, "/"),
            Answer::Refused(_)
        ));
        assert_eq!(while_open(dialect, "2"), Answer::Send("3".to_owned()));
        assert_eq!(envelope(dialect, "/chat").0, "42/chat,[\"m\",\"");
        assert_eq!(envelope(dialect, "/").0, "42[\"m\",\"");
    }

    #[test]
    fn centrifugo_is_open_once_subscribed() {
        let dialect = Dialect::Centrifugo;
        let Answer::Send(greeting) = greeting(dialect, 0, "bench") else {
            panic!("it must speak first");
        };
        assert!(greeting.contains("\"channel\":\"bench\""));
        let connected = "{\"id\":1,\"connect\":{\"client\":\"c\",\"ping\":25}}";
        assert_eq!(while_joining(dialect, connected, 0, "bench"), Answer::None);
        let both = format!("{connected}\n{{\"id\":2,\"subscribe\":{{}}}}");
        assert_eq!(while_joining(dialect, &both, 0, "bench"), Answer::Open);
        let error = "{\"id\":2,\"error\":{\"code\":103}}";
        assert!(matches!(
            while_joining(dialect, error, 0, "bench"),
            Answer::Refused(_)
        ));
        assert_eq!(while_open(dialect, "{}"), Answer::Send("{}".to_owned()));
        let (before, behind) = envelope(dialect, "bench");
        let whole = format!("{before}x{behind}");
        let parsed: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        assert_eq!(parsed["publish"]["data"], "x");
    }

    #[test]
    fn stomp_mixes_versions_and_has_an_id_for_each_session() {
        let dialect = Dialect::Stomp;
        assert_eq!(path(dialect, "/", b""), "/stomp");
        let Answer::Send(connect) = greeting(dialect, 4, "/topic/a") else {
            panic!("it must speak first");
        };
        assert!(connect.contains("\naccept-version:1.1\n"), "{connect}");
        let connected = "CONNECTED\nversion:1.1\n\n\0";
        let subscribe = "SUBSCRIBE\nid:sub-4\ndestination:/topic/a\nreceipt:r\n\n\0";
        assert_eq!(
            while_joining(dialect, connected, 4, "/topic/a"),
            Answer::Send(subscribe.to_owned())
        );
        let receipt = "RECEIPT\nreceipt-id:r\n\n\0";
        assert_eq!(while_joining(dialect, receipt, 4, ""), Answer::Open);
        let error = "ERROR\nmessage:no\n\n\0";
        assert!(matches!(
            while_joining(dialect, error, 4, ""),
            Answer::Refused(_)
        ));
        assert_eq!(while_joining(dialect, "\n", 4, ""), Answer::None);
        assert_eq!(
            envelope(dialect, "/topic/a"),
            ("SEND\ndestination:/topic/a\n\n".to_owned(), "\0")
        );
    }

    #[test]
    fn sockjs_has_a_session_in_its_path() {
        let dialect = Dialect::SockJs;
        assert_eq!(
            path(dialect, "/chat", &[1, 255]),
            "/chat/000/01ff/websocket"
        );
        assert_eq!(path(dialect, "/chat/websocket", &[1]), "/chat/websocket");
        assert_eq!(while_joining(dialect, "o", 0, ""), Answer::Open);
        assert_eq!(envelope(dialect, ""), ("[\"".to_owned(), "\"]"));
    }
}
