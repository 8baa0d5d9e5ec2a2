//! The wire format of the tests: frames with a length in front, so that the receiving side can
//! tell exactly what it got however the bytes were cut.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use campanile_hub::{Content, Format, Gap, Publication};

/// Length, kind, content.
pub(crate) const FRAME_HEADER_BYTES: usize = 5;

/// A format that counts how often it encodes.
#[derive(Default)]
pub(crate) struct Wire {
    /// Whether each subscriber gets its label in front of a publication.
    pub(crate) is_labelled: bool,
    /// Whether the protocol has no close frame.
    pub(crate) is_mute: bool,
    /// How many times a publication was encoded.
    pub(crate) encodes: AtomicUsize,
}

fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(FRAME_HEADER_BYTES + length);
    out.extend((length as u32).to_be_bytes());
    out.push(kind);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A reply as the tests encode it.
pub(crate) fn reply_frame(content: &[u8]) -> Bytes {
    frame(b'R', &[content]).into()
}

/// A close frame as the tests encode it.
pub(crate) fn close_frame(code: u16, reason: &str) -> Bytes {
    frame(b'C', &[&code.to_be_bytes(), reason.as_bytes()]).into()
}

impl Format for Wire {
    fn encode_content(&self, content: &Content) -> Bytes {
        reply_frame(content.bytes())
    }

    fn encode(&self, publication: &Publication) -> Bytes {
        self.encodes.fetch_add(1, Ordering::Relaxed);
        let position = publication.id().position.to_be_bytes();
        frame(b'P', &[&position, publication.content().bytes()]).into()
    }

    fn prefix(&self, publication: &Publication, label: &str, _: &[u8], out: &mut Vec<u8>) {
        if self.is_labelled {
            let position = publication.id().position.to_be_bytes();
            out.extend(frame(b'L', &[&position, label.as_bytes()]));
        }
    }

    /// As the label alone, but a message that was delivered before tells how often.
    fn delivery_prefix(
        &self,
        publication: &Publication,
        label: &str,
        deliveries: u32,
        shared: &[u8],
        out: &mut Vec<u8>,
    ) {
        match deliveries {
            1 => self.prefix(publication, label, shared, out),
            again => self.prefix(publication, &format!("{label}*{again}"), shared, out),
        }
    }

    fn gap(&self, gap: &Gap<'_>) -> Option<Bytes> {
        let (position, dropped) = (gap.last.position.to_be_bytes(), gap.dropped.to_be_bytes());
        let parts: [&[u8]; 3] = [&position, &dropped, gap.label.as_bytes()];
        self.is_labelled.then(|| frame(b'G', &parts).into())
    }

    fn has_prefix(&self) -> bool {
        self.is_labelled
    }

    fn ping(&self) -> Option<Bytes> {
        Some(reply_frame(b"ping"))
    }

    fn close(&self, code: u16, reason: &str) -> Option<Bytes> {
        (!self.is_mute).then(|| close_frame(code, reason))
    }
}

/// What a peer has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Publication {
        label: Option<String>,
        position: u64,
        content: Vec<u8>,
    },
    Reply(Vec<u8>),
    /// So many were dropped, up to this position.
    Gap {
        label: String,
        dropped: u32,
        last: u64,
    },
    Close {
        code: u16,
        reason: String,
    },
}

impl Received {
    /// The content as text, or the close code.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Publication { content, .. } | Self::Reply(content) => text(content),
            Self::Gap {
                label,
                dropped,
                last,
            } => format!("{label} lost {dropped} to {last}"),
            Self::Close { code, .. } => format!("close {code}"),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(bytes: &[u8]) -> (u64, &[u8]) {
    let (head, rest) = bytes.split_first_chunk().expect("a position in front");
    (u64::from_be_bytes(*head), rest)
}

/// Cuts a byte stream into frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: Vec<u8>,
    label: Option<(u64, String)>,
}

impl Decoder {
    /// Takes bytes and appends what they have completed.
    pub(crate) fn take(&mut self, bytes: &[u8], received: &mut Vec<Received>) {
        self.buffer.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some((header, rest)) =
            self.buffer[begin..].split_first_chunk::<FRAME_HEADER_BYTES>()
        {
            let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
            assert!(length < 1 << 26, "not a frame header: {header:?}");
            let Some(content) = rest.get(..length) else {
                break;
            };
            begin += FRAME_HEADER_BYTES + length;
            received.extend(Self::read(header[4], content, &mut self.label));
        }
        self.buffer.drain(..begin);
    }

    fn read(kind: u8, content: &[u8], label: &mut Option<(u64, String)>) -> Option<Received> {
        if kind == b'L' {
            assert!(label.is_none(), "two labels in a row");
            let (position, rest) = number(content);
            *label = Some((position, text(rest)));
            return None;
        }
        let label = label.take();
        match kind {
            b'P' => {
                let (position, content) = number(content);
                if let Some((labelled, _)) = &label {
                    assert_eq!(*labelled, position, "a label stands before its publication");
                }
                let label = label.map(|(_, label)| label);
                Some(Received::Publication {
                    label,
                    position,
                    content: content.to_vec(),
                })
            }
            b'R' => {
                assert!(label.is_none(), "a label before a reply");
                Some(Received::Reply(content.to_vec()))
            }
            b'G' => {
                assert!(label.is_none(), "a label before a marker");
                let (last, rest) = number(content);
                let (dropped, label) = rest.split_first_chunk().expect("a number");
                Some(Received::Gap {
                    label: text(label),
                    dropped: u32::from_be_bytes(*dropped),
                    last,
                })
            }
            b'C' => {
                assert!(label.is_none(), "a label before a close frame");
                let (code, reason) = content.split_first_chunk().expect("a close code");
                Some(Received::Close {
                    code: u16::from_be_bytes(*code),
                    reason: text(reason),
                })
            }
            _ => panic!("not a kind of frame: {kind}"),
        }
    }
}
