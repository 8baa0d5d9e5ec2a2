//! How a peer sends: whole, for as long as the program reads, or while it reads itself.

use std::{io, pin::pin, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Frame, Raw, raw::take_frame, within};

impl Raw {
    /// Sends all of `bytes`.
    ///
    /// # Panics
    /// When the program closes or stops reading.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = within("the program's reading", self.stream.write_all(bytes)).await;
        sent.expect("the program reads");
    }

    /// Sends all of `bytes`, unless the program closes first, and keeps what comes meanwhile.
    ///
    /// Who does not read until all is sent may come too late for why the program closes: it listens
    /// to a flood for some seconds and a mebibyte only, and the reset after them takes with it what
    /// was not read. Behind a proxy even that may be too late: send less, and the rest behind the
    /// [close](Self::expect_close_frame).
    ///
    /// # Errors
    /// Those of the socket.
    ///
    /// # Panics
    /// When the program neither closes nor reads.
    pub async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let received = &mut self.received;
        let (mut reader, mut writer) = self.stream.split();
        let mut sending = pin!(writer.write_all(bytes));
        let both = async {
            loop {
                let read = tokio::select! {
                    sent = &mut sending => return sent,
                    read = reader.read_buf(received) => read,
                };
                // After the end nothing more comes, and the rest may still go out.
                if !matches!(read, Ok(1..)) {
                    return sending.await;
                }
            }
        };
        within("the program's reading", both).await
    }

    /// Sends `bytes` for as long as the program reads them; returns whether it took all.
    ///
    /// `false`: the connection was closed, or the program has not read for the time `stalled`.
    pub async fn send_until_stalled(&mut self, bytes: &[u8], stalled: Duration) -> bool {
        let sending = self.stream.write_all(bytes);
        matches!(tokio::time::timeout(stalled, sending).await, Ok(Ok(())))
    }

    /// Sends `bytes` without reading until the program takes no more, or `stalled` is over; then
    /// reads while the rest goes out, until `count` frames have come.
    ///
    /// # Panics
    /// When fewer frames come, the program closes, or it does not read on.
    pub async fn send_and_read_late(
        &mut self,
        bytes: &[u8],
        count: usize,
        stalled: Duration,
    ) -> Vec<Frame> {
        let (received, may_compress) = (&mut self.received, self.may_compress);
        let (mut reader, mut writer) = self.stream.split();
        let mut sending = pin!(writer.write_all(bytes));
        let sent = tokio::time::timeout(stalled, &mut sending).await;
        let rest = async {
            match sent {
                Ok(result) => result,
                Err(_) => sending.await,
            }
        };
        let reading = async {
            let mut frames = Vec::with_capacity(count);
            while frames.len() < count {
                match take_frame(received, may_compress) {
                    Some(close) if close.opcode == 8 => {
                        let reason = String::from_utf8_lossy(&close.payload[2..]);
                        panic!("closed after {} of {count} frames: {reason}", frames.len());
                    }
                    Some(frame) => frames.push(frame),
                    None => match within("a frame", reader.read_buf(received)).await {
                        Ok(1..) => {}
                        end => panic!("{end:?} after {} frames of {count}", frames.len()),
                    },
                }
            }
            frames
        };
        let (rest, frames) = tokio::join!(rest, reading);
        rest.expect("the program reads");
        frames
    }
}
