//! The segments with wildcards below one node, kept by the text before or after their wildcards.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::node::give_back;
/// The most different segments with wildcards which may stand in the same place of an index and
/// begin, or end, with the same text: a destination that has this text there is compared with all
/// of them. `price-*` and `price-?` are such; `price-*` and `fee-*` are not.
///
/// Equal ones count once, however many patterns go through them.
pub const GLOBS_ALIKE_MAX: usize = 256;

/// A segment with wildcards, and the node that it leads to.
pub(super) type Glob = (Arc<str>, u32);

/// The segments with wildcards below one node.
///
/// Those that can match a segment are found by its beginning and its end, so that `user-17-*`
/// costs nothing where `user-18-a` is looked for.
#[derive(Debug, Default)]
pub(super) struct Globs {
    heads: Edges,
    tails: Edges,
}

/// Globs by a text at one of their edges.
#[derive(Debug, Default)]
struct Edges {
    buckets: HashMap<Box<[u8]>, Vec<Glob>>,
    /// How many buckets there are for each length of that text: only these lengths are tried.
    lengths: BTreeMap<usize, u32>,
}

/// Which edge of a glob it is kept by.
enum Edge<'g> {
    Head(&'g [u8]),
    Tail(&'g [u8]),
}

/// The longer of the texts before the first and after the last wildcard tells most.
fn edge(glob: &str) -> Edge<'_> {
    let wildcards = ['*', '?'];
    let head = glob.split(wildcards).next().unwrap_or_default();
    let tail = glob.rsplit(wildcards).next().unwrap_or_default();
    if head.len() >= tail.len() {
        Edge::Head(head.as_bytes())
    } else {
        Edge::Tail(tail.as_bytes())
    }
}

impl Globs {
    pub(super) fn is_empty(&self) -> bool {
        self.heads.buckets.is_empty() && self.tails.buckets.is_empty()
    }

    /// The node that an equal glob leads to.
    pub(super) fn node(&self, glob: &str) -> Option<u32> {
        let (edges, text) = match edge(glob) {
            Edge::Head(text) => (&self.heads, text),
            Edge::Tail(text) => (&self.tails, text),
        };
        let bucket = edges.buckets.get(text)?;
        bucket
            .iter()
            .find(|(one, _)| **one == *glob)
            .map(|(_, node)| *node)
    }

    /// Whether there is room for a glob that is not among them.
    pub(super) fn has_room(&self, glob: &str) -> bool {
        let bucket = match edge(glob) {
            Edge::Head(text) => self.heads.buckets.get(text),
            Edge::Tail(text) => self.tails.buckets.get(text),
        };
        bucket.is_none_or(|bucket| bucket.len() < GLOBS_ALIKE_MAX)
    }

    pub(super) fn insert(&mut self, glob: Arc<str>, node: u32) {
        let (edges, text) = match edge(&glob) {
            Edge::Head(text) => (&mut self.heads, text),
            Edge::Tail(text) => (&mut self.tails, text),
        };
        if let Some(bucket) = edges.buckets.get_mut(text) {
            bucket.push((glob, node));
            return;
        }
        *edges.lengths.entry(text.len()).or_default() += 1;
        let text = text.into();
        edges.buckets.insert(text, vec![(glob, node)]);
    }

    pub(super) fn remove(&mut self, glob: &str) {
        let (edges, text) = match edge(glob) {
            Edge::Head(text) => (&mut self.heads, text),
            Edge::Tail(text) => (&mut self.tails, text),
        };
        let Some(bucket) = edges.buckets.get_mut(text) else {
            return;
        };
        bucket.retain(|(one, _)| **one != *glob);
        if !bucket.is_empty() {
            return;
        }
        edges.buckets.remove(text);
        give_back(&mut edges.buckets);
        if let Some(count) = edges.lengths.get_mut(&text.len()) {
            *count -= 1;
            if *count == 0 {
                edges.lengths.remove(&text.len());
            }
        }
    }

    /// Those that may match a segment: the text that they are kept by is there.
    pub(super) fn candidates<'a>(&'a self, segment: &'a str) -> impl Iterator<Item = &'a Glob> {
        let segment = segment.as_bytes();
        let heads = self
            .heads
            .lengths(segment)
            .filter_map(|length| self.heads.buckets.get(segment.get(..length)?));
        let tails = self.tails.lengths(segment).filter_map(move |length| {
            let start = segment.len().checked_sub(length)?;
            self.tails.buckets.get(segment.get(start..)?)
        });
        heads.chain(tails).flatten()
    }
}

impl Edges {
    fn lengths(&self, segment: &[u8]) -> impl Iterator<Item = usize> {
        self.lengths
            .range(..=segment.len())
            .map(|(length, _)| *length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(globs: &Globs, segment: &str) -> Vec<u32> {
        let mut nodes: Vec<u32> = globs.candidates(segment).map(|(_, node)| *node).collect();
        nodes.sort_unstable();
        nodes
    }

    #[test]
    fn s86_only_globs_with_the_segments_beginning_or_end_are_candidates() {
        let mut globs = Globs::default();
        for (node, glob) in ["a-*", "ab-?", "*-z", "?x*", "a*-long"].iter().enumerate() {
            globs.insert((*glob).into(), node as u32);
        }
        assert_eq!(candidates(&globs, "a-1"), [0, 3]);
        assert_eq!(candidates(&globs, "ab-z"), [1, 2, 3]);
        assert_eq!(candidates(&globs, "b-long"), [3, 4]);
        assert_eq!(candidates(&globs, ""), [3]);
        assert_eq!(globs.node("*-z"), Some(2));
        assert_eq!(globs.node("*-y"), None);
        for glob in ["a-*", "ab-?", "*-z", "?x*", "a*-long", "missing*"] {
            globs.remove(glob);
        }
        assert!(globs.is_empty());
        assert!(globs.heads.lengths.is_empty() && globs.tails.lengths.is_empty());
    }

    #[test]
    fn s86_many_alike_are_too_many_and_others_have_room() {
        let mut globs = Globs::default();
        for number in 0..GLOBS_ALIKE_MAX {
            assert!(globs.has_room("*x*y*"));
            globs.insert(format!("*{number}*").into(), 0);
        }
        assert!(!globs.has_room("*x*y*"));
        assert!(globs.has_room("x*y*"));
    }
}
