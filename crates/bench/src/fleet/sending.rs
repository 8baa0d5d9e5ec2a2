//! What sessions send.

use std::io;

use campanile_websocket::{Opcode, append_frame};

use super::Fleet;
use crate::{deflate::Inflation, dialect, session::State, tally::Tally};

impl Fleet {
    /// Sends a message from a session, compressed where that was agreed upon.
    pub(crate) fn publish(&mut self, index: usize, payload: &[u8]) -> io::Result<()> {
        let session = &mut self.sessions[index];
        let (whole, compressed) = &mut self.scratch;
        let (before, behind) = dialect::envelope(self.plan.dialect, &session.destination);
        whole.clear();
        for part in [before.as_bytes(), payload, behind.as_bytes()] {
            whole.extend_from_slice(part);
        }
        if matches!(session.inflation, Inflation::None) {
            return session.push(Opcode::Text, whole, &mut self.shared.masks);
        }
        self.shared.deflate.compress(whole, compressed)?;
        let start = session.out.len();
        let mask = self.shared.masks.take::<4>()?;
        append_frame(&mut session.out, true, Opcode::Text, compressed, Some(mask));
        // RSV1: the message is compressed (RFC 7692 6).
        session.out[start] |= 0x40;
        Ok(())
    }

    /// Sends a ping from a session, to be flushed.
    pub(crate) fn ping(&mut self, index: usize, payload: &[u8]) -> io::Result<()> {
        self.sessions[index].push(Opcode::Ping, payload, &mut self.shared.masks)
    }

    /// Writes what waits for a session's socket. A connection that has broken is found when it is
    /// read.
    pub(crate) fn flush(&mut self, index: usize) {
        if self.sessions[index].flush().is_err() {
            self.ready.push_back(index as u32);
        }
    }

    /// Lets an open session begin to leave with a Close frame.
    pub(crate) fn leave(&mut self, index: usize, tally: &mut Tally) -> io::Result<()> {
        if !self.is_open(index) {
            return Ok(());
        }
        let session = &mut self.sessions[index];
        tally.leave(session.channel, &session.ledger);
        session.state = State::Leaving { is_ours: true };
        session.is_paused = false;
        let going_away = 1001_u16.to_be_bytes();
        session.push(Opcode::Close, &going_away, &mut self.shared.masks)?;
        self.flush(index);
        self.ready.push_back(index as u32);
        Ok(())
    }
}
