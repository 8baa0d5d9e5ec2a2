//! What all handlers of an application share.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::handle::Handle;

/// Values by type.
#[derive(Default)]
pub(crate) struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    pub(crate) fn set<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(value));
    }

    pub(crate) fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }
}

/// What all handlers of an application share: its state and its handle.
pub struct Application {
    states: Arc<States>,
    handle: Handle,
}

impl Application {
    pub(crate) fn new(states: Arc<States>, handle: Handle) -> Self {
        Self { states, handle }
    }

    /// The state of this type, if the builder was given one.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.states.0.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// The handle to publish with.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("states", &self.states.0.len())
            .finish_non_exhaustive()
    }
}
