//! What several tests and the fuzz targets share: a driver that feeds a decoder in pieces and
//! checks on the way what must always hold.

pub(crate) mod fuzzed;
mod reader;

use campanile_stomp::{Command, DecodeError, Decoder, Frame, Limits, Role, Version};

/// A frame that has been copied out of its buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) command: Command,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl From<Frame<'_>> for Owned {
    fn from(frame: Frame<'_>) -> Self {
        let headers = frame.headers();
        Self {
            command: frame.command(),
            headers: headers
                .map(|header| (header.name.into_owned(), header.value.into_owned()))
                .collect(),
            body: frame.body().to_vec(),
        }
    }
}

impl Owned {
    /// The headers without those that an encoder writes by itself.
    pub(crate) fn own_headers(&self) -> Vec<(&str, &str)> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| *name != "content-length")
            .collect()
    }
}

/// What a stream amounted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) frames: Vec<Owned>,
    pub(crate) heart_beats: usize,
    pub(crate) error: Option<DecodeError>,
}

impl Outcome {
    /// The only frame, of a stream without errors.
    #[track_caller]
    pub(crate) fn frame(self) -> Owned {
        assert_eq!(self.error, None);
        assert_eq!(self.frames.len(), 1, "{:?}", self.frames);
        self.frames.into_iter().next().expect("one frame")
    }
}

/// Small limits, so that short streams reach them.
pub(crate) const LIMITS: Limits = Limits {
    headers_max: 6,
    header_bytes_max: 64,
    head_bytes_max: 200,
    body_bytes_max: 256,
    frame_bytes_max: 400,
};

/// What a decoder may hold besides the frame itself.
pub(crate) const FIXED_BYTES_MAX: usize = 256;

pub(crate) fn decoder(role: Role, version: Option<Version>) -> Decoder {
    let mut decoder = Decoder::new(role);
    if let Some(version) = version {
        decoder.set_version(version);
    }
    decoder
}

/// What a server makes of `stream` in a session of `version`.
pub(crate) fn received(version: Version, stream: &[u8]) -> Outcome {
    let limits = Limits::default();
    drive(decoder(Role::Server, Some(version)), [stream], &limits)
}

/// The same for the client's side.
pub(crate) fn received_by_client(version: Version, stream: &[u8]) -> Outcome {
    let limits = Limits::default();
    drive(decoder(Role::Client, Some(version)), [stream], &limits)
}

/// Feeds `pieces` to `decoder` until they are used up or one fails.
pub(crate) fn drive<'p>(
    mut decoder: Decoder,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    limits: &Limits,
) -> Outcome {
    let mut outcome = Outcome {
        frames: Vec::new(),
        heart_beats: 0,
        error: None,
    };
    for piece in pieces {
        let mut rest = piece;
        loop {
            let decoded = match decoder.decode(rest, limits) {
                Ok(decoded) => decoded,
                Err(error) => {
                    assert_eq!(decoder.decode(b"\n", limits), Err(error), "error is final");
                    assert_eq!(decoder.retained_bytes(), 0, "a dead decoder holds nothing");
                    outcome.error = Some(error);
                    // Those of the call that failed are not told.
                    outcome.heart_beats = 0;
                    return outcome;
                }
            };
            let consumed = decoded.consumed;
            outcome.heart_beats += decoded.heart_beats;
            let frame = decoded.frame.map(Owned::from);
            let held = decoder.retained_bytes();
            let held_max = limits.frame_bytes_max.saturating_add(FIXED_BYTES_MAX);
            assert!(held <= held_max, "holds {held} bytes");
            rest = &rest[consumed..];
            match frame {
                Some(frame) => outcome.frames.push(frame),
                None => {
                    assert!(rest.is_empty(), "no frame, so all was consumed");
                    break;
                }
            }
        }
        assert!(
            !decoder.is_idle() || decoder.retained_bytes() == 0,
            "an idle decoder is small"
        );
    }
    outcome
}
