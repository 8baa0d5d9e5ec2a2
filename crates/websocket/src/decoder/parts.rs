//! Messages as they arrive, part by part, instead of whole.

use crate::{
    decoder::{
        Decoder,
        partial::{Complete, Progress},
    },
    error::DecodeError,
    limits::Limits,
    message::Chunk,
    opcode::Opcode,
};

/// What a part that cannot be lent from the input may come to: one that was inflated, or that
/// begins with a character whose first octets came before.
const KEPT_PART_BYTES: usize = 64 * 1024;

/// An inflated part that is this long is not added to any more.
const KEPT_PART_ENOUGH_BYTES: usize = KEPT_PART_BYTES / 2;

/// The most that one octet inflates to: four times the longest copy, at a bit each for its length
/// and its distance (RFC 1951 3.2.5 and 3.2.7).
const INFLATED_BYTES_PER_BYTE: usize = 4 * 258;

impl Decoder {
    /// Makes [`decode`](Self::decode) give each data message in parts, as its octets arrive,
    /// instead of whole (S20 and S193 of the Java stack). To be chosen before the first octet.
    ///
    /// A part is an [`Event::Text`](crate::Event::Text) or
    /// [`Event::Binary`](crate::Event::Binary) like any other; the last one of each message, and
    /// only that, has [`Decoded::is_last`](crate::Decoded::is_last). Where parts begin and end
    /// depends on the peer's frames and on the network, but:
    /// - parts of text are whole characters: up to three octets of one that is cut off are held
    ///   back until the rest of it arrives, and text that is not UTF-8 fails as it does otherwise;
    /// - empty parts are given only for an empty first frame, and where a message ends with nothing
    ///   more to say;
    /// - a part that lies in the input is lent from there. Others (of compressed messages, or with
    ///   a character that was cut) come to little more than 64 KiB, however long their frame is
    ///   and whatever it inflates to.
    ///
    /// [`Limits::message_bytes_max`] does not count: nothing is gathered, and a message may go on
    /// for ever. [`Limits::frame_bytes_max`] and [`Limits::fragments_max`] hold as ever, so it is
    /// they that bound a message of plain frames. Whoever bounds the work of a turn counts
    /// [`Decoded::inflated_bytes`](crate::Decoded::inflated_bytes).
    #[must_use]
    pub fn in_parts(mut self) -> Self {
        self.in_parts = true;
        self
    }

    /// Whether the payload of a data frame is arriving that is given in parts.
    pub(super) fn is_within_part(&self) -> bool {
        self.in_parts
            && self
                .partial
                .as_ref()
                .and_then(|partial| partial.frame)
                .is_some_and(|frame| !frame.opcode.is_control())
    }

    /// Takes payload of the data frame that has begun; `None` if there is nothing to say about it
    /// yet, or if its end says nothing.
    #[inline(never)] // so that the loop which takes whole messages stays small and fast
    pub(super) fn take_part(
        &mut self,
        input: &mut [u8],
        done: &mut Progress,
        limits: &Limits,
    ) -> Result<Option<Complete>, DecodeError> {
        let lends = self
            .partial
            .as_ref()
            .and_then(|partial| partial.message.as_ref())
            .is_some_and(|message| message.is_lendable());
        if lends {
            self.take_lent_part(input, done)
        } else {
            self.take_kept_part(&mut input[done.consumed..], done, limits)
        }
    }

    /// The part is what lies in `input`, but for the octets of an unfinished character.
    fn take_lent_part(
        &mut self,
        input: &mut [u8],
        done: &mut Progress,
    ) -> Result<Option<Complete>, DecodeError> {
        let Some(partial) = &mut self.partial else {
            return Ok(None);
        };
        let (Some(mut frame), Some(message)) = (partial.frame, &mut partial.message) else {
            return Ok(None);
        };
        let start = done.consumed;
        let is_empty_frame = frame.bytes_left == 0;
        let taken = frame.take(&mut input[start..], self.role, usize::MAX);
        done.consumed += taken;
        let is_last = frame.is_last();
        let octets = &input[start..done.consumed];
        let part = start..start + message.hold_back(octets, is_last)?;
        partial.frame = (frame.bytes_left > 0).then_some(frame);
        let opcode = if message.is_text() {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        if is_last {
            self.partial = None;
            return Ok(Some(Complete::Input(opcode, part)));
        }
        let says_something = !part.is_empty() || (is_empty_frame && message.is_in_first_frame());
        Ok(says_something.then_some(Complete::InputPart(opcode, part)))
    }

    /// The part is put together in the message's own buffer.
    fn take_kept_part(
        &mut self,
        mut input: &mut [u8],
        done: &mut Progress,
        limits: &Limits,
    ) -> Result<Option<Complete>, DecodeError> {
        let Some(partial) = &mut self.partial else {
            return Ok(None);
        };
        let (Some(mut frame), Some(message)) = (partial.frame, &mut partial.message) else {
            return Ok(None);
        };
        let is_empty_frame = frame.bytes_left == 0;
        loop {
            // An inflater cannot be stopped half-way: it gets only what is sure to fit.
            let room = KEPT_PART_BYTES.saturating_sub(message.bytes());
            let at_once = match message.is_compressed() {
                true => (room / INFLATED_BYTES_PER_BYTE).max(1),
                false => room,
            };
            let taken = frame.take(input, self.role, at_once);
            let (octets, rest) = input.split_at_mut(taken);
            done.consumed += taken;
            let chunk = Chunk {
                octets,
                frame_bytes_left: frame.bytes_left,
                fin: frame.fin,
            };
            done.inflated_bytes += message.append(chunk, self.inflaters.as_deref(), limits)?;
            input = rest;
            let is_enough = message.bytes() >= KEPT_PART_ENOUGH_BYTES;
            if frame.bytes_left == 0 || input.is_empty() || is_enough {
                break;
            }
        }
        partial.frame = (frame.bytes_left > 0).then_some(frame);
        if frame.is_last() {
            return Ok(Some(Complete::KeptMessage));
        }
        let says_something = message.has_part() || (is_empty_frame && message.is_in_first_frame());
        Ok(says_something.then_some(Complete::KeptPart))
    }
}
