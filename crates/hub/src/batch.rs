//! Consecutive publications of one destination, copied once into buffers that all its subscribers
//! share: what queued up during the last pass goes out in one write per subscriber.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::format::{FormatId, Formats};
use crate::publication::Publication;

/// Frames longer than this are not copied: they go out from their own buffer.
pub(crate) const COPIED_FRAME_BYTES_MAX: usize = 4_096;

/// How much is copied into one buffer.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// How many publications one batch may hold.
const PUBLICATIONS_MAX: usize = 1_024;

/// How many bytes of content one batch may hold.
const CONTENT_BYTES_MAX: usize = 512 << 10;

/// How many long frames one batch may hold; with the pieces between them they fit into one write.
/// Those that only their format has made long are copied beyond it.
pub(crate) const LONG_FRAMES_MAX: usize = 8;

/// Decides how long a run of publications may grow before it is fanned out.
#[derive(Default)]
pub(crate) struct RunLimit {
    publications: usize,
    content_bytes: usize,
    long_frames: usize,
}

impl RunLimit {
    /// Counts one more publication. False when it must start a run of its own.
    pub(crate) fn admits(&mut self, publication: &Publication) -> bool {
        let bytes = publication.content().bytes().len();
        self.publications += 1;
        self.content_bytes += bytes;
        self.long_frames += usize::from(bytes > COPIED_FRAME_BYTES_MAX / 2);
        self.publications == 1
            || (self.publications <= PUBLICATIONS_MAX
                && self.content_bytes <= CONTENT_BYTES_MAX
                && self.long_frames <= LONG_FRAMES_MAX)
    }
}

/// The frames of a run in one format.
pub(crate) struct Batch {
    pieces: Vec<Bytes>,
    /// For each publication the piece that it begins in and where.
    starts: Vec<(usize, usize)>,
    lengths: Vec<usize>,
}

impl Batch {
    pub(crate) fn new(run: &[Arc<Publication>], formats: &Formats, format: FormatId) -> Self {
        let frames: Vec<Bytes> = run.iter().map(|one| one.encoded(formats, format)).collect();
        let mut batch = Self {
            pieces: Vec::new(),
            starts: Vec::with_capacity(frames.len()),
            lengths: frames.iter().map(Bytes::len).collect(),
        };
        if let [only] = frames.as_slice() {
            batch.starts.push((0, 0));
            batch.pieces.push(only.clone());
            return batch;
        }
        let mut copied = BytesMut::new();
        let mut long_frames = 0;
        for frame in frames {
            if frame.len() > COPIED_FRAME_BYTES_MAX && long_frames < LONG_FRAMES_MAX {
                long_frames += 1;
                batch.finish_piece(&mut copied);
                batch.starts.push((batch.pieces.len(), 0));
                batch.pieces.push(frame);
            } else {
                if copied.len() + frame.len() > PIECE_BYTES_MAX {
                    batch.finish_piece(&mut copied);
                }
                batch.starts.push((batch.pieces.len(), copied.len()));
                copied.extend_from_slice(&frame);
            }
        }
        batch.finish_piece(&mut copied);
        batch
    }

    fn finish_piece(&mut self, copied: &mut BytesMut) {
        if !copied.is_empty() {
            self.pieces.push(copied.split().freeze());
        }
    }

    /// The one buffer that holds everything, as nearly all batches have.
    pub(crate) fn only_slice(&self, first: usize) -> Option<IoSlice<'_>> {
        let (&(_, offset), [piece]) = (self.starts.get(first)?, self.pieces.as_slice()) else {
            return None;
        };
        Some(IoSlice::new(&piece[offset..])).filter(|slice| !slice.is_empty())
    }

    /// The buffers from the publication at `first` on.
    pub(crate) fn slices<'a>(&'a self, first: usize, out: &mut Vec<IoSlice<'a>>) {
        let Some(&(piece, offset)) = self.starts.get(first) else {
            return;
        };
        // A format may have nothing to say about a publication: then there may be no piece.
        let offsets = std::iter::once(offset).chain(std::iter::repeat(0));
        let parts = self.pieces[piece..].iter().zip(offsets);
        out.extend(
            parts
                .map(|(piece, offset)| IoSlice::new(&piece[offset..]))
                .filter(|part| !part.is_empty()),
        );
    }

    /// Which publication holds the byte `written` bytes after the start of `first`, and how many
    /// of its own bytes come before. `None` when everything was written.
    pub(crate) fn unfinished(&self, first: usize, written: usize) -> Option<(usize, usize)> {
        let mut left = written;
        for (index, length) in self.lengths.iter().enumerate().skip(first) {
            if left < *length {
                return Some((index, left));
            }
            left -= length;
        }
        None
    }
}
