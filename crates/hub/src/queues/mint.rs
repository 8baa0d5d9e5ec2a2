//! Gives messages of queues their places in the log.

use std::sync::Arc;

use crate::destination::Destination;
use crate::moment::Moment;
use crate::publication::{Message, Publication, PublicationId};

/// Gives publications their positions.
pub(crate) struct Mint<'a> {
    pub(crate) epoch: u64,
    pub(crate) position: &'a mut u64,
}

impl Mint<'_> {
    /// A message of a queue is encoded for the one consumer that it goes to: it has no room for
    /// encodings that many share, which would be most of what it costs while it waits.
    pub(crate) fn publication(
        &mut self,
        destination: Destination,
        message: Message,
    ) -> Arc<Publication> {
        *self.position += 1;
        let id = PublicationId {
            epoch: self.epoch,
            position: *self.position,
        };
        // Its queue knows its age.
        let unknown = Moment::default();
        Arc::new(Publication::new(id, unknown, destination, message, 0))
    }
}
