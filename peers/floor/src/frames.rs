//! As much of RFC 6455's framing as a floor needs: whole, masked data frames come in.

/// The length of the header, mask included, and of the payload of the frame that `bytes` begin
/// with. None while the header is not complete.
pub(crate) fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let &[_, second, ..] = bytes else {
        return None;
    };
    match second & 0x7F {
        126 => {
            let field = bytes.get(2..4)?.try_into().ok()?;
            bytes.get(..8)?;
            Some((8, usize::from(u16::from_be_bytes(field))))
        }
        127 => {
            let field = bytes.get(2..10)?.try_into().ok()?;
            bytes.get(..14)?;
            Some((
                14,
                usize::try_from(u64::from_be_bytes(field)).unwrap_or(usize::MAX / 2),
            ))
        }
        short => {
            bytes.get(..6)?;
            Some((6, usize::from(short)))
        }
    }
}

/// Whether a frame is a close.
pub(crate) fn is_close(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 0x0F == 8)
}

/// The payload of a data frame, unmasked in place; none for a ping or pong.
pub(crate) fn data(frame: &mut [u8], header: usize) -> Option<&[u8]> {
    if frame.first()? & 0x0F > 2 {
        return None;
    }
    let (header, payload) = frame.split_at_mut_checked(header)?;
    let mask: [u8; 4] = *header.last_chunk()?;
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Some(payload)
}

/// Appends an unmasked text frame.
pub(crate) fn append_text(to: &mut Vec<u8>, payload: &[u8]) {
    to.push(0x81);
    match payload.len() {
        length @ 0..126 => to.push(length as u8),
        length @ 126..65_536 => {
            to.push(126);
            to.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            to.push(127);
            to.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    to.extend_from_slice(payload);
}
