//! A data message that did not arrive in one piece.

use crate::{
    error::DecodeError,
    header::OpenMessage,
    inflate::{Borrowed, Inflaters},
    limits::Limits,
    utf8::Utf8Tail,
};

/// A data message whose octets are still arriving, or that waits to be fetched.
#[derive(Debug)]
pub(crate) struct Message {
    body: Body,
    compressed: bool,
    /// There only from a compressed message's first octet to its last.
    inflater: Option<Borrowed>,
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
            inflater: None,
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
    /// complete. An uncompressed chunk is known to fit: its frame's head was checked. Returns how
    /// many octets a compressed one has come to.
    pub(crate) fn append(
        &mut self,
        chunk: Chunk<'_>,
        inflaters: Option<&dyn Inflaters>,
        limits: &Limits,
    ) -> Result<usize, DecodeError> {
        let inflated_bytes = match (self.compressed, inflaters) {
            (true, Some(inflaters)) => self.inflate(chunk, inflaters, limits)?,
            (true, None) => return Err(DecodeError::ReservedBitSet),
            (false, _) => {
                self.body.append(chunk, limits)?;
                0
            }
        };
        if chunk.is_last() {
            self.body.finish()?;
        }
        Ok(inflated_bytes)
    }

    fn inflate(
        &mut self,
        chunk: Chunk<'_>,
        inflaters: &dyn Inflaters,
        limits: &Limits,
    ) -> Result<usize, DecodeError> {
        // Whoever sends a head and nothing else does not get an inflater to hold.
        if chunk.octets.is_empty() && !chunk.is_last() {
            return Ok(0);
        }
        let mut inflater = match self.inflater.take() {
            Some(Borrowed(inflater)) => inflater,
            None => inflaters.lend(),
        };
        let message_bytes_max = limits.message_bytes_max;
        let before = self.body.len();
        let mut output = |octets: &[u8]| {
            if octets.len() > message_bytes_max.saturating_sub(self.body.len()) {
                return Err(DecodeError::MessageTooBig { message_bytes_max });
            }
            let inflated = Chunk {
                octets,
                frame_bytes_left: 0,
                fin: false,
            };
            self.body.append(inflated, limits)
        };
        inflater.inflate(chunk.octets, chunk.is_last(), &mut output)?;
        if chunk.is_last() {
            inflaters.take_back(inflater);
        } else {
            self.inflater = Some(Borrowed(inflater));
        }
        Ok(self.body.len() - before)
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self.body, Body::Text { .. })
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Whether no frame has followed the first one.
    pub(crate) fn is_in_first_frame(&self) -> bool {
        self.fragments == 1
    }

    /// Whether what arrives next is a part as it is: neither compressed nor the rest of a
    /// character.
    pub(crate) fn is_lendable(&self) -> bool {
        let is_within_character = matches!(&self.body, Body::Text { tail, .. } if tail.len() > 0);
        !self.compressed && !is_within_character
    }

    /// For octets that are lent: keeps an unfinished character at their end, and returns how many
    /// are before it; the last octets must not have one. Those are not checked to be text.
    pub(crate) fn hold_back(&mut self, octets: &[u8], is_last: bool) -> Result<usize, DecodeError> {
        let Body::Text { tail, .. } = &mut self.body else {
            return Ok(octets.len());
        };
        let whole = tail.hold_back(octets);
        let whole = whole.map_err(|_| DecodeError::TextNotUtf8)?;
        if is_last {
            self.body.finish()?;
        }
        Ok(whole.len())
    }

    /// The octets that are kept, an unfinished character among them.
    pub(crate) fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether anything is kept that can be given away.
    pub(crate) fn has_part(&self) -> bool {
        match &self.body {
            Body::Text { text, .. } => !text.is_empty(),
            Body::Binary(data) => !data.is_empty(),
        }
    }

    /// Frees what was given away as a part; an unfinished character stays.
    pub(crate) fn release_part(&mut self) {
        match &mut self.body {
            Body::Text { text, .. } => *text = String::new(),
            Body::Binary(data) => *data = Vec::new(),
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
