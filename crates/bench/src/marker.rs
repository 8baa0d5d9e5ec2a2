//! What a publication carries: whose it is, its number, and when it was sent.

use memchr::memmem;

/// How a marker begins, in any envelope.
const WORD: &[u8] = b"bench:";

/// The octets of a marker: [`WORD`] and three numbers of 16 hexadecimal digits.
pub(crate) const MARKER_BYTES: usize = WORD.len() + 3 * DIGITS;

const DIGITS: usize = 16;

/// Fills a payload up. It compresses as well as JSON does, and needs no escape within JSON.
const FILLING: &[u8] = b" symbol ACME, bid 101.25, ask 101.50, volume 1200;";

/// One publication's place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Which run, and which part of it; other generators use other numbers.
    pub(crate) run: u32,
    /// Which channel of the run: 0, or the room, or the echoing session.
    pub(crate) channel: u32,
    /// The publication's number in its channel, from 0.
    pub(crate) sequence: u64,
    /// Nanoseconds on the generator's clock at which it was to be sent.
    pub(crate) sent: u64,
}

/// A payload whose marker is written anew for each publication.
#[derive(Debug)]
pub(crate) struct Payload {
    octets: Vec<u8>,
}

impl Payload {
    /// A payload of `bytes` octets, of at least [`MARKER_BYTES`].
    pub(crate) fn new(bytes: usize) -> Self {
        let mut octets = WORD.to_vec();
        octets.resize(MARKER_BYTES, b'0');
        octets.extend(
            FILLING
                .iter()
                .cycle()
                .take(bytes.saturating_sub(MARKER_BYTES)),
        );
        Self { octets }
    }

    /// The octets of the publication that `marker` describes.
    pub(crate) fn stamped(&mut self, marker: &Marker) -> &[u8] {
        let publisher = u64::from(marker.run) << 32 | u64::from(marker.channel);
        let numbers = [publisher, marker.sequence, marker.sent];
        let fields = self.octets[WORD.len()..MARKER_BYTES].chunks_exact_mut(DIGITS);
        for (field, number) in fields.zip(numbers) {
            for (place, octet) in field.iter_mut().enumerate() {
                let digit = (number >> (60 - 4 * place)) & 0xf;
                *octet = b"0123456789abcdef"[digit as usize];
            }
        }
        &self.octets
    }
}

/// Finds the next marker in `octets`, and where it ends. What looks like one but has other than
/// hexadecimal digits is passed over.
#[inline]
pub(crate) fn find(octets: &[u8]) -> Option<(Marker, usize)> {
    if let Some(marker) = read(octets) {
        return Some((marker, MARKER_BYTES));
    }
    let mut from = 0;
    while octets.len() - from >= MARKER_BYTES {
        let at = from + memmem::find(&octets[from..], WORD)?;
        if let Some(marker) = read(&octets[at..]) {
            return Some((marker, at + MARKER_BYTES));
        }
        from = at + WORD.len();
    }
    None
}

/// Reads a marker from the front of `octets`.
#[inline]
fn read(octets: &[u8]) -> Option<Marker> {
    let fields = octets.get(..MARKER_BYTES)?.strip_prefix(WORD)?;
    let publisher = number(&fields[..DIGITS])?;
    Some(Marker {
        run: (publisher >> 32) as u32,
        channel: publisher as u32,
        sequence: number(&fields[DIGITS..2 * DIGITS])?,
        sent: number(&fields[2 * DIGITS..])?,
    })
}

#[inline]
fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut wrong = 0;
    for digit in digits {
        let value = VALUES[usize::from(*digit)];
        wrong |= value;
        number = number << 4 | u64::from(value & 0xf);
    }
    (wrong < 16).then_some(number)
}

/// The value of each hexadecimal digit, and 255 for all other octets.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker = Marker {
        run: 0xfeed_0002,
        channel: 999,
        sequence: u64::MAX - 1,
        sent: 0x0123_4567_89ab_cdef,
    };

    #[test]
    fn a_payload_has_the_length_that_was_asked_for_and_its_marker() {
        for bytes in [MARKER_BYTES, MARKER_BYTES + 1, 128, 1000] {
            let mut payload = Payload::new(bytes);
            let octets = payload.stamped(&MARKER);
            assert_eq!(octets.len(), bytes);
            assert!(octets.is_ascii());
            assert!(!octets.iter().any(|octet| b"\"\\".contains(octet)));
            assert_eq!(find(octets), Some((MARKER, MARKER_BYTES)));
        }
    }

    #[test]
    fn a_marker_is_found_in_any_envelope_and_several_in_one() {
        let mut payload = Payload::new(80);
        let mut envelope = b"{\"push\":\"bench:".to_vec();
        envelope.extend_from_slice(payload.stamped(&MARKER));
        envelope.extend_from_slice(b"\"}\n{\"push\":\"");
        let second = Marker {
            sequence: 5,
            ..MARKER
        };
        envelope.extend_from_slice(payload.stamped(&second));
        let (first, end) = find(&envelope).expect("the first");
        assert_eq!(first, MARKER);
        let (next, more) = find(&envelope[end..]).expect("the second");
        assert_eq!(next, second);
        assert_eq!(find(&envelope[end + more..]), None);
    }

    #[test]
    fn what_is_cut_off_or_has_other_digits_is_no_marker() {
        let mut payload = Payload::new(MARKER_BYTES);
        let mut octets = payload.stamped(&MARKER).to_vec();
        assert_eq!(find(&octets[..MARKER_BYTES - 1]), None);
        assert_eq!(find(b""), None);
        octets[20] = b'g';
        assert_eq!(find(&octets), None);
    }
}
