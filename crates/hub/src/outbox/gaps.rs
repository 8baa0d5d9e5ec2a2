//! Gap markers: what a subscription is told in the place of publications that a policy has dropped.
//!
//! A marker stands where the dropped publication stood, so that nothing newer of its subscription
//! is written before it. Several that stand together are one. So there are never more of them than
//! one for each subscription between two publications; and nothing is let in behind them unless
//! there is room for it, so that what waits exceeds a policy's bytes by one marker for each
//! subscription at most.

use std::fmt;
use std::sync::Arc;

use super::{Frame, Outbox};
use crate::destination::Destination;
use crate::format::{Format, Gap};
use crate::moment::Moment;
use crate::publication::{Publication, PublicationId};

/// What a frame is: a publication for a subscription, or the marker of some that were dropped.
#[derive(Clone)]
pub(crate) struct Origin {
    format: Arc<dyn Format>,
    label: Box<str>,
    /// Of the publication, or of the last that was dropped.
    destination: Destination,
    id: PublicationId,
    /// How many were dropped, if it is a marker.
    dropped: u32,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("label", &self.label)
            .field("id", &self.id)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl Origin {
    pub(crate) fn new(format: &Arc<dyn Format>, label: &str, publication: &Publication) -> Self {
        Self {
            format: Arc::clone(format),
            label: label.into(),
            destination: publication.destination().clone(),
            id: publication.id(),
            dropped: 0,
        }
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// How many publications it stands for once it is a marker.
    fn lost(&self) -> u32 {
        self.dropped.max(1)
    }

    /// A marker for all that both stand for.
    fn with(&self, other: &Self) -> Self {
        let last = if self.id.position < other.id.position {
            other
        } else {
            self
        };
        Self {
            dropped: self.lost().saturating_add(other.lost()),
            ..last.clone()
        }
    }

    /// The marker, if the format has such a thing.
    fn marker(&self) -> Option<Frame> {
        let gap = Gap {
            label: &self.label,
            destination: &self.destination,
            dropped: self.lost(),
            last: self.id,
        };
        let body = self.format.gap(&gap)?;
        let origin = Self {
            dropped: gap.dropped,
            ..self.clone()
        };
        Some(Frame {
            origin: Some(Arc::new(origin)),
            ..Frame::reply(body)
        })
    }
}

impl Frame {
    /// Whether it tells of publications that were dropped.
    pub(super) fn is_marker(&self) -> bool {
        self.origin
            .as_ref()
            .is_some_and(|origin| origin.dropped > 0)
    }

    fn marks_same_as(&self, other: &Origin) -> bool {
        let origin = self.origin.as_ref();
        origin.is_some_and(|one| one.dropped > 0 && one.label == other.label)
    }
}

impl Outbox {
    /// Drops the frame at this place; a marker takes it, or one beside it counts it.
    pub(super) fn drop_at(&mut self, index: usize) {
        let Some(origin) = self
            .frames
            .get(index)
            .and_then(|(one, _)| one.origin.clone())
        else {
            self.remove(index);
            return;
        };
        if let Some(place) = self.marker_beside(index, &origin) {
            self.merge_into(place, &origin);
            self.remove(index);
            return;
        }
        let Some(marker) = origin.marker() else {
            self.remove(index);
            return;
        };
        if let Some((frame, since)) = self.frames.get_mut(index) {
            self.cost = self.cost - frame.cost() + marker.cost();
            let since = *since;
            *frame = marker;
            self.was_dropped(since);
        }
    }

    /// Notes behind all that waits that something was dropped, or a marker says that some were.
    pub(super) fn mark_newest(&mut self, origin: Option<&Arc<Origin>>, now: Moment) {
        let Some(origin) = origin else {
            return;
        };
        if let Some(place) = self.marker_before(self.frames.len(), origin) {
            self.merge_into(place, origin);
        } else if let Some(marker) = origin.marker() {
            self.push_unchecked(marker, now);
        }
    }

    /// Where the marker of the same subscription is with no publication between it and this place.
    fn marker_beside(&self, index: usize, origin: &Origin) -> Option<usize> {
        self.marker_before(index, origin).or_else(|| {
            let after = self.frames.iter().enumerate().skip(index + 1);
            let mut markers = after.take_while(|(_, (one, _))| !one.droppable);
            let found = markers.find(|(_, (one, _))| one.marks_same_as(origin));
            found.map(|(place, _)| place)
        })
    }

    fn marker_before(&self, index: usize, origin: &Origin) -> Option<usize> {
        // What the peer has begun to see does not change any more.
        let started = usize::from(self.head_written > 0);
        let before = self.frames.range(started.min(index)..index);
        let mut markers = before.enumerate().rev();
        let found = markers
            .by_ref()
            .take_while(|(_, (one, _))| !one.droppable)
            .find(|(_, (one, _))| one.marks_same_as(origin));
        found.map(|(place, _)| place + started)
    }

    fn merge_into(&mut self, place: usize, origin: &Origin) {
        let Some((frame, _)) = self.frames.get_mut(place) else {
            return;
        };
        let merged = frame.origin.as_ref().map(|one| one.with(origin));
        if let Some(marker) = merged.and_then(|merged| merged.marker()) {
            self.cost = self.cost - frame.cost() + marker.cost();
            *frame = marker;
        }
    }
}
