//! `/events`: requests for it, and server-sent events, read as browsers read them (HTML, 9.2.6).

use crate::{Raw, Request, Response, Server};

/// The type of server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";
/// The type of JSON lines.
pub const JSON_LINES: &str = "application/x-ndjson";

/// A request to listen.
pub fn request(query: &str, accept: &str) -> Request {
    Request::get(&format!("/events?{query}")).with("Accept", accept)
}

/// Asks for one JSON answer.
///
/// # Panics
/// When none comes.
pub async fn ask(server: &Server, query: &str) -> Response {
    Raw::ask(server, &request(query, "application/json")).await
}

/// A new connection that listens, behind the record that says that it has begun, and the parser of
/// its events, if it brings some.
///
/// # Panics
/// When it does not begin so.
pub async fn listen(server: &Server, query: &str, accept: &str) -> (Raw, EventStream) {
    let raw = Raw::connect(server).await;
    listen_on(raw, query, accept).await
}

/// The same on a connection that is there.
///
/// # Panics
/// When it does not begin so.
pub async fn listen_on(mut raw: Raw, query: &str, accept: &str) -> (Raw, EventStream) {
    raw.send(&request(query, accept).bytes()).await;
    let head = raw.head().await;
    assert_eq!(head.status, 200, "{head:?}");
    let mut stream = EventStream::default();
    if accept == EVENT_STREAM {
        let first = one_event(&mut raw, &mut stream).await;
        assert_eq!(first.name, "subscribed", "{first:?}");
    } else {
        let line = raw.chunk().await.expect("a line");
        assert!(line.starts_with(b"{\"event\":\"subscribed\""));
    }
    (raw, stream)
}

/// The next event, with none behind it.
///
/// # Panics
/// When there are more.
pub async fn one_event(raw: &mut Raw, stream: &mut EventStream) -> Event {
    let mut events = raw.events(stream).await;
    assert_eq!(events.len(), 1, "one message, one event: {events:?}");
    events.remove(0)
}

/// Percent-encodes everything.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// What a browser dispatches, whether it has data or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty for `message`.
    pub name: String,
    /// The lines of data, with line feeds between them; `None` without any, which browsers pass
    /// over.
    pub data: Option<String>,
    /// The last id that the stream has named so far.
    pub id: String,
    /// The last waiting time that the stream has named so far.
    pub retry: Option<u64>,
}

/// A parser of a stream.
#[derive(Debug, Default)]
pub struct EventStream {
    received: Vec<u8>,
    next: Event,
    has_begun: bool,
}

impl EventStream {
    /// Takes bytes of the stream, and returns the events that are complete.
    ///
    /// # Panics
    /// When they are not UTF-8, from which browsers would make something else.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.received.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(line) = self.line() {
            if !line.is_empty() {
                self.field(&line);
                continue;
            }
            let kept = Event {
                name: String::new(),
                data: None,
                ..self.next.clone()
            };
            let event = std::mem::replace(&mut self.next, kept);
            if event.data.is_some() || !event.name.is_empty() {
                events.push(event);
            }
        }
        events
    }

    /// The next line: it ends with CR LF, LF or CR.
    fn line(&mut self) -> Option<String> {
        if !self.has_begun && self.received.len() >= 3 {
            self.has_begun = true;
            if self.received.starts_with("\u{feff}".as_bytes()) {
                self.received.drain(..3);
            }
        }
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let end = self.received.iter().position(is_end)?;
        let rest = match &self.received[end..] {
            // It may be the first half of CR LF.
            [b'\r'] => return None,
            [b'\r', b'\n', ..] => end + 2,
            _ => end + 1,
        };
        let line = self.received[..end].to_vec();
        self.received.drain(..rest);
        Some(String::from_utf8(line).expect("a line in UTF-8"))
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.next.name),
            "data" => match &mut self.next.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => value.clone_into(&mut self.next.id),
            "retry" => {
                let is_number = !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit());
                let number = value.parse().ok().filter(|_| is_number);
                self.next.retry = number.or(self.next.retry);
            }
            _ => {}
        }
    }
}

impl Raw {
    /// The events that the next chunks of the body complete: at least one.
    ///
    /// # Panics
    /// When the body ends before.
    pub async fn events(&mut self, stream: &mut EventStream) -> Vec<Event> {
        loop {
            let chunk = self.chunk().await.expect("an event before the end");
            let events = stream.take(&chunk);
            if !events.is_empty() {
                return events;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>, String)> {
        let whole = EventStream::default().take(text.as_bytes());
        let mut stream = EventStream::default();
        let bytes = text.as_bytes().iter();
        let pieces = bytes
            .flat_map(|byte| stream.take(&[*byte]))
            .collect::<Vec<_>>();
        assert_eq!(pieces, whole, "it depends on how the bytes are cut");
        let events = whole.into_iter();
        events.map(|it| (it.name, it.data, it.id)).collect()
    }

    #[test]
    fn lines_end_in_three_ways_and_data_in_an_empty_one() {
        let event = |name: &str, data: Option<&str>, id: &str| {
            (name.to_owned(), data.map(str::to_owned), id.to_owned())
        };
        assert_eq!(
            read(":c\n\ndata: a\r\ndata:b\rid: 1\n\nevent: x\nid\n\ndata\r\n\r\nid: a\0\ndata: c"),
            [
                event("", Some("a\nb"), "1"),
                event("x", None, ""),
                event("", Some(""), ""),
            ]
        );
    }
}
