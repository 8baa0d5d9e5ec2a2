//! Publications as WebSocket frames, and who gets which.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use campanile_hub::{Content, FORMATS_MAX, Format, FormatId, Hub, Parts, TooManyFormats};
use campanile_websocket::{
    CloseCode, encode_close, encode_close_empty, encode_fragments, encode_frame, encode_ping,
    encode_pong,
};
use campanile_websocket::{Opcode, WindowBits};

use super::deflating::Deflating;
use super::governor::Governor;
use crate::endpoint::Compression;
use crate::events::EventsFormats;
use crate::sockjs::SockJsFormat;
use crate::wire::Wire;

/// Formats that are not compressed: the plain one, two of SockJS, one for each of the three versions
/// of STOMP over WebSocket, over TCP, and over SockJS either way, and those of records over
/// WebSocket, as events and as lines.
const OTHER_FORMATS: usize = 1 + 2 + 4 * 3 + 3;

/// RFC 6455 frames, one a message; compressed (RFC 7692) where that was negotiated and is worth it.
pub(crate) struct WebSocketFormat {
    deflating: Option<Deflating>,
}

impl Format for WebSocketFormat {
    fn encode_content(&self, content: &Content) -> Bytes {
        let (opcode, message) = match content {
            Content::Text(text) => (Opcode::Text, text.as_bytes()),
            Content::Binary(bytes) => (Opcode::Binary, bytes),
            Content::Parts(parts) => return fragments(parts),
            // Whoever makes them sees to it that they are short enough.
            Content::Ping(payload) => return encode_ping(payload).unwrap_or_default(),
            Content::Pong(payload) => return encode_pong(payload).unwrap_or_default(),
        };
        let deflating = self.deflating.as_ref();
        // Any message may be sent as it is, also after compression was negotiated (RFC 7692 6).
        deflating
            .and_then(|deflating| deflating.encode(opcode, message))
            .unwrap_or_else(|| encode_frame(opcode, message))
    }

    fn ping(&self) -> Option<Bytes> {
        encode_ping(b"").ok()
    }

    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        Some(close_frame(code, reason))
    }
}

/// The frame that tells a client why its session ends.
pub(crate) fn close_frame(code: u16, reason: &str) -> Bytes {
    match CloseCode::new(code) {
        Some(code) => encode_close(code, reason),
        // 1005 and 1006 are never sent (RFC 6455 7.4.1).
        None => encode_close_empty(),
    }
}

/// A frame for each part (RFC 6455 5.4).
fn fragments(parts: &Parts) -> Bytes {
    let opcode = match parts.is_text() {
        true => Opcode::Text,
        false => Opcode::Binary,
    };
    encode_fragments(opcode, &parts.iter().collect::<Vec<_>>())
}

/// The formats of a node's WebSocket sessions. Endpoints whose messages are compressed from the
/// same length on share theirs, so that what is published to a user is compressed once, too.
pub(crate) struct WebSocketFormats {
    hub: Hub,
    plain: FormatId,
    /// Registered when an endpoint first has SockJS.
    sockjs: Option<SockJsFormats>,
    compressed: Vec<(usize, Arc<CompressedFormats>)>,
    governor: Arc<Governor>,
    started: Instant,
    /// What user destinations begin with.
    users: Arc<str>,
    /// Registered when the first endpoint needs them.
    events: Option<EventsFormats>,
}

/// One format for each window. They are registered when a client first negotiates one, so that
/// publications do not carry room for encodings that nobody wants.
pub(crate) struct CompressedFormats {
    hub: Hub,
    bytes_min: usize,
    by_window: [OnceLock<Option<FormatId>>; WindowBits::COUNT],
    governor: Arc<Governor>,
    started: Instant,
}

/// The formats of SockJS.
#[derive(Clone, Copy)]
pub(crate) struct SockJsFormats {
    websocket: FormatId,
    http: FormatId,
}

/// The formats of an endpoint's sessions.
#[derive(Clone)]
pub(crate) struct EndpointFormats {
    pub(crate) plain: FormatId,
    compressed: Option<Arc<CompressedFormats>>,
    /// Clients may compress, also where we do not.
    inflates: bool,
    /// There if the endpoint has SockJS.
    sockjs: Option<SockJsFormats>,
    /// There if its sessions are sent records of what they listen to.
    events: Option<EventsFormats>,
}

impl WebSocketFormats {
    /// Registers the plain format.
    pub(crate) fn new(hub: &Hub, shards: usize) -> Result<Self, TooManyFormats> {
        Ok(Self {
            hub: hub.clone(),
            plain: hub.register(Arc::new(WebSocketFormat { deflating: None }))?,
            sockjs: None,
            compressed: Vec::new(),
            governor: Arc::new(Governor::new(shards)),
            started: Instant::now(),
            users: Arc::default(),
            events: None,
        })
    }

