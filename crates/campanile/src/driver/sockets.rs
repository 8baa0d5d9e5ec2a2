//! The hub's sink: this shard's sockets.

use std::io::{self, IoSlice};

use campanile_hub::{Ending, Sink, Slot, Ticket, Written};

use super::connection::Connection;

/// Connections by slot, and what the hub has said about them during a pump.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) connections: Vec<Option<Box<Connection>>>,
    pub(crate) ended: Vec<(Box<Connection>, Ending)>,
    pub(crate) settled: Vec<Ticket>,
    /// How many publications which sessions have lost, for those who want to know.
    pub(crate) dropped: Vec<(Slot, u32)>,
    /// Who wanted to be reminded.
    pub(crate) reminded: Vec<Slot>,
}

impl Sockets {
    pub(crate) fn insert(&mut self, slot: Slot, connection: Connection) {
        if self.connections.len() <= slot.index() {
            self.connections.resize_with(slot.index() + 1, || None);
        }
        self.connections[slot.index()] = Some(Box::new(connection));
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Connection> {
        self.connections.get_mut(slot.index())?.as_deref_mut()
    }

    /// Takes a connection out of the table while its callbacks run.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<Box<Connection>> {
        self.remove(slot)
    }

    /// Puts it back to where it was.
    pub(crate) fn put_back(&mut self, slot: Slot, connection: Box<Connection>) {
        if let Some(place) = self.connections.get_mut(slot.index()) {
            *place = Some(connection);
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Box<Connection>> {
        self.connections.get_mut(slot.index())?.take()
    }

    /// Gives the table's memory back once nobody is in it.
    pub(crate) fn shrink(&mut self) {
        self.connections = Vec::new();
    }
}

impl Sink for Sockets {
    fn write(&mut self, session: Slot, buffers: &[IoSlice<'_>]) -> Written {
        let Some(connection) = self.get_mut(session) else {
            // Its socket is still to come, and then the shard is told that it is writable.
            return Written::Bytes(0);
        };
        loop {
            match connection.transport.write(buffers) {
                Ok(count) => return Written::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Written::Bytes(0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Written::Gone,
            }
        }
    }

    fn end(&mut self, session: Slot, ending: Ending) {
        if let Some(connection) = self.remove(session) {
            self.ended.push((connection, ending));
        }
    }

    fn dropped(&mut self, session: Slot, publications: u32) {
        if let Some(connection) = self.get_mut(session) {
            tracing::debug!(session = %connection.session.id(), publications, "dropped by policy");
            if !connection.endpoint.callbacks.takes_drops() {
                return;
            }
            match self.dropped.last_mut() {
                Some((last, count)) if *last == session => *count += publications,
                _ => self.dropped.push((session, publications)),
            }
        }
    }

    fn settled(&mut self, ticket: Ticket) {
        self.settled.push(ticket);
    }

    fn reminded(&mut self, session: Slot) {
        self.reminded.push(session);
    }
}

#[cfg(test)]
mod tests {
    use super::Connection;

    #[test]
    fn an_idle_connection_costs_what_the_architecture_says() {
        assert_eq!(size_of::<Connection>(), 152);
        assert_eq!(size_of::<Option<Box<Connection>>>(), 8);
    }
}
