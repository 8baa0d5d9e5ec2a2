//! All patterns at once: from a destination to the entries that match it.

use std::collections::HashMap;
use std::sync::Arc;

use slab::Slab;

use super::error::{IndexFull, excerpt};
use super::globs::GLOBS_ALIKE_MAX;
use super::node::{Edge, NONE, Node, give_back};
use super::pattern::{Kind, Pattern};
use super::segment::Separator;

/// The most entries of one index.
pub const ENTRIES_MAX: usize = 1 << 26;

/// Names an entry of an index. It is used again once the entry has been removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(u32);

/// Finds the entries whose pattern matches a destination, without looking at the others (S86).
///
/// Texts without wildcards are in one table. The patterns are a tree of segments: those which
/// begin alike share their nodes, and `*` and all `{name}` are one and the same. So
/// [`find`](Self::find) looks, for a destination of `n` segments, at
/// - one node for all entries whose text is the destination;
/// - for patterns with `*`, `{name}`, or `**` at the end: one node for each different beginning,
///   up to any of their segments, that matches a beginning of the destination;
/// - for those with `**` before other segments: what is below it, counted in the same way, up to
///   `n` times; a `**` behind another does not multiply that;
/// - for those with `*` or `?` beside other characters: besides, at each different one in that
///   place with the same text before or after its wildcards, at most [`GLOBS_ALIKE_MAX`] for each
///   such text.
///
/// Entries that do not match are of no account, then, unless their patterns begin with segments
/// that do. A client that makes many such patterns makes each publication cost as much as its own
/// subscriptions would if they matched, up to `n` times as much with `**`: it is the number of
/// patterns a session may have that bounds both.
///
/// Memory is given back as entries are removed: nodes at once or, in the middle of a table, for
/// the next ones; all of it once the index is empty.
///
/// ```
/// use campanile_hub::{Pattern, PatternIndex, Separator};
///
/// let mut index = PatternIndex::new();
/// let stocks = Pattern::parse("/topic/stocks/*", Separator::Slash)?;
/// let entry = index.insert(&stocks, "all stocks")?;
///
/// let mut found = Vec::new();
/// index.find("/topic/stocks/XYZ", |value| found.push(*value));
/// assert_eq!(found, ["all stocks"]);
/// assert_eq!(index.remove(entry), Some("all stocks"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PatternIndex<T> {
    pub(super) nodes: Slab<Node<T>>,
    /// Texts without wildcards.
    pub(super) wholes: HashMap<Arc<str>, u32>,
    /// Where patterns begin: for each separator those without and those with one at the front.
    pub(super) roots: [u32; 4],
    entries: Slab<Place>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
struct Place {
    node: u32,
    place: u32,
}

