//! What several tests and the fuzz targets share: a driver that feeds a decoder in pieces and
//! checks on the way what must always hold.

pub(crate) mod fuzzed;
mod reader;

use std::sync::Arc;

use campanile_websocket::{
    CloseFrame, DecodeError, Decoder, Event, Inflate, InflateOutput, Inflaters, Limits, Opcode,
    Role, append_frame,
};

/// An event that has been copied out of its buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseFrame>),
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(data) => Self::Binary(data.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(frame) => Self::Close(frame),
        }
    }
}

/// What a stream amounted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Owned>,
    pub(crate) error: Option<DecodeError>,
}

/// Inflates what was never deflated: passes everything on. It exercises the hook without bringing
/// in a compressor.
pub(crate) struct PassOn;

impl Inflate for PassOn {
    fn inflate(
        &mut self,
        input: &[u8],
        _last: bool,
        output: &mut InflateOutput<'_>,
    ) -> Result<(), DecodeError> {
        output(input)
    }
}

impl Inflaters for PassOn {
    fn lend(&self) -> Box<dyn Inflate> {
        Box::new(Self)
    }

    fn take_back(&self, _inflater: Box<dyn Inflate>) {}
}

/// A decoder that takes what is marked as compressed as it is.
pub(crate) fn passing_on(role: Role) -> Decoder {
    Decoder::new(role).with_inflaters(Arc::new(PassOn))
}

/// The limit on messages in [`LIMITS`].
pub(crate) const MESSAGE_BYTES_MAX: usize = 4096;

/// Small limits, so that short streams reach them.
pub(crate) const LIMITS: Limits = Limits {
    frame_bytes_max: 2048,
    message_bytes_max: MESSAGE_BYTES_MAX,
    fragments_max: 16,
};

/// What a decoder may hold besides the message itself.
const FIXED_BYTES_MAX: usize = 512;

/// Feeds `pieces` to `decoder` until they are used up or one fails.
pub(crate) fn drive<'p>(
    mut decoder: Decoder,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
) -> Outcome {
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut rest = piece.as_mut_slice();
        loop {
            let decoded = match decoder.decode(rest, limits) {
                Ok(decoded) => decoded,
                Err(error) => {
                    assert_eq!(
                        decoder.decode(&mut [0x81], limits),
                        Err(error),
                        "error is final"
                    );
                    assert_eq!(decoder.retained_bytes(), 0, "a dead decoder holds nothing");
                    return Outcome {
                        events,
                        error: Some(error),
                    };
                }
            };
            let consumed = decoded.consumed;
            let event = decoded.event.map(Owned::from);
            let held = decoder.retained_bytes();
            assert!(
                held <= limits.message_bytes_max + FIXED_BYTES_MAX,
                "holds {held} bytes"
            );
            rest = &mut rest[consumed..];
            match event {
                Some(event) => events.push(event),
                None => {
                    assert!(rest.is_empty(), "no event, so all was consumed");
                    break;
                }
            }
        }
        assert!(
            !decoder.is_idle() || decoder.retained_bytes() == 0,
            "an idle decoder is small"
        );
    }
    Outcome {
        events,
        error: None,
    }
}

/// Appends `event` as one unfragmented frame.
pub(crate) fn append_event(out: &mut Vec<u8>, event: &Owned, mask: Option<[u8; 4]>) {
    let mut body = Vec::new();
    let (opcode, payload) = match event {
        Owned::Text(text) => (Opcode::Text, text.as_bytes()),
        Owned::Binary(data) => (Opcode::Binary, data.as_slice()),
        Owned::Ping(payload) => (Opcode::Ping, payload.as_slice()),
        Owned::Pong(payload) => (Opcode::Pong, payload.as_slice()),
        Owned::Close(frame) => {
            if let Some(frame) = frame {
                body.extend_from_slice(&frame.code.get().to_be_bytes());
                body.extend_from_slice(frame.reason.as_bytes());
            }
            (Opcode::Close, body.as_slice())
        }
    };
    append_frame(out, true, opcode, payload, mask);
}

/// The mask that the peer of `role` has to use.
pub(crate) fn peer_mask(role: Role, mask: [u8; 4]) -> Option<[u8; 4]> {
    (role == Role::Server).then_some(mask)
}
