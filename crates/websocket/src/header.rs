//! The head of a frame: every rule that can be checked before its payload (RFC 6455 5.2).

use crate::{
    error::DecodeError,
    event::Role,
    limits::Limits,
    opcode::{CONTROL_PAYLOAD_BYTES_MAX, Opcode},
};

/// The longest head of a frame: two octets, eight of length, four of mask.
pub(crate) const HEAD_BYTES_MAX: usize = 14;

/// What a compressed frame may be longer by than a plain one, besides an eighth: compressors that
/// know fixed codes only make nine bits of an octet at worst (RFC 1951 3.2.6).
const DEFLATE_GROWTH_BYTES: usize = 64;

/// A frame's head that has passed all checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) fin: bool,
    /// RSV1 on the first frame of a message: it is compressed (RFC 7692 6).
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    /// The octets of the head itself.
    pub(crate) head_bytes: usize,
    pub(crate) payload_bytes: usize,
    /// All zero if the frame is not masked.
    pub(crate) mask: [u8; 4],
}

/// The message whose fragments are arriving, as far as a head's rules depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenMessage {
    pub(crate) bytes: usize,
    pub(crate) fragments: usize,
    pub(crate) compressed: bool,
}

/// What the rules for a head depend on.
#[derive(Debug)]
pub(crate) struct Context<'l> {
    pub(crate) role: Role,
    pub(crate) can_inflate: bool,
    pub(crate) open: Option<OpenMessage>,
    pub(crate) limits: &'l Limits,
}

/// Reads the head of a frame from the front of `octets`; `None` if it is not complete.
///
/// Each rule is checked as soon as its octets are there, in the order of the octets, so that a
/// stream is refused in the same place however it was cut.
pub(crate) fn parse(octets: &[u8], context: &Context<'_>) -> Result<Option<Head>, DecodeError> {
    let Some(&first) = octets.first() else {
        return Ok(None);
    };
    let fin = first & 0x80 != 0;
    let opcode = Opcode::try_from(first & 0x0f)
        .map_err(|unknown| DecodeError::UnknownOpcode { opcode: unknown.0 })?;
    let compressed = check_reserved_bits(first, opcode, context)?;
    check_sequence(fin, opcode, context)?;

    let Some(&second) = octets.get(1) else {
        return Ok(None);
    };
    let masked = second & 0x80 != 0;
    match (context.role, masked) {
        (Role::Server, false) => return Err(DecodeError::ClientFrameUnmasked),
        (Role::Client, true) => return Err(DecodeError::ServerFrameMasked),
        _ => {}
    }
    let short_length = second & 0x7f;
    if opcode.is_control() && usize::from(short_length) > CONTROL_PAYLOAD_BYTES_MAX {
        return Err(DecodeError::ControlTooLong);
    }

    let Some((length, after)) = parse_length(short_length, &octets[2..])? else {
        return Ok(None);
    };
    let payload_bytes = check_limits(length, opcode, compressed, context)?;
    let head_bytes = octets.len() - after.len();
    if !masked {
        return Ok(Some(Head {
            fin,
            compressed,
            opcode,
            head_bytes,
            payload_bytes,
            mask: [0; 4],
        }));
    }
    let Some(&mask) = after.first_chunk::<4>() else {
        return Ok(None);
    };
    Ok(Some(Head {
        fin,
        compressed,
        opcode,
        head_bytes: head_bytes + 4,
        payload_bytes,
        mask,
    }))
}

/// RSV1 may mark the first frame of a compressed message; nothing else is defined (RFC 6455 5.2,
/// RFC 7692 6). Returns whether it does.
fn check_reserved_bits(
    first: u8,
    opcode: Opcode,
    context: &Context<'_>,
) -> Result<bool, DecodeError> {
    match first & 0x70 {
        0 => Ok(false),
        0x40 if context.can_inflate && matches!(opcode, Opcode::Text | Opcode::Binary) => Ok(true),
        _ => Err(DecodeError::ReservedBitSet),
    }
}

/// Fragments follow their message's first frame, and only control frames come between
/// (RFC 6455 5.4); control frames are never fragmented (RFC 6455 5.5).
fn check_sequence(fin: bool, opcode: Opcode, context: &Context<'_>) -> Result<(), DecodeError> {
    match (opcode, context.open) {
        (Opcode::Continuation, None) => Err(DecodeError::ContinuationWithoutMessage),
        (Opcode::Continuation, Some(open)) => {
            let fragments_max = context.limits.fragments_max;
            if open.fragments >= fragments_max.max(1) {
                return Err(DecodeError::TooManyFragments { fragments_max });
            }
            Ok(())
        }
        (Opcode::Text | Opcode::Binary, Some(_)) => Err(DecodeError::MessageInsideMessage),
        (Opcode::Text | Opcode::Binary, None) => Ok(()),
        (Opcode::Close | Opcode::Ping | Opcode::Pong, _) if fin => Ok(()),
        (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => Err(DecodeError::ControlFragmented),
    }
}

/// Reads the rest of a length, which must be in its shortest form (RFC 6455 5.2). Returns it and
/// the octets behind it.
fn parse_length(short: u8, octets: &[u8]) -> Result<Option<(u64, &[u8])>, DecodeError> {
    match short {
        0..=125 => Ok(Some((u64::from(short), octets))),
        126 => {
            let Some((length, after)) = octets.split_first_chunk::<2>() else {
                return Ok(None);
            };
            let length = u16::from_be_bytes(*length);
            if length <= 125 {
                return Err(DecodeError::LengthNotMinimal);
            }
            Ok(Some((u64::from(length), after)))
        }
        _ => {
            let Some((length, after)) = octets.split_first_chunk::<8>() else {
                return Ok(None);
            };
            let length = u64::from_be_bytes(*length);
            if length > u64::MAX >> 1 {
                return Err(DecodeError::LengthTopBitSet);
            }
            if length <= u64::from(u16::MAX) {
                return Err(DecodeError::LengthNotMinimal);
            }
            Ok(Some((length, after)))
        }
    }
}

/// Refuses what is too long before a single octet of it is kept.
fn check_limits(
    length: u64,
    opcode: Opcode,
    compressed: bool,
    context: &Context<'_>,
) -> Result<usize, DecodeError> {
    let Limits {
        frame_bytes_max,
        message_bytes_max,
        ..
    } = *context.limits;
    let message_too_big = DecodeError::MessageTooBig { message_bytes_max };
    // Only a machine with 32-bit addresses can fail here.
    let length = usize::try_from(length).map_err(|_| message_too_big)?;
    if opcode.is_control() {
        return Ok(length);
    }
    // How long a compressed message is turns out while it is inflated.
    let open = context.open.filter(|_| opcode == Opcode::Continuation);
    let is_compressed = open.map_or(compressed, |open| open.compressed);
    let room = message_bytes_max.saturating_sub(open.map_or(0, |open| open.bytes));
    if !is_compressed && length > room {
        return Err(message_too_big);
    }
    let grown = match is_compressed {
        // What cannot be compressed becomes longer: a message that is legal as it is must be legal
        // compressed, too.
        true => frame_bytes_max / 8 + DEFLATE_GROWTH_BYTES,
        false => 0,
    };
    if length > frame_bytes_max.saturating_add(grown) {
        return Err(DecodeError::FrameTooBig { frame_bytes_max });
    }
    Ok(length)
}