    /// Says what the names of user destinations begin with.
    pub(crate) fn name_users(&mut self, users: &str) {
        self.users = users.into();
    }

    /// What an endpoint needs that destinations are listened to by.
    pub(crate) fn of_events(&mut self) -> Result<EndpointFormats, TooManyFormats> {
        let formats = match self.events {
            Some(formats) => formats,
            None => *self
                .events
                .insert(EventsFormats::register(&self.hub, &self.users)?),
        };
        Ok(EndpointFormats {
            events: Some(formats),
            ..EndpointFormats::only(formats.socket)
        })
    }

    /// The hub that they are registered with.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// What an endpoint with SockJS needs beside the others.
    pub(crate) fn sockjs(&mut self) -> Result<SockJsFormats, TooManyFormats> {
        if let Some(formats) = self.sockjs {
            return Ok(formats);
        }
        let register = |wire| self.hub.register(Arc::new(SockJsFormat(wire)));
        let formats = SockJsFormats {
            websocket: register(Wire::SockJsWebSocket)?,
            http: register(Wire::SockJsHttp)?,
        };
        Ok(*self.sockjs.insert(formats))
    }

    /// What an endpoint with this setting needs.
    pub(crate) fn of(
        &mut self,
        compression: Compression,
    ) -> Result<EndpointFormats, TooManyFormats> {
        let plain = self.plain;
        let Compression::From(bytes_min) = compression else {
            return Ok(EndpointFormats::only(plain));
        };
        let same = self.compressed.iter().find(|(min, _)| *min == bytes_min);
        let compressed = match same {
            Some((_, formats)) => Arc::clone(formats),
            None => {
                let compressed = (self.compressed.len() + 1) * WindowBits::COUNT;
                if compressed + OTHER_FORMATS > FORMATS_MAX {
                    return Err(TooManyFormats);
                }
                let formats = Arc::new(CompressedFormats {
                    hub: self.hub.clone(),
                    bytes_min,
                    by_window: Default::default(),
                    governor: Arc::clone(&self.governor),
                    started: self.started,
                });
                self.compressed.push((bytes_min, Arc::clone(&formats)));
                formats
            }
        };
        Ok(EndpointFormats {
            plain,
            compressed: Some(compressed),
            inflates: true,
            sockjs: None,
            events: None,
        })
    }
}

impl EndpointFormats {
    /// The format of sessions whose bytes go this way, without compression.
    pub(crate) fn of(&self, wire: Wire) -> FormatId {
        match wire {
            Wire::SockJsWebSocket => self.sockjs.map(|sockjs| sockjs.websocket),
            Wire::SockJsHttp => self.sockjs.map(|sockjs| sockjs.http),
            Wire::EventStream => self.events.as_ref().map(|events| events.event_stream),
            Wire::JsonLines => self.events.as_ref().map(|events| events.json_lines),
            Wire::WebSocket | Wire::Bare => None,
        }
        .unwrap_or(self.plain)
    }

    /// The format of sessions whose bytes go this way, for a client that inflates with this window;
    /// `None` if it may not compress either.
    pub(crate) fn compressed_of(&self, wire: Wire, window: WindowBits) -> Option<FormatId> {
        match wire {
            Wire::WebSocket => self.compressed(window),
            // Any message may be sent as it is, also after compression was negotiated (RFC 7692 6).
            _ => self.inflates.then(|| self.of(wire)),
        }
    }

    /// One format for all its sessions.
    pub(crate) fn only(format: FormatId) -> Self {
        Self {
            plain: format,
            compressed: None,
            inflates: false,
            sockjs: None,
            events: None,
        }
    }

    /// The same for an endpoint with SockJS.
    pub(crate) fn with_sockjs(self, sockjs: Option<SockJsFormats>) -> Self {
        Self { sockjs, ..self }
    }

    /// The same for clients that may compress what they send.
    pub(crate) fn inflating(self) -> Self {
        Self {
            inflates: true,
            ..self
        }
    }

    /// The format for a client that inflates with this window; `None` if the endpoint does not
    /// compress.
    fn compressed(&self, window: WindowBits) -> Option<FormatId> {
        let Some(formats) = &self.compressed else {
            return self.inflates.then_some(self.plain);
        };
        *formats.by_window[window.index()].get_or_init(|| {
            let deflating = Deflating::new(
                window,
                formats.bytes_min,
                Arc::clone(&formats.governor),
                formats.started,
            );
            let format = WebSocketFormat {
                deflating: Some(deflating),
            };
            // There is room for it: that was seen to when the endpoint was mounted.
            formats.hub.register(Arc::new(format)).ok()
        })
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
