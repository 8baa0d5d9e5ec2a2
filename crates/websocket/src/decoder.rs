//! From octets to events (RFC 6455 5 and 6.2).

mod partial;
mod parts;

use std::{fmt, sync::Arc};

use self::partial::{Complete, Frame, Lent, Partial, Progress};
use crate::{
    close::parse_close,
    error::DecodeError,
    event::{Decoded, Event, Role},
    header::{self, Context, HEAD_BYTES_MAX, Head},
    inflate::Inflaters,
    limits::Limits,
    mask::apply_mask,
    message::{Chunk, Message, MessageRef},
    opcode::Opcode,
};

/// Decodes what one peer sends: octets in, [`Event`]s out.
///
/// It is small (at most 64 octets) and owns no heap memory between messages, so that an idle
/// connection costs nothing more. See [`decode`](Self::decode) for how to drive it.
pub struct Decoder {
    state: State,
    inflaters: Option<Arc<dyn Inflaters>>,
    partial: Option<Box<Partial>>,
    role: Role,
    in_parts: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    /// The peer has sent a Close frame: nothing that follows counts (RFC 6455 5.5.1).
    Closed,
    Failed(DecodeError),
}

impl Decoder {
    /// A decoder for a connection that has just been opened.
    pub fn new(role: Role) -> Self {
        Self {
            state: State::Open,
            inflaters: None,
            partial: None,
            role,
            in_parts: false,
        }
    }

    /// Makes RSV1 legal on the first frame of a message, and inflates such messages with what
    /// `inflaters` lends for each. Only after permessage-deflate was negotiated (RFC 7692), and
    /// with the peer's context not taken over.
    #[must_use]
    pub fn with_inflaters(mut self, inflaters: Arc<dyn Inflaters>) -> Self {
        self.inflaters = Some(inflaters);
        self
    }

