//! Masking (RFC 6455 5.3).

/// Masks or unmasks `payload` in place: both are the same operation (RFC 6455 5.3).
///
/// The first octet of `payload` is combined with the first of `mask`. To go on within a frame
/// after `n` octets, pass the mask rotated left by `n % 4`.
pub fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Eight octets at a time as one number: the compiler turns this loop into vector code.
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (octet, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *octet ^= key;
    }
}

/// The mask that continues a frame of which `done` octets are unmasked.
pub(crate) fn rotate_mask(mask: [u8; 4], done: usize) -> [u8; 4] {
    let mut rotated = mask;
    rotated.rotate_left(done % 4);
    rotated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_5_3_octet_i_is_combined_with_mask_octet_i_modulo_4() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..70 {
            let plain: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
            let expected: Vec<u8> = plain
                .iter()
                .enumerate()
                .map(|(i, octet)| octet ^ mask[i % 4])
                .collect();
            let mut masked = plain.clone();
            apply_mask(&mut masked, mask);
            assert_eq!(masked, expected);

            for cut in 0..=plain.len() {
                let mut parts = plain.clone();
                let (first, second) = parts.split_at_mut(cut);
                apply_mask(first, mask);
                apply_mask(second, rotate_mask(mask, cut));
                assert_eq!(parts, expected);
            }
        }
    }
}
