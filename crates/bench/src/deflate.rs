//! permessage-deflate for a load (RFC 7692): compresses what is published, inflates what arrives.

use std::io;

use campanile_websocket::ExtensionOffer;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// What each message lacks at its end (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Messages that are remembered with what they inflate to: more than a window of publications.
const SLOTS: usize = 1024;

/// Longer messages are not remembered.
const REMEMBERED_BYTES_MAX: usize = 4096;

/// The longest message after inflation: 32 MiB.
const INFLATED_BYTES_MAX: usize = 32 << 20;

/// How one session's messages are inflated.
#[derive(Debug)]
pub(crate) enum Inflation {
    /// No compression was agreed upon.
    None,
    /// Every message stands alone, so one state serves all sessions, and what all of them receive
    /// is inflated once.
    Alone,
    /// The server refers to earlier messages of the session, whose state must therefore be kept.
    InContext(Box<Decompress>),
}

impl Inflation {
    /// What the server's answer means.
    pub(crate) fn agreed(extensions: &[ExtensionOffer]) -> Self {
        let mut deflate = extensions.iter();
        let Some(deflate) = deflate.find(|one| one.name == "permessage-deflate") else {
            return Self::None;
        };
        let mut parameters = deflate.parameters.iter();
        if parameters.any(|(name, _)| name == "server_no_context_takeover") {
            Self::Alone
        } else {
            Self::InContext(Box::new(Decompress::new(false)))
        }
    }
}

/// The states that sessions share.
#[derive(Debug)]
pub(crate) struct Deflate {
    compress: Compress,
    decompress: Decompress,
    /// Compressed messages and what they hold, in the place that their octets add up to.
    remembered: Vec<(Vec<u8>, Vec<u8>)>,
    inflated: Vec<u8>,
}

impl Deflate {
    pub(crate) fn new() -> Self {
        Self {
            compress: Compress::new(Compression::default(), false),
            decompress: Decompress::new(false),
            remembered: vec![Default::default(); SLOTS],
            inflated: Vec::new(),
        }
    }

    /// A message, compressed without reference to earlier ones.
    pub(crate) fn compress(&mut self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        self.compress.reset();
        loop {
            out.reserve(message.len() / 2 + 64);
            let taken = self.compress.total_in() as usize;
            self.compress
                .compress_vec(&message[taken..], out, FlushCompress::Sync)
                .map_err(io::Error::other)?;
            // Room that is left means that the flush is complete.
            if out.len() < out.capacity() && self.compress.total_in() as usize == message.len() {
                break;
            }
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        Ok(())
    }

    /// What a message of a session holds.
    pub(crate) fn inflate(&mut self, how: &mut Inflation, message: &[u8]) -> io::Result<&[u8]> {
        match how {
            Inflation::None => Err(io::Error::other("it compressed without agreement")),
            Inflation::InContext(state) => {
                inflate(state, message, &mut self.inflated)?;
                Ok(&self.inflated)
            }
            Inflation::Alone if message.len() > REMEMBERED_BYTES_MAX => {
                self.decompress.reset(false);
                inflate(&mut self.decompress, message, &mut self.inflated)?;
                Ok(&self.inflated)
            }
            Inflation::Alone => {
                let (compressed, inflated) = &mut self.remembered[slot(message)];
                if compressed != message {
                    self.decompress.reset(false);
                    inflate(&mut self.decompress, message, inflated)?;
                    compressed.clear();
                    compressed.extend_from_slice(message);
                }
                Ok(inflated)
            }
        }
    }
}

fn slot(message: &[u8]) -> usize {
    let (words, rest) = message.as_chunks::<8>();
    let mut sum = message.len() as u64;
    for word in words {
        sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    for octet in rest {
        sum = (sum ^ u64::from(*octet)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (sum >> 48) as usize % SLOTS
}

/// Inflates a message and the tail that it lacks.
fn inflate(state: &mut Decompress, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.clear();
    for mut input in [message, &TAIL] {
        loop {
            out.reserve(input.len() * 2 + 256);
            let before = state.total_in();
            state
                .decompress_vec(input, out, FlushDecompress::Sync)
                .map_err(io::Error::other)?;
            let taken = (state.total_in() - before) as usize;
            input = &input[taken..];
            if out.len() > INFLATED_BYTES_MAX {
                return Err(io::Error::other("a message inflates to over 32 MiB"));
            }
            // Room that is left means that there is no more output.
            if out.len() < out.capacity() && (input.is_empty() || taken == 0) {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_inflates_to_itself_alone_and_remembered() {
        let mut deflate = Deflate::new();
        let mut how = Inflation::Alone;
        let mut compressed = Vec::new();
        for length in [0_u64, 1, 200, 5000, 1_000_000] {
            let message: Vec<u8> = (0..length).map(|n| (n * n % 251) as u8).collect();
            deflate.compress(&message, &mut compressed).expect("works");
            for _ in 0..3 {
                assert_eq!(
                    deflate.inflate(&mut how, &compressed).expect("legal"),
                    message
                );
            }
        }
    }

    #[test]
    fn a_server_that_keeps_its_context_is_followed() {
        let mut server = Compress::new(Compression::default(), false);
        let extensions = [ExtensionOffer {
            name: "permessage-deflate".to_owned(),
            parameters: Vec::new(),
        }];
        let mut how = Inflation::agreed(&extensions);
        let mut deflate = Deflate::new();
        let message = b"the same words again and again";
        for _ in 0..3 {
            let mut compressed = Vec::with_capacity(1000);
            server
                .compress_vec(message, &mut compressed, FlushCompress::Sync)
                .expect("works");
            let body = compressed.strip_suffix(&TAIL).expect("a flush");
            assert_eq!(deflate.inflate(&mut how, body).expect("legal"), message);
        }
    }

    #[test]
    fn garbage_and_compression_that_was_not_agreed_upon_are_errors() {
        let mut deflate = Deflate::new();
        assert!(deflate.inflate(&mut Inflation::Alone, &[0xff; 9]).is_err());
        assert!(deflate.inflate(&mut Inflation::agreed(&[]), &[]).is_err());
    }
}
