//! One place in the index: where it hangs, what is below it, and the entries that end there.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::globs::Globs;

/// Stands for "no node". Nodes are numbered up to 2^31: see the limit of entries.
pub(super) const NONE: u32 = u32::MAX;

/// How a node is reached from the one above it.
#[derive(Clone, Debug)]
pub(super) enum Edge {
    /// From nowhere: it stands for one whole destination.
    Whole(Arc<str>),
    /// From nowhere: all patterns of one kind begin here. The number is its place in the table.
    Root(usize),
    /// By a segment with this text; the empty one is a separator at the very end.
    Literal(Arc<str>),
    /// By a segment that fits wildcards.
    Glob(Arc<str>),
    /// By any segment.
    Any,
    /// By any segment, as the last one, or by nothing but a separator at the very end.
    Last,
    /// By any number of segments.
    Rest,
}

/// A value and the number of its entry.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub(super) value: T,
    pub(super) entry: u32,
}

#[derive(Debug)]
pub(super) struct Node<T> {
    pub(super) edge: Edge,
    /// The node above, `NONE` for those reached from nowhere.
    pub(super) parent: u32,
    pub(super) any: u32,
    pub(super) last: u32,
    pub(super) rest: u32,
    /// Whether a search can reach it in several ways: a `**` is above.
    pub(super) follows_rest: bool,
    /// Most nodes have none: leaves, and those with a wildcard below.
    pub(super) branches: Option<Box<Branches>>,
    /// Those whose pattern ends here.
    pub(super) entries: Vec<Listed<T>>,
}

/// The nodes below that need a table.
#[derive(Debug, Default)]
pub(super) struct Branches {
    pub(super) literals: HashMap<Arc<str>, u32>,
    pub(super) globs: Option<Box<Globs>>,
}

impl<T> Node<T> {
    pub(super) fn new(edge: Edge, parent: u32, follows_rest: bool) -> Self {
        Self {
            edge,
            parent,
            any: NONE,
            last: NONE,
            rest: NONE,
            follows_rest,
            branches: None,
            entries: Vec::new(),
        }
    }

    /// Whether nothing needs it any more.
    pub(super) fn is_bare(&self) -> bool {
        self.entries.is_empty() && self.rest == NONE && self.last == NONE && !self.has_steps()
    }

    /// Whether there are nodes below that a segment leads to, wherever it stands.
    pub(super) fn has_steps(&self) -> bool {
        self.any != NONE || self.branches.is_some()
    }

    /// The node below, at the end of this edge.
    pub(super) fn below(&self, edge: &Edge) -> Option<u32> {
        let node = match edge {
            Edge::Whole(_) | Edge::Root(_) => None,
            Edge::Literal(text) => self.literal(text),
            Edge::Glob(text) => self.globs().and_then(|globs| globs.node(text)),
            Edge::Any => Some(self.any),
            Edge::Last => Some(self.last),
            Edge::Rest => Some(self.rest),
        };
        node.filter(|node| *node != NONE)
    }

    pub(super) fn literal(&self, text: &str) -> Option<u32> {
        let branches = self.branches.as_ref()?;
        branches.literals.get(text).copied()
    }

    pub(super) fn globs(&self) -> Option<&Globs> {
        self.branches.as_ref()?.globs.as_deref()
    }

    /// Hangs a node below.
    pub(super) fn attach(&mut self, edge: &Edge, node: u32) {
        match edge {
            Edge::Whole(_) | Edge::Root(_) => {}
            Edge::Literal(text) => {
                let literals = &mut self.branches.get_or_insert_default().literals;
                literals.insert(text.clone(), node);
            }
            Edge::Glob(text) => {
                let globs = &mut self.branches.get_or_insert_default().globs;
                globs.get_or_insert_default().insert(text.clone(), node);
            }
            Edge::Any => self.any = node,
            Edge::Last => self.last = node,
            Edge::Rest => self.rest = node,
        }
    }

    /// Lets the node below go that hangs there by this edge.
    pub(super) fn detach(&mut self, edge: &Edge) {
        match edge {
            Edge::Whole(_) | Edge::Root(_) => {}
            Edge::Any => self.any = NONE,
            Edge::Last => self.last = NONE,
            Edge::Rest => self.rest = NONE,
            Edge::Literal(text) => {
                if let Some(branches) = &mut self.branches {
                    branches.literals.remove(text);
                    give_back(&mut branches.literals);
                }
            }
            Edge::Glob(text) => {
                if let Some(globs) = self.branches.as_mut().and_then(|all| all.globs.as_mut()) {
                    globs.remove(text);
                }
            }
        }
        if let Some(branches) = &mut self.branches {
            branches.globs.take_if(|globs| globs.is_empty());
            if branches.literals.is_empty() && branches.globs.is_none() {
                self.branches = None;
            }
        }
    }

    /// Lists a value; returns its place.
    pub(super) fn list(&mut self, value: T, entry: u32) -> u32 {
        // Most patterns have one entry: an exact fit saves what a growing vector would spare.
        if self.entries.is_empty() {
            self.entries.reserve_exact(1);
        }
        self.entries.push(Listed { value, entry });
        (self.entries.len() - 1) as u32
    }

    /// Takes the value out of a place; the number of the entry that has moved there, if any.
    pub(super) fn unlist(&mut self, place: u32) -> (T, Option<u32>) {
        let gone = self.entries.swap_remove(place as usize);
        let moved = self.entries.get(place as usize).map(|moved| moved.entry);
        if self.entries.is_empty() {
            self.entries = Vec::new();
        } else if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        (gone.value, moved)
    }
}

/// Gives memory back after a crowd has left.
pub(super) fn give_back<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if table.len() < table.capacity() / 4 {
        table.shrink_to(table.len() * 2);
    }
}