impl<T> Default for PatternIndex<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> PatternIndex<T> {
    /// One without entries, which holds no memory.
    pub fn new() -> Self {
        Self {
            nodes: Slab::new(),
            wholes: HashMap::new(),
            roots: [NONE; 4],
            entries: Slab::new(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many nodes its patterns take: one for each different text without wildcards, and one
    /// for each different beginning of a pattern.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Adds an entry; a pattern may have any number of them. Patterns of both separators may be
    /// in one index.
    ///
    /// # Errors
    /// [`IndexFull`] at [`ENTRIES_MAX`] or [`GLOBS_ALIKE_MAX`]; nothing has changed then.
    pub fn insert(&mut self, pattern: &Pattern, value: T) -> Result<EntryId, IndexFull> {
        if self.entries.len() >= ENTRIES_MAX {
            return Err(IndexFull::Entries {
                entries_max: ENTRIES_MAX,
            });
        }
        let node = if pattern.is_literal() {
            self.whole(pattern.text())
        } else {
            self.descend(pattern)?
        };
        let vacant = self.entries.vacant_entry();
        let entry = vacant.key() as u32;
        let place = self.nodes[node as usize].list(value, entry);
        vacant.insert(Place { node, place });
        Ok(EntryId(entry))
    }

    /// Removes an entry and returns its value; `None` if there is no such entry. It takes as many
    /// steps as its pattern has segments, however many entries there are.
    pub fn remove(&mut self, id: EntryId) -> Option<T> {
        let Place { node, place } = self.entries.try_remove(id.0 as usize)?;
        let (value, moved) = self.nodes[node as usize].unlist(place);
        if let Some(moved) = moved.and_then(|entry| self.entries.get_mut(entry as usize)) {
            moved.place = place;
        }
        if self.entries.is_empty() {
            *self = Self::new();
        } else {
            self.prune(node);
        }
        Some(value)
    }

    /// The place in the table of roots.
    pub(super) fn root(separator: Separator, is_absolute: bool) -> usize {
        let separator = match separator {
            Separator::Slash => 0,
            Separator::Dot => 2,
        };
        separator + usize::from(is_absolute)
    }

    /// The node of a text without wildcards.
    fn whole(&mut self, text: &Arc<str>) -> u32 {
        let nodes = &mut self.nodes;
        *self.wholes.entry(text.clone()).or_insert_with_key(|text| {
            nodes.insert(Node::new(Edge::Whole(text.clone()), NONE, false)) as u32
        })
    }

    /// The node where a pattern ends; it and those above are made if they are missing.
    fn descend(&mut self, pattern: &Pattern) -> Result<u32, IndexFull> {
        let root = Self::root(pattern.separator(), pattern.is_absolute());
        if self.roots[root] == NONE {
            let node = Node::new(Edge::Root(root), NONE, false);
            self.roots[root] = self.nodes.insert(node) as u32;
        }
        let mut node = self.roots[root];
        let segments = pattern.segments();
        for (place, segment) in segments.iter().enumerate() {
            let is_last = place + 1 == segments.len();
            let edge = match segment.kind {
                Kind::Any if is_last && pattern.may_lack_last() => Edge::Last,
                Kind::Any | Kind::Variable => Edge::Any,
                Kind::Rest => Edge::Rest,
                Kind::Literal => Edge::Literal(pattern.segment_text(*segment).into()),
                Kind::Glob => Edge::Glob(pattern.segment_text(*segment).into()),
            };
            if let Edge::Glob(glob) = &edge
                && let Some(globs) = self.nodes[node as usize].globs()
                && globs.node(glob).is_none()
                && !globs.has_room(glob)
            {
                // A node that has so many is not new: nothing was made for this pattern yet.
                return Err(IndexFull::Globs {
                    excerpt: excerpt(glob),
                    globs_max: GLOBS_ALIKE_MAX,
                });
            }
            node = self.below(node, edge);
        }
        if pattern.wants_closing_separator() {
            node = self.below(node, Edge::Literal("".into()));
        }
        Ok(node)
    }

    /// The node below another one; it is made if it is missing.
    fn below(&mut self, parent: u32, edge: Edge) -> u32 {
        let above = &self.nodes[parent as usize];
        if let Some(node) = above.below(&edge) {
            return node;
        }
        let follows_rest = above.follows_rest || matches!(above.edge, Edge::Rest);
        let node = self.nodes.vacant_key() as u32;
        self.nodes[parent as usize].attach(&edge, node);
        self.nodes.insert(Node::new(edge, parent, follows_rest));
        node
    }

    /// Removes a node that nothing needs, and those above that nothing needs then.
    fn prune(&mut self, mut node: u32) {
        while self.nodes.get(node as usize).is_some_and(Node::is_bare) {
            let gone = self.nodes.remove(node as usize);
            match &gone.edge {
                Edge::Whole(text) => {
                    self.wholes.remove(text);
                    give_back(&mut self.wholes);
                }
                Edge::Root(root) => self.roots[*root] = NONE,
                edge => self.nodes[gone.parent as usize].detach(edge),
            }
            node = gone.parent;
        }
    }
}
