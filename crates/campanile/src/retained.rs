//! What destinations have kept for those who subscribe later, as seen from anywhere.

use std::sync::Arc;

use campanile_hub::Publication;

use crate::handle::Handle;

impl Handle {
    /// The last publication that a destination has kept; those that match what
    /// [`Broker::retained`](crate::Broker::retained) was given do.
    pub fn retained(&self, destination: &str) -> Option<Arc<Publication>> {
        self.hub().retained(destination)
    }

    /// Lets go of what a destination has kept, and answers whether there was something. Who
    /// subscribes from now on gets what is published next.
    pub fn forget(&self, destination: &str) -> bool {
        self.hub().forget(destination)
    }

    /// How many destinations have kept their last publication, and how many bytes that is, as
    /// [`RetainedLimits`](crate::RetainedLimits) count them.
    pub fn retained_size(&self) -> (usize, usize) {
        self.hub().retained_size()
    }
}
