//! Inflating messages, a small piece at a time (RFC 7692 7.2.2).

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use flate2::{Decompress, FlushDecompress, Status};

use super::TAIL;
use crate::{
    error::DecodeError,
    inflate::{Inflate, InflateOutput, Inflaters},
};

/// How much is inflated at once: the most that is done in vain for a message that is too long.
const PIECE_BYTES: usize = 4_096;

/// An empty block without compression that is the last: only at the end of a block is it one.
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];

/// How many inflaters a pool keeps.
const SPARES_MAX: usize = 2;

/// Inflates one message after another, from peers that refer back by up to 32,768 octets. That is
/// as far as DEFLATE can express, so the window is kept to exactly; and nothing before the message
/// itself can be reached.
struct Inflater {
    state: Decompress,
    piece: [u8; PIECE_BYTES],
    /// What the message has come to so far.
    at: Place,
}

/// Where in a message an inflater is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing of it has come.
    Start,
    /// Within it.
    Within,
    /// Behind a block that is marked as the last.
    BehindLastBlock,
}

impl Inflater {
    fn new() -> Self {
        Self {
            // The largest window, which is what holds: see `accept_deflate`.
            state: Decompress::new(false),
            piece: [0; PIECE_BYTES],
            at: Place::Start,
        }
    }

    /// Inflates all of `input`.
    fn feed(
        &mut self,
        mut input: &[u8],
        output: &mut InflateOutput<'_>,
    ) -> Result<(), DecodeError> {
        while !input.is_empty() {
            if self.at == Place::BehindLastBlock {
                // More may follow; it cannot refer to what came before (RFC 7692 7.2.3.4).
                self.state.reset(false);
            }
            self.at = Place::Within;
            loop {
                let (taken, given) = (self.state.total_in(), self.state.total_out());
                let status = self
                    .state
                    .decompress(input, &mut self.piece, FlushDecompress::None)
                    .map_err(|_| DecodeError::InflateFailed)?;
                let taken = (self.state.total_in() - taken) as usize;
                let given = (self.state.total_out() - given) as usize;
                input = input.get(taken..).ok_or(DecodeError::InflateFailed)?;
                if given > 0 {
                    output(&self.piece[..given])?;
                }
                if status == Status::StreamEnd {
                    self.at = Place::BehindLastBlock;
                    break;
                }
                if given < PIECE_BYTES {
                    // It stops before the piece is full only for want of input.
                    if !input.is_empty() {
                        return Err(DecodeError::InflateFailed);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Ends a message, which must not stop within a block.
    fn finish(&mut self) -> Result<(), DecodeError> {
        let whole = match self.at {
            // Not what RFC 7692 7.2.1 asks for, but what senders make of an empty message, and of
            // a last block that ends with an octet. There is only one thing that they can mean.
            Place::Start | Place::BehindLastBlock => true,
            Place::Within => {
                let mut nothing = |_: &[u8]| Err(DecodeError::InflateFailed);
                self.feed(&TAIL, &mut nothing)?;
                if self.at == Place::Within {
                    self.feed(&LAST_BLOCK, &mut nothing)?;
                }
                self.at == Place::BehindLastBlock
            }
        };
        if !whole {
            return Err(DecodeError::InflateFailed);
        }
        if self.at != Place::Start {
            self.state.reset(false);
            self.at = Place::Start;
        }
        Ok(())
    }
}

impl Inflate for Inflater {
    fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut InflateOutput<'_>,
    ) -> Result<(), DecodeError> {
        self.feed(input, output)?;
        if last { self.finish() } else { Ok(()) }
    }
}

/// Lends inflaters, and keeps the last few for whoever needs one next. One of them holds up to
/// 50 KiB. Meant for all connections of a thread; others may share it.
#[derive(Default)]
pub struct InflaterPool {
    spares: Mutex<Vec<Box<dyn Inflate>>>,
}

impl InflaterPool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// Frees what is kept.
    pub fn shrink(&self) {
        *self.spares() = Vec::new();
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn Inflate>>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inflaters for InflaterPool {
    fn lend(&self) -> Box<dyn Inflate> {
        let spare = self.spares().pop();
        spare.unwrap_or_else(|| Box::new(Inflater::new()))
    }

    fn take_back(&self, inflater: Box<dyn Inflate>) {
        let mut spares = self.spares();
        if spares.len() < SPARES_MAX {
            spares.push(inflater);
        }
    }
}

impl fmt::Debug for InflaterPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InflaterPool")
            .field("spares", &self.spares().len())
            .finish()
    }
}
