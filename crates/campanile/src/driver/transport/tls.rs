//! TLS over a socket that does not block.
//!
//! Bytes that are encrypted and that the socket does not take wait within rustls: never more than
//! about one record, since nothing further is encrypted before they are gone. So the outbox keeps
//! its meaning: what waits, waits there.

use std::io::{self, IoSlice, Read, Write};

use mio::net::TcpStream;
use rustls::ServerConnection;

use super::super::shard_driver::READ_BUFFER_BYTES;

/// How much is encrypted at once: the most that a record holds (RFC 8446 5.1).
const RECORD_BYTES_MAX: usize = 16 << 10;

/// Slices that one record is gathered from.
const SLICES_PER_RECORD: usize = 16;

/// More than the beginning of a record that rustls may hold from an earlier read (RFC 5246 6.2.3).
const HELD_BYTES_MAX: usize = 20 << 10;

const _: () = assert!(READ_BUFFER_BYTES >= 2 * HELD_BYTES_MAX);

/// An established TLS session and its socket.
pub(crate) struct TlsTransport {
    socket: TcpStream,
    session: ServerConnection,
    /// The last read has left nothing, neither in the socket nor decrypted.
    has_given_all: bool,
}

impl TlsTransport {
    /// Takes over a session whose handshake is complete.
    pub(crate) fn new(socket: TcpStream, mut session: ServerConnection) -> Self {
        session.set_buffer_limit(Some(RECORD_BYTES_MAX));
        Self {
            socket,
            session,
            has_given_all: false,
        }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    pub(super) fn has_given_all(&self) -> bool {
        self.has_given_all
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.has_given_all = false;
        // What came with the handshake, or was left when a turn ended, is there already.
        let has_closed = self.peer_has_closed()?;
        let count = self.decrypted(buffer)?;
        if count > 0 || has_closed {
            return Ok(count);
        }
        loop {
            let space = buffer.len() - HELD_BYTES_MAX;
            let arrived = self.socket.read(&mut buffer[HELD_BYTES_MAX..])?;
            if arrived == 0 {
                // Without a close_notify, but WebSocket has a closing handshake of its own.
                return Ok(0);
            }
            let count = self.decrypt(buffer, HELD_BYTES_MAX + arrived)?;
            let has_closed = self.peer_has_closed()?;
            if count > 0 || has_closed {
                self.has_given_all = arrived < space && !has_closed;
                return Ok(count);
            }
        }
    }

    /// Decrypts what stands in the buffer from [`HELD_BYTES_MAX`] up to `end`, to the buffer's
    /// beginning: what comes out is never longer than what rustls has held and has been given.
    fn decrypt(&mut self, buffer: &mut [u8], end: usize) -> io::Result<usize> {
        let (mut plain, mut taken) = (0, HELD_BYTES_MAX);
        while taken < end {
            let read = self.session.read_tls(&mut &buffer[taken..end])?;
            if read == 0 {
                // Behind the peer's close_notify nothing counts (RFC 8446 6.1).
                break;
            }
            taken += read;
            let processed = self.session.process_new_packets();
            // An alert that says what was wrong, or the answer to a key update. What the socket
            // does not take now goes out when it is writable.
            let flushed = self.flush();
            processed.map_err(io::Error::other)?;
            match flushed {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            loop {
                let count = self.decrypted(&mut buffer[plain..taken])?;
                if count == 0 {
                    break;
                }
                plain += count;
            }
        }
        Ok(plain)
    }

    /// Takes decrypted bytes; 0 when there are none.
    fn decrypted(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.session.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Whether the peer's close_notify has come.
    fn peer_has_closed(&mut self) -> io::Result<bool> {
        let state = self.session.process_new_packets();
        Ok(state.map_err(io::Error::other)?.peer_has_closed())
    }

    pub(super) fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.flush()?;
        let mut place = Place::default();
        // Behind empty slices at the beginning.
        place.pass(buffers, 0);
        loop {
            let mut record = [IoSlice::new(&[]); SLICES_PER_RECORD];
            let slices = place.gather(buffers, &mut record);
            if slices == 0 {
                return Ok(place.passed);
            }
            let count = self.session.writer().write_vectored(&record[..slices])?;
            place.pass(buffers, count);
            match self.flush() {
                Ok(()) if count > 0 => {}
                Ok(()) => return Ok(place.passed),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(place.passed);
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> bool {
        self.session.send_close_notify();
        matches!(self.flush(), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// How far writing has come within several slices.
#[derive(Default)]
struct Place {
    slice: usize,
    offset: usize,
    passed: usize,
}

impl Place {
    /// Fills one record, or as much of it as its slices allow.
    fn gather<'a>(&self, buffers: &'a [IoSlice<'_>], record: &mut [IoSlice<'a>]) -> usize {
        let (mut offset, mut room, mut slices) = (self.offset, RECORD_BYTES_MAX, 0);
        let rest = buffers.get(self.slice..).unwrap_or_default();
        for (from, to) in rest.iter().zip(record) {
            let bytes = &from[offset..];
            let bytes = &bytes[..bytes.len().min(room)];
            *to = IoSlice::new(bytes);
            slices += 1;
            offset = 0;
            room -= bytes.len();
            if room == 0 {
                break;
            }
        }
        slices
    }

    fn pass(&mut self, buffers: &[IoSlice<'_>], count: usize) {
        self.passed += count;
        self.offset += count;
        while let Some(slice) = buffers.get(self.slice)
            && self.offset >= slice.len()
        {
            self.offset -= slice.len();
            self.slice += 1;
        }
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod over_sockets;

#[cfg(test)]
mod tests {
    use super::*;

    /// What one write after the other takes, when each takes at most so many bytes.
    fn pieces(buffers: &[&[u8]], at_most: usize) -> Vec<u8> {
        let buffers: Vec<IoSlice<'_>> = buffers.iter().map(|one| IoSlice::new(one)).collect();
        let (mut place, mut written) = (Place::default(), Vec::new());
        loop {
            let mut record = [IoSlice::new(&[]); SLICES_PER_RECORD];
            let slices = place.gather(&buffers, &mut record);
            if slices == 0 {
                assert_eq!(place.passed, written.len());
                return written;
            }
            let offered: Vec<u8> = record[..slices]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            assert!(offered.len() <= RECORD_BYTES_MAX);
            let count = offered.len().min(at_most);
            written.extend_from_slice(&offered[..count]);
            place.pass(&buffers, count);
        }
    }

    #[test]
    fn records_are_gathered_from_slices_in_order() {
        let long: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
        let many = vec![&b"xyz"[..]; 50];
        for at_most in [1, 7, 16_384, usize::MAX] {
            assert_eq!(pieces(&[b"ab", b"", b"c"], at_most), b"abc");
            assert_eq!(pieces(&many, at_most), b"xyz".repeat(50));
        }
        let all = pieces(&[b"head", &long, b"", &long, b"tail"], 10_000);
        assert_eq!(all, [b"head", &long[..], &long[..], b"tail"].concat());
        assert!(pieces(&[], 1).is_empty() && pieces(&[b""], 1).is_empty());
    }
}
