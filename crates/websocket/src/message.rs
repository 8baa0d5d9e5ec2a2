//! A data message that did not arrive in one piece.

use crate::{
    error::DecodeError, header::OpenMessage, inflate::Inflate, limits::Limits, utf8::Utf8Tail,
};

/// A data message whose octets are still arriving, or that waits to be fetched.
#[derive(Debug)]
pub(crate) struct Message {
    body: Body,
    compressed: bool,
    fragments: usize,
}

/// What has arrived. Text is kept as text, so that each octet is validated once.
#[derive(Debug)]
enum Body {
    Text { text: String, tail: Utf8Tail },
    Binary(Vec<u8>),
}

/// A complete message, lent.
#[derive(Debug)]
pub(crate) enum MessageRef<'m> {
    Text(&'m str),
    Binary(&'m [u8]),
}

/// Some octets of a frame's payload, and what is known about those to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'c> {
    pub(crate) octets: &'c [u8],
    /// How many octets of this frame follow.
    pub(crate) frame_bytes_left: usize,
    /// Whether this is the last frame of the message.
    pub(crate) fin: bool,
}

impl Chunk<'_> {
    fn is_last(&self) -> bool {
        self.fin && self.frame_bytes_left == 0
    }
}

impl Message {
    pub(crate) fn new(is_text: bool, compressed: bool) -> Self {
        let body = if is_text {
            Body::Text {
                text: String::new(),
                tail: Utf8Tail::default(),
            }
        } else {
            Body::Binary(Vec::new())
        };
        Self {
            body,
            compressed,
            fragments: 1,
        }
    }

    /// Counts one more frame of this message.
    pub(crate) fn count_fragment(&mut self) {
        self.fragments += 1;
    }

    pub(crate) fn as_open(&self) -> OpenMessage {
        let Self {
            compressed,
            fragments,
            ..
        } = *self;
        OpenMessage {
            bytes: self.body.len(),
            fragments,
            compressed,
        }
    }

    /// Appends unmasked octets and checks them; with the last ones, checks that the text is
    /// complete. An uncompressed chunk is known to fit: its frame's head was checked.
    pub(crate) fn append(
        &mut self,
        chunk: Chunk<'_>,
        inflater: Option<&mut (dyn Inflate + 'static)>,
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        match (self.compressed, inflater) {
            (true, Some(inflater)) => self.body.inflate(chunk, inflater, limits)?,
            (true, None) => return Err(DecodeError::ReservedBitSet),
            (false, _) => self.body.append(chunk, limits)?,
        }
        if chunk.is_last() {
            self.body.finish()
        } else {
            Ok(())
        }
    }

    pub(crate) fn as_ref(&self) -> MessageRef<'_> {
        match &self.body {
            Body::Text { text, .. } => MessageRef::Text(text),
            Body::Binary(data) => MessageRef::Binary(data),
        }
    }

    /// The octets on the heap.
    pub(crate) fn retained_bytes(&self) -> usize {
        match &self.body {
            Body::Text { text, .. } => text.capacity(),
            Body::Binary(data) => data.capacity(),
        }
    }
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Text { text, tail } => text.len() + tail.len(),
            Self::Binary(data) => data.len(),
        }
    }

    fn append(&mut self, chunk: Chunk<'_>, limits: &Limits) -> Result<(), DecodeError> {
        let len = self.len();
        match self {
            Self::Text { text, tail } => {
                text.reserve_exact(growth(text.len(), text.capacity(), len, chunk, limits));
                tail.append(chunk.octets, text)
                    .map_err(|_| DecodeError::TextNotUtf8)
            }
            Self::Binary(data) => {
                data.reserve_exact(growth(data.len(), data.capacity(), len, chunk, limits));
                data.extend_from_slice(chunk.octets);
                Ok(())
            }
        }
    }

    fn inflate(
        &mut self,
        chunk: Chunk<'_>,
        inflater: &mut (dyn Inflate + 'static),
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        let message_bytes_max = limits.message_bytes_max;
        let too_big = DecodeError::MessageTooBig { message_bytes_max };
        let room = message_bytes_max.saturating_sub(self.len());
        let mut inflate_to = |output: &mut Vec<u8>| {
            let before = output.len();
            match inflater.inflate(chunk.octets, chunk.is_last(), output, room) {
                Ok(()) if output.len().saturating_sub(before) > room => Err(too_big),
                // The inflater knows how much room was left, not which limit that came from.
                Err(DecodeError::MessageTooBig { .. }) => Err(too_big),
                other => other,
            }
        };
        match self {
            Self::Text { text, tail } => {
                let mut piece = Vec::new();
                inflate_to(&mut piece)?;
                let inflated = Chunk {
                    octets: &piece,
                    frame_bytes_left: 0,
                    fin: chunk.is_last(),
                };
                let len = text.len() + tail.len();
                text.reserve_exact(growth(text.len(), text.capacity(), len, inflated, limits));
                tail.append(&piece, text)
                    .map_err(|_| DecodeError::TextNotUtf8)
            }
            Self::Binary(data) => {
                inflate_to(data)?;
                // How the buffer grew was the inflater's choice; what is kept is ours.
                data.shrink_to(message_bytes_max);
                Ok(())
            }
        }
    }

    fn finish(&self) -> Result<(), DecodeError> {
        match self {
            Self::Text { tail, .. } => tail.finish().map_err(|_| DecodeError::TextNotUtf8),
            Self::Binary(_) => Ok(()),
        }
    }
}

/// How much room to add to a buffer of `buffer_len` octets so that `chunk` fits; `len` is the
/// message's length, which includes an unfinished character.
///
/// Grows by a quarter, so that many small fragments neither cost many copies nor much more memory
/// than they bring; but never beyond what the message can come to.
fn growth(
    buffer_len: usize,
    capacity: usize,
    len: usize,
    chunk: Chunk<'_>,
    limits: &Limits,
) -> usize {
    let needed = len + chunk.octets.len();
    if needed <= capacity {
        return 0;
    }
    let message_bytes = if chunk.fin {
        needed + chunk.frame_bytes_left
    } else {
        limits.message_bytes_max
    };
    let roomy = (capacity + capacity / 4).min(message_bytes);
    needed.max(roomy) - buffer_len
}
