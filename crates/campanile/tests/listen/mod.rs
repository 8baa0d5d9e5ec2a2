//! Requests whose answers go on and on, read piece by piece.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::within;

/// Asks for server-sent events.
pub(crate) const EVENTS: (&str, &str) = ("Accept", "text/event-stream");

/// Asks for lines of JSON.
pub(crate) const LINES: (&str, &str) = ("Accept", "application/x-ndjson");

/// An answer, of whose body as much was read as was asked for.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    stream: TcpStream,
    /// As it came.
    read: Vec<u8>,
    /// Without the lengths of its chunks.
    body: Vec<u8>,
    has_ended: bool,
}

/// A server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) retry: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) data: String,
    pub(crate) comments: usize,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }
}

/// Sends a request.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    let mut stream = within(TcpStream::connect(address)).await.expect("a server");
    within(stream.write_all(text.as_bytes()))
        .await
        .expect("sent");
    let mut answer = Answer {
        status: 0,
        headers: Vec::new(),
        stream,
        read: Vec::new(),
        body: Vec::new(),
        has_ended: false,
    };
    answer.read_head().await;
    let has_body = method != "HEAD" && answer.status != 204;
    answer.has_ended = !has_body;
    answer
}

/// `GET`.
pub(crate) async fn get(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Answer {
    ask(address, "GET", target, headers).await
}

/// The one JSON object that a request without headers is answered with.
pub(crate) async fn poll(address: SocketAddr, target: &str) -> Value {
    let mut answer = get(address, target, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json().await
}

impl Answer {
    async fn read_head(&mut self) {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.read_more().await, "no whole head"),
            }
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        self.status = status.and_then(|text| text.parse().ok()).expect("a status");
        self.headers = lines
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
    }

    async fn read_more(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        let count = within(self.stream.read(&mut buffer)).await;
        // A connection that was cut has an end, too.
        let count = count.unwrap_or(0);
        self.read.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// One more piece of the body. False at its end.
    async fn read_body(&mut self) -> bool {
        if self.has_ended {
            return false;
        }
        if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().expect("a length");
            while self.read.len() < length {
                assert!(self.read_more().await, "the body broke off");
            }
            self.body.extend(self.read.drain(..length));
            self.has_ended = true;
            return true;
        }
        assert_eq!(self.header("transfer-encoding"), Some("chunked"));
        let length = self.chunk_line().await;
        let length = usize::from_str_radix(&length, 16).expect("a length");
        while self.read.len() < length + 2 {
            assert!(self.read_more().await, "the chunk broke off");
        }
        self.body.extend(self.read.drain(..length));
        self.read.drain(..2);
        self.has_ended = length == 0;
        !self.has_ended
    }

    async fn chunk_line(&mut self) -> String {
        let end = loop {
            match self.read.windows(2).position(|two| two == b"\r\n") {
                Some(end) => break end,
                None => assert!(self.read_more().await, "the body broke off"),
            }
        };
        let line = self.read.drain(..end + 2).take(end).collect();
        String::from_utf8(line).expect("text")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What is left of the body, to its end.
    pub(crate) async fn rest(&mut self) -> String {
        while self.read_body().await {}
        String::from_utf8(std::mem::take(&mut self.body)).expect("text")
    }

    pub(crate) async fn json(&mut self) -> Value {
        let text = self.rest().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What a problem says in words.
    pub(crate) async fn problem(&mut self) -> String {
        let kind = self.header("content-type").map(str::to_owned);
        assert_eq!(kind.as_deref(), Some("application/problem+json"));
        let problem = self.json().await;
        assert_eq!(problem["status"], self.status);
        problem["detail"].as_str().expect("words").to_owned()
    }

    /// Up to the next end of a line; `None` when the answer has ended.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.body.iter().position(|byte| *byte == b'\n') {
                let line = self.body.drain(..=end).take(end).collect();
                return Some(String::from_utf8(line).expect("text"));
            }
            if !self.read_body().await {
                assert!(self.body.is_empty(), "a line broke off");
                return None;
            }
        }
    }

    /// The next line, as JSON.
    pub(crate) async fn record(&mut self) -> Value {
        let line = self.line().await.expect("not over");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next server-sent event; `None` when the answer has ended.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            let Some((field, value)) = line.split_once(':') else {
                assert_eq!(line, "", "no field of an event");
                return Some(event);
            };
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "" => event.comments += 1,
                "retry" => event.retry = Some(value),
                "event" => event.event = Some(value),
                "id" => event.id = Some(value),
                "data" => event.data = value,
                other => panic!("an unknown field {other}"),
            }
        }
    }

    /// As [`next_event`](Self::next_event), also where the answer is cut off.
    pub(crate) async fn try_event(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.body.windows(2).position(|two| two == b"\n\n") {
                let rest = self.body.split_off(end + 2);
                let has_ended = std::mem::replace(&mut self.has_ended, true);
                let event = self.next_event().await;
                self.body = rest;
                self.has_ended = has_ended;
                return event;
            }
            if !self.is_there_more().await || !self.read_body().await {
                return None;
            }
        }
    }

    /// Whether a whole chunk follows.
    async fn is_there_more(&mut self) -> bool {
        loop {
            let line = self.read.windows(2).position(|two| two == b"\r\n");
            let length = line.and_then(|end| {
                let text = str::from_utf8(&self.read[..end]).ok()?;
                Some(end + 2 + usize::from_str_radix(text, 16).ok()? + 2)
            });
            if length.is_some_and(|length| self.read.len() >= length) {
                return true;
            }
            if !self.read_more().await {
                return false;
            }
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.next_event().await.expect("not over")
    }
}