    /// Takes octets from the front of `input` until one event is complete or `input` is used up.
    ///
    /// Call it again with what follows [`Decoded::consumed`] until the event is `None`; then all
    /// of `input` has been consumed, what is unfinished has been copied, and the next call gets
    /// the next octets from the network. (That last call, which may be one with an empty `input`,
    /// also frees the memory of a large message; [`release`](Self::release) does so too.)
    ///
    /// Payloads are unmasked in place. A message that lies in `input` as one frame is lent from
    /// there, without a copy or an allocation.
    ///
    /// After a Close frame everything is consumed and ignored (RFC 6455 5.5.1).
    ///
    /// # Errors
    /// The first rule that the peer broke. A rule is checked as soon as the octets are there on
    /// which it depends, so that the same stream fails in the same place however it is cut; bad
    /// UTF-8 fails before its frame is complete. (Compressed data that is wrong in several ways may
    /// fail for either.) After an error, every call returns the same one.
    pub fn decode<'a>(
        &'a mut self,
        input: &'a mut [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, DecodeError> {
        match self.state {
            State::Open => self.release(),
            State::Closed => {
                return Ok(Decoded {
                    consumed: input.len(),
                    event: None,
                    is_last: false,
                    inflated_bytes: 0,
                });
            }
            State::Failed(error) => return Err(error),
        }
        let without_message_limit;
        let limits = if self.in_parts {
            without_message_limit = Limits {
                message_bytes_max: usize::MAX,
                ..*limits
            };
            &without_message_limit
        } else {
            limits
        };
        let mut done = Progress::default();
        let advanced = self.advance(input, &mut done, limits);
        let Progress {
            consumed,
            inflated_bytes,
        } = done;
        let nothing = Decoded {
            consumed,
            event: None,
            is_last: false,
            inflated_bytes,
        };
        let complete = match advanced {
            Ok(Some(complete)) => complete,
            Ok(None) => return Ok(nothing),
            Err(error) => return Err(self.fail(error)),
        };
        let is_last = match &complete {
            Complete::Input(opcode, _) => !opcode.is_control(),
            Complete::KeptMessage => true,
            Complete::InputPart(..) | Complete::KeptControl(_) | Complete::KeptPart => false,
        };
        let event = match complete {
            Complete::Input(Opcode::Close, range) => self.close(&input[range])?,
            Complete::Input(Opcode::Text, range) | Complete::InputPart(Opcode::Text, range) => {
                match simdutf8::basic::from_utf8(&input[range]) {
                    Ok(text) => Event::Text(text),
                    Err(_) => return Err(self.fail(DecodeError::TextNotUtf8)),
                }
            }
            Complete::Input(opcode, range) | Complete::InputPart(opcode, range) => {
                payload_event(opcode, &input[range])
            }
            Complete::KeptControl(Opcode::Close) => {
                let body = self
                    .partial
                    .take()
                    .map(|partial| partial.control)
                    .unwrap_or_default();
                self.close(&body)?
            }
            Complete::KeptControl(opcode) => payload_event(opcode, self.lend_control()),
            Complete::KeptMessage | Complete::KeptPart => match self.lend_message(is_last) {
                Some(MessageRef::Text(text)) => Event::Text(text),
                Some(MessageRef::Binary(data)) => Event::Binary(data),
                None => return Ok(nothing),
            },
        };
        Ok(Decoded {
            event: Some(event),
            is_last,
            ..nothing
        })
    }

    /// Frees the memory of the message or part that was returned last. [`decode`](Self::decode)
    /// does so itself when it is called again; call this if that may take a while.
    pub fn release(&mut self) {
        let Some(partial) = &mut self.partial else {
            return;
        };
        match partial.lent.take() {
            None => return,
            Some(Lent::Message) => partial.message = None,
            Some(Lent::Part) => partial.message.iter_mut().for_each(Message::release_part),
            Some(Lent::Control) => partial.control = Vec::new(),
        }
        // Something was lent because it was complete: only a message may still be unfinished.
        if partial.message.is_none() {
            self.partial = None;
        }
    }

    /// Whether nothing is unfinished: the peer has sent whole messages so far.
    pub fn is_idle(&self) -> bool {
        self.partial.as_ref().is_none_or(|partial| {
            let message_open = partial.message.is_some();
            match partial.lent {
                None | Some(Lent::Part) => false,
                Some(Lent::Message) => true,
                Some(Lent::Control) => !message_open,
            }
        })
    }

    /// Whether the peer has sent a Close frame.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The octets of heap memory that this decoder holds for what is unfinished or lent (what
    /// an inflater holds is not counted). 0 between messages.
    pub fn retained_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            let message = partial.message.as_ref().map_or(0, Message::retained_bytes);
            size_of::<Partial>() + partial.control.capacity() + message
        })
    }

    /// Reads heads and payloads until something is complete, counting octets in `done`; `None` if
    /// `input` ran out before.
    fn advance(
        &mut self,
        input: &mut [u8],
        done: &mut Progress,
        limits: &Limits,
    ) -> Result<Option<Complete>, DecodeError> {
        loop {
            if self
                .partial
                .as_ref()
                .is_none_or(|partial| partial.frame.is_none())
            {
                let taken = self.take_head(&input[done.consumed..], &mut done.consumed, limits)?;
                let Some(head) = taken else {
                    return Ok(None);
                };
                let end = done.consumed.checked_add(head.payload_bytes);
                if let Some(end) = end.filter(|end| *end <= input.len())
                    && self.is_whole(&head)
                {
                    let range = done.consumed..end;
                    if self.role == Role::Server {
                        apply_mask(&mut input[range.clone()], head.mask);
                    }
                    done.consumed = end;
                    return Ok(Some(Complete::Input(head.opcode, range)));
                }
                self.begin_frame(&head);
            }
            if self.is_within_part() {
                match self.take_part(input, done, limits)? {
                    None if self.is_within_part() => return Ok(None),
                    None => continue,
                    part => return Ok(part),
                }
            }
            let rest = &mut input[done.consumed..];
            let Some(frame) = self.take_payload(rest, done, limits)? else {
                return Ok(None);
            };
            if frame.opcode.is_control() {
                return Ok(Some(Complete::KeptControl(frame.opcode)));
            }
            if frame.fin {
                return Ok(Some(Complete::KeptMessage));
            }
        }
    }

    /// Whether the payload of this frame can be lent as it is.
    fn is_whole(&self, head: &Head) -> bool {
        match head.opcode {
            Opcode::Continuation => false,
            Opcode::Text | Opcode::Binary => head.fin && !head.compressed,
            Opcode::Close | Opcode::Ping | Opcode::Pong => true,
        }
    }

    /// Reads the head of the next frame, or keeps all of `input` if the head is not complete.
    fn take_head(
        &mut self,
        input: &[u8],
        consumed: &mut usize,
        limits: &Limits,
    ) -> Result<Option<Head>, DecodeError> {
        let partial = self.partial.as_ref();
        let open = partial
            .and_then(|partial| partial.message.as_ref())
            .map(Message::as_open);
        let can_inflate = self.inflaters.is_some();
        let context = Context {
            role: self.role,
            can_inflate,
            open,
            limits,
        };
        let kept = partial.map_or(0, |partial| partial.head_len);
        if kept == 0
            && let Some(head) = header::parse(input, &context)?
        {
            *consumed += head.head_bytes;
            return Ok(Some(head));
        }
        if input.is_empty() {
            return Ok(None);
        }
        let partial = self.partial.get_or_insert_default();
        let added = input.len().min(HEAD_BYTES_MAX - kept);
        partial.head[kept..kept + added].copy_from_slice(&input[..added]);
        match header::parse(&partial.head[..kept + added], &context)? {
            Some(head) => {
                partial.head_len = 0;
                *consumed += head.head_bytes - kept;
                Ok(Some(head))
            }
            None => {
                partial.head_len = kept + added;
                *consumed += added;
                Ok(None)
            }
        }
    }

    /// Prepares for a frame whose payload has to be kept.
    fn begin_frame(&mut self, head: &Head) {
        let &Head {
            opcode,
            fin,
            mask,
            payload_bytes,
            ..
        } = head;
        let partial = self.partial.get_or_insert_default();
        partial.frame = Some(Frame {
            opcode,
            fin,
            mask,
            bytes_left: payload_bytes,
        });
        if opcode.is_control() {
            return;
        }
        match &mut partial.message {
            Some(message) => message.count_fragment(),
            None => partial.message = Some(Message::new(opcode == Opcode::Text, head.compressed)),
        }
    }

    /// Moves payload from `input` to where it is kept; returns the frame if it is complete.
    fn take_payload(
        &mut self,
        input: &mut [u8],
        done: &mut Progress,
        limits: &Limits,
    ) -> Result<Option<Frame>, DecodeError> {
        let Some(partial) = &mut self.partial else {
            return Ok(None);
        };
        let Some(mut frame) = partial.frame else {
            return Ok(None);
        };
        let taken = frame.take(input, self.role, usize::MAX);
        let octets = &input[..taken];
        done.consumed += taken;
        if frame.opcode.is_control() {
            partial.control.reserve_exact(taken);
            partial.control.extend_from_slice(octets);
        } else if let Some(message) = &mut partial.message {
            let chunk = Chunk {
                octets,
                frame_bytes_left: frame.bytes_left,
                fin: frame.fin,
            };
            done.inflated_bytes += message.append(chunk, self.inflaters.as_deref(), limits)?;
        }
        let complete = frame.bytes_left == 0;
        partial.frame = (!complete).then_some(frame);
        Ok(complete.then_some(frame))
    }

    fn lend_control(&mut self) -> &[u8] {
        let Some(partial) = &mut self.partial else {
            return &[];
        };
        partial.lent = Some(Lent::Control);
        &partial.control
    }

    fn lend_message(&mut self, is_last: bool) -> Option<MessageRef<'_>> {
        let partial = self.partial.as_mut()?;
        partial.lent = Some(if is_last { Lent::Message } else { Lent::Part });
        partial.message.as_ref().map(Message::as_ref)
    }

    fn close(&mut self, body: &[u8]) -> Result<Event<'static>, DecodeError> {
        let frame = parse_close(body).map_err(|error| self.fail(error))?;
        self.state = State::Closed;
        self.partial = None;
        Ok(Event::Close(frame))
    }

    fn fail(&mut self, error: DecodeError) -> DecodeError {
        self.state = State::Failed(error);
        self.partial = None;
        error
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Decoder")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("partial", &self.partial)
            .field("inflates", &self.inflaters.is_some())
            .field("in_parts", &self.in_parts)
            .finish()
    }
}

/// The event of a payload that needs no further checks.
fn payload_event(opcode: Opcode, payload: &[u8]) -> Event<'_> {
    match opcode {
        Opcode::Ping => Event::Ping(payload),
        Opcode::Pong => Event::Pong(payload),
        _ => Event::Binary(payload),
    }
}
