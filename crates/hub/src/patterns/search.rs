//! The search of the index: which nodes a destination reaches.

use std::collections::HashSet;

use super::glob::glob_matches;
use super::index::PatternIndex;
use super::node::{NONE, Node};
use super::segment::{Separator, next_segment};

/// One search.
struct Search<F> {
    separator: Separator,
    /// Whether the destination ends with the separator.
    is_closed: bool,
    steps: usize,
    /// The `**` behind other `**` that have been reached. The first time is with the most
    /// segments left, since those before are tried from the left: later ones find nothing new.
    reached: HashSet<u32>,
    visit: F,
}

impl<T> PatternIndex<T> {
    /// Visits each entry whose pattern matches a destination, once. The order is not defined.
    ///
    /// Returns what it took: the nodes looked at, plus the globs compared. It takes memory only
    /// for patterns with several `**`, and its depth is bounded by the
    /// [segments of a pattern](super::PATTERN_SEGMENTS_MAX).
    pub fn find(&self, destination: &str, mut visit: impl FnMut(&T)) -> usize {
        let mut steps = 0;
        if let Some(node) = self.wholes.get(destination) {
            steps += 1;
            visit_all(&self.nodes[*node as usize], &mut visit);
        }
        for separator in [Separator::Slash, Separator::Dot] {
            let is_absolute = destination.starts_with(separator.character());
            let root = self.roots[Self::root(separator, is_absolute)];
            if root == NONE {
                continue;
            }
            let mut search = Search {
                separator,
                is_closed: destination.ends_with(separator.character()),
                steps: 0,
                reached: HashSet::new(),
                visit: &mut visit,
            };
            self.arrive(root, destination, &mut search);
            steps += search.steps;
        }
        steps
    }

    /// Goes on from a node with what is left of the destination.
    fn arrive<F: FnMut(&T)>(&self, node: u32, left: &str, search: &mut Search<F>) {
        search.steps += 1;
        let node = &self.nodes[node as usize];
        if node.rest != NONE {
            self.arrive_at_rest(node.rest, left, search);
        }
        if next_segment(left, search.separator).is_some() {
            self.step(node, left, search);
        } else if search.is_closed {
            if let Some(closed) = node.literal("") {
                search.steps += 1;
                visit_all(&self.nodes[closed as usize], &mut search.visit);
            }
            if node.last != NONE {
                self.arrive_without_last(node.last, search);
            }
        } else {
            visit_all(node, &mut search.visit);
        }
    }

    /// Takes the next segment, if there is one, to the nodes below; returns what is left then.
    fn step<'d, F: FnMut(&T)>(
        &self,
        node: &Node<T>,
        left: &'d str,
        search: &mut Search<F>,
    ) -> Option<&'d str> {
        let (segment, after) = next_segment(left, search.separator)?;
        if let Some(below) = node.literal(segment) {
            self.arrive(below, after, search);
        }
        if node.any != NONE {
            self.arrive(node.any, after, search);
        }
        if node.last != NONE {
            self.arrive(node.last, after, search);
        }
        if let Some(globs) = node.globs() {
            for (glob, below) in globs.candidates(segment) {
                search.steps += 1;
                if glob_matches(glob, segment) {
                    self.arrive(*below, after, search);
                }
            }
        }
        Some(after)
    }

    /// A `**` is reached: its own entries match, and what is below it may begin at any segment.
    fn arrive_at_rest<F: FnMut(&T)>(&self, rest: u32, left: &str, search: &mut Search<F>) {
        let node = &self.nodes[rest as usize];
        if node.follows_rest && !search.reached.insert(rest) {
            return;
        }
        search.steps += 1;
        visit_all(node, &mut search.visit);
        if !node.has_steps() {
            return;
        }
        let mut left = left;
        while let Some(after) = self.step(node, left, search) {
            search.steps += 1;
            left = after;
        }
    }

    /// The destination ends with a separator where a last `*` is expected.
    fn arrive_without_last<F: FnMut(&T)>(&self, last: u32, search: &mut Search<F>) {
        search.steps += 1;
        let node = &self.nodes[last as usize];
        visit_all(node, &mut search.visit);
        if let Some(closed) = node.literal("") {
            search.steps += 1;
            visit_all(&self.nodes[closed as usize], &mut search.visit);
        }
    }
}

fn visit_all<T>(node: &Node<T>, visit: &mut impl FnMut(&T)) {
    for listed in &node.entries {
        visit(&listed.value);
    }
}
