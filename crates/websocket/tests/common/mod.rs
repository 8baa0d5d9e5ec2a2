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
    decoder: Decoder,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
) -> Outcome {
    let held_max = limits.message_bytes_max + FIXED_BYTES_MAX;
    let (events, error) = drive_events(decoder, pieces, limits, held_max);
    let events = events.into_iter().map(|(event, is_last)| {
        let is_message = matches!(event, Owned::Text(_) | Owned::Binary(_));
        assert_eq!(is_message, is_last, "messages come whole");
        event
    });
    Outcome {
        events: events.collect(),
        error,
    }
}

/// What a decoder may hold of a part.
const PART_HELD_BYTES_MAX: usize = 96 * 1024;

/// The same with a decoder that gives parts, which are joined to messages.
pub(crate) fn drive_parts<'p>(
    decoder: Decoder,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
) -> Outcome {
    let held_max = PART_HELD_BYTES_MAX + FIXED_BYTES_MAX;
    let (parts, error) = drive_events(decoder.in_parts(), pieces, limits, held_max);
    let mut events = Vec::new();
    let mut open: Option<Owned> = None;
    for (part, is_last) in parts {
        let is_first = open.is_none();
        let is_empty = match (&mut open, part) {
            (_, control @ (Owned::Ping(_) | Owned::Pong(_) | Owned::Close(_))) => {
                assert!(!is_last, "a control frame is no part");
                events.push(control);
                continue;
            }
            (Some(Owned::Text(text)), Owned::Text(part)) => {
                text.push_str(&part);
                part.is_empty()
            }
            (Some(Owned::Binary(data)), Owned::Binary(part)) => {
                data.extend_from_slice(&part);
                part.is_empty()
            }
            (None, first) => {
                open = Some(first);
                false
            }
            (Some(open), other) => panic!("{other:?} within {open:?}"),
        };
        assert!(
            !is_empty || is_first || is_last,
            "an empty part says nothing"
        );
        if is_last {
            events.extend(open.take());
        }
    }
    Outcome { events, error }
}

/// The events of `pieces`, and whether each is the last of a message.
fn drive_events<'p>(
    mut decoder: Decoder,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
    held_max: usize,
) -> (Vec<(Owned, bool)>, Option<DecodeError>) {
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
                    return (events, Some(error));
                }
            };
            let consumed = decoded.consumed;
            let is_last = decoded.is_last;
            let event = decoded.event.map(Owned::from);
            let held = decoder.retained_bytes();
            assert!(held <= held_max, "holds {held} bytes");
            rest = &mut rest[consumed..];
            match event {
                Some(event) => events.push((event, is_last)),
                None => {
                    assert!(rest.is_empty(), "no event, so all was consumed");
                    assert!(!is_last, "no event, so nothing ends");
                    break;
                }
            }
        }
        assert!(
            !decoder.is_idle() || decoder.retained_bytes() == 0,
            "an idle decoder is small"
        );
    }
    (events, None)
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
