//! What a decoder keeps while something is unfinished, and how far a call has come.

use std::ops::Range;

use crate::{
    event::Role,
    header::HEAD_BYTES_MAX,
    mask::{apply_mask, rotate_mask},
    message::Message,
    opcode::Opcode,
};

/// What has to be remembered between calls when a frame or a message is not complete.
#[derive(Debug, Default)]
pub(super) struct Partial {
    pub(super) head: [u8; HEAD_BYTES_MAX],
    pub(super) head_len: usize,
    pub(super) frame: Option<Frame>,
    pub(super) control: Vec<u8>,
    pub(super) message: Option<Message>,
    pub(super) lent: Option<Lent>,
}

/// A frame of which the head has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) mask: [u8; 4],
    pub(super) bytes_left: usize,
}

impl Frame {
    /// Unmasks what `input` has of the payload, up to `bytes_max`; returns how much that is.
    #[inline]
    pub(super) fn take(&mut self, input: &mut [u8], role: Role, bytes_max: usize) -> usize {
        let taken = self.bytes_left.min(input.len()).min(bytes_max);
        if role == Role::Server {
            apply_mask(&mut input[..taken], self.mask);
        }
        self.mask = rotate_mask(self.mask, taken);
        self.bytes_left -= taken;
        taken
    }

    /// Whether all of the message has been taken.
    pub(super) fn is_last(&self) -> bool {
        self.fin && self.bytes_left == 0
    }
}

/// How far a call has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) consumed: usize,
    pub(super) inflated_bytes: usize,
}

/// What the event of the last call has borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lent {
    Message,
    /// Some of a message that is unfinished.
    Part,
    Control,
}

/// Where the payload of a complete message or control frame is, or that of a part; the last part
/// of a message is the end of it like any other.
pub(super) enum Complete {
    Input(Opcode, Range<usize>),
    InputPart(Opcode, Range<usize>),
    KeptControl(Opcode),
    KeptMessage,
    KeptPart,
}
