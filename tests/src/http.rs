//! HTTP/1.1 messages as text: requests that may be wrong, and the parts of an answer.

use crate::sockjs::GREETING;

/// A request that is put together line by line; nothing is checked.
#[derive(Debug, Clone)]
pub struct Request {
    line: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A correct opening handshake for `path`, with the key of RFC 6455 1.3.
    pub fn upgrade(path: &str) -> Self {
        Self::get(path)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .with("Sec-WebSocket-Version", "13")
    }

    /// A plain GET for `path`.
    pub fn get(path: &str) -> Self {
        let line = format!("GET {path} HTTP/1.1");
        Self {
            line,
            headers: vec![("Host".to_owned(), "localhost".to_owned())],
        }
    }

    /// Replaces the request line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    /// Adds a header, also a second one of the same name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes every header of that name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    /// Puts one header of that name in place of all.
    #[must_use]
    pub fn replaced(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    /// The bytes to send.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        out.into_bytes()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names as they were sent, and values without the spaces around them.
    pub headers: Vec<(String, String)>,
    /// The body, for as long as `Content-Length` or the connection lasts.
    pub body: Vec<u8>,
}

impl Response {
    /// Takes a head apart that ends with an empty line.
    ///
    /// # Panics
    /// When it is not an HTTP/1.1 head.
    pub(crate) fn parse(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).expect("a head in UTF-8");
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let status_line = lines.next().expect("a status line");
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| status_line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok());
        let headers = lines.map(|line| match line.split_once(':') {
            Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
            None => panic!("the answer's line {line:?} is no header"),
        });
        Self {
            status: status.unwrap_or_else(|| panic!("no status in {status_line:?}")),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// The value of a header; `None` when it is absent.
    ///
    /// # Panics
    /// When it occurs twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert_eq!(found.next(), None, "{name} occurs twice");
        value
    }

    /// Whether it is what an endpoint with SockJS says to whoever asks for no WebSocket. A proxy that
    /// hands on a handshake without what makes it one gets this.
    pub fn is_greeting(&self) -> bool {
        self.status == 200 && self.body == GREETING.as_bytes()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&self.body)),
        }
    }
}
