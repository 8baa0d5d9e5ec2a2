//! A client without WebSocket that a test drives by hand.

use std::rc::Rc;

use super::client::ROOM_BYTES;
use super::stage::Stage;
use crate::driver::MemoryPeer;

/// A connection of bytes, as STOMP clients open them over TCP; see
/// [`TestApplication::connect_tcp`](super::TestApplication::connect_tcp). Dropping it breaks the
/// connection off.
pub struct TestConnection {
    stage: Rc<Stage>,
    peer: MemoryPeer,
}

impl TestConnection {
    pub(super) fn new(stage: Rc<Stage>, peer: MemoryPeer) -> Self {
        Self { stage, peer }
    }

    /// Sends bytes, which arrive together.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.peer.send(bytes.as_ref());
        self.stage.settle();
    }

    /// What has come since this was asked last.
    pub fn received(&mut self) -> Vec<u8> {
        self.stage.settle();
        self.peer.take()
    }

    /// Stops reading, with room for so many more bytes on the way: a slow consumer.
    pub fn stop_reading(&mut self, room: usize) {
        self.peer.set_room(room);
    }

    /// Reads again.
    pub fn go_on_reading(&mut self) {
        self.peer.set_room(ROOM_BYTES);
    }

    /// Sends no more, and still reads.
    pub fn end_sending(&mut self) {
        self.peer.end_sending();
        self.stage.settle();
    }

    /// Whether the server has closed the connection.
    pub fn has_ended(&mut self) -> bool {
        self.stage.settle();
        self.peer.is_closed()
    }
}

impl Drop for TestConnection {
    fn drop(&mut self) {
        self.peer.leave();
        self.stage.settle();
    }
}

impl std::fmt::Debug for TestConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestConnection").finish_non_exhaustive()
    }
}
