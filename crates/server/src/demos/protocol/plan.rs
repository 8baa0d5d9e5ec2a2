//! Into which frames a client wants a message to be cut.

use campanile::query_pairs;

use super::Refused;
use super::frames::{BINARY, CONTINUATION, PING, TEXT, append};

/// How long a message that a client sends to be cut may be.
pub(super) const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// How many bytes the server makes up at most: enough for a length of 64 bits (RFC 6455 5.2).
pub(super) const FILLER_BYTES_MAX: usize = 66_000;

/// How many frames one message may become.
const FRAGMENTS_MAX: usize = 64;

/// What a control frame carries at most (RFC 6455 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// The masking key of the examples in RFC 6455 5.7.
pub(super) const SAMPLE_MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How to send a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FramesPlan {
    opcode: u8,
    /// Bytes of each frame's payload; what is left becomes one more frame.
    fragments: Vec<usize>,
    /// Taken in turn; none at all breaks the protocol (RFC 6455 5.1), which is worth seeing.
    masks: Vec<[u8; 4]>,
    /// Put behind the first frame.
    ping: Option<String>,
    /// Bytes to make up instead of the request's body.
    filler: Option<usize>,
}

impl FramesPlan {
    /// Reads a query such as `kind=text&fragments=2,3&masks=37fa213d&ping=still%20there`.
    ///
    /// # Errors
    /// 400 for names that are unknown, and values that are out of range.
    pub(super) fn read(query: &str) -> Result<Self, Refused> {
        let mut plan = Self {
            opcode: TEXT,
            fragments: Vec::new(),
            masks: vec![SAMPLE_MASK],
            ping: None,
            filler: None,
        };
        for (name, value) in query_pairs(query) {
            match (&*name, &*value) {
                ("kind", "text") => plan.opcode = TEXT,
                ("kind", "binary") => plan.opcode = BINARY,
                ("fragments", "") => plan.fragments.clear(),
                ("fragments", sizes) => plan.fragments = fragments(sizes)?,
                ("masks", "none") => plan.masks.clear(),
                ("masks", keys) => plan.masks = masks(keys)?,
                ("ping", text) if text.len() <= CONTROL_BYTES_MAX => {
                    plan.ping = Some(text.to_owned());
                }
                ("filler", count) => plan.filler = Some(filler(count)?),
                ("kind", _) => return Err(Refused::bad("`kind` is text or binary")),
                ("ping", _) => {
                    let detail = format!("a ping carries at most {CONTROL_BYTES_MAX} bytes");
                    return Err(Refused::bad(detail));
                }
                _ => {
                    let detail = "known are kind, fragments, masks, ping and filler only";
                    return Err(Refused::bad(detail));
                }
            }
        }
        Ok(plan)
    }

    /// The frames, as bytes.
    ///
    /// # Errors
    /// 400 when the fragments are more than the message.
    pub(super) fn encode(&self, message: &[u8]) -> Result<Vec<u8>, Refused> {
        let made_up;
        let message = match self.filler {
            None => message,
            Some(_) if !message.is_empty() => {
                let detail = "send a message or ask for `filler`, not both";
                return Err(Refused::bad(detail));
            }
            Some(count) => {
                // Letters, so that it is a text as well.
                made_up = (b'a'..=b'z').cycle().take(count).collect::<Vec<u8>>();
                &made_up
            }
        };
        let mut left = message;
        let mut pieces = Vec::new();
        for size in &self.fragments {
            let Some((piece, rest)) = left.split_at_checked(*size) else {
                return Err(Refused::bad(format!(
                    "the fragments are longer than the message: {}",
                    message.len()
                )));
            };
            pieces.push(piece);
            left = rest;
        }
        if pieces.is_empty() || !left.is_empty() {
            pieces.push(left);
        }
        let mut masks = self.masks.iter().copied().cycle();
        let mut bytes = Vec::with_capacity(message.len() + pieces.len() * 14);
        for (index, piece) in pieces.iter().enumerate() {
            let opcode = if index == 0 {
                self.opcode
            } else {
                CONTINUATION
            };
            let is_last = index + 1 == pieces.len();
            append(&mut bytes, is_last, opcode, masks.next(), piece);
            if let (0, Some(ping)) = (index, &self.ping) {
                append(&mut bytes, true, PING, masks.next(), ping.as_bytes());
            }
        }
        Ok(bytes)
    }
}

fn fragments(sizes: &str) -> Result<Vec<usize>, Refused> {
    let sizes: Option<Vec<usize>> = sizes
        .split(',')
        .map(|size| size.trim().parse().ok())
        .collect();
    sizes
        .filter(|sizes| sizes.len() <= FRAGMENTS_MAX)
        .ok_or_else(|| {
            Refused::bad(format!(
                "`fragments` are at most {FRAGMENTS_MAX} numbers of bytes with commas between them"
            ))
        })
}

fn masks(keys: &str) -> Result<Vec<[u8; 4]>, Refused> {
    let key = |text: &str| {
        let text = text.trim();
        let hexadecimal = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = hexadecimal.then(|| u32::from_str_radix(text, 16).ok());
        number.flatten().map(u32::to_be_bytes)
    };
    let keys: Option<Vec<[u8; 4]>> = keys.split(',').map(key).collect();
    keys.filter(|keys| keys.len() <= FRAGMENTS_MAX + 1)
        .ok_or_else(|| {
            Refused::bad(
                "`masks` are masking keys of 8 hexadecimal digits with commas between them, or none",
            )
        })
}

fn filler(count: &str) -> Result<usize, Refused> {
    let count = count.parse().ok();
    count
        .filter(|count| (1..=FILLER_BYTES_MAX).contains(count))
        .ok_or_else(|| Refused::bad(format!("`filler` is from 1 to {FILLER_BYTES_MAX} bytes")))
}
