//! The table of templates, which finds the best one for a request's path.

use std::borrow::Cow;
use std::collections::HashMap;

use super::template::{PathTemplate, Segment, TemplateError, split};

/// Path templates with what they lead to.
///
/// The best match is found from left to right: at the first segment where two templates differ,
/// the one with the literal wins over the one with a variable (Jakarta WebSocket 2.2, 3.1.1,
/// S186). The order of insertion does not matter. A search visits each node of the table at most
/// once, however the request's path is made.
#[derive(Clone, Debug)]
pub struct Routes<T> {
    /// The root is the first; the others are reached from it.
    nodes: Vec<Node>,
    entries: Vec<(PathTemplate, T)>,
    /// The segments of the longest template.
    depth: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    exact: HashMap<Box<str>, usize>,
    variable: Option<usize>,
    /// The template that ends here, as an index of the entries.
    entry: Option<usize>,
}

impl<T> Routes<T> {
    /// A table without templates.
    pub fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            entries: Vec::new(),
            depth: 0,
        }
    }

    /// Adds a template.
    ///
    /// # Errors
    /// [`TemplateError::Equivalent`] if a template in the table matches the same paths, which is
    /// to say that it differs at most in the names of its variables. The table is unchanged then.
    pub fn insert(&mut self, template: PathTemplate, target: T) -> Result<(), TemplateError> {
        let mut node = 0;
        for segment in template.segments() {
            let added = self.nodes.len();
            let known = match segment {
                Segment::Exact(text) => {
                    *self.nodes[node].exact.entry(text.clone()).or_insert(added)
                }
                Segment::Variable => *self.nodes[node].variable.get_or_insert(added),
            };
            if known == added {
                self.nodes.push(Node::default());
            }
            node = known;
        }
        if let Some(existing) = self.nodes[node].entry {
            return Err(TemplateError::Equivalent {
                template: template.to_string(),
                existing: self.entries[existing].0.to_string(),
            });
        }
        self.nodes[node].entry = Some(self.entries.len());
        self.depth = self.depth.max(template.segments().len());
        self.entries.push((template, target));
        Ok(())
    }

    /// The best template for a request's path (as it came on the wire, without the query), the
    /// values of its variables, and what it leads to.
    ///
    /// What matches is described at [`PathTemplate::matches`].
    pub fn find(&self, path: &str) -> Option<(&PathTemplate, Vec<String>, &T)> {
        let segments = split(path, self.depth)?;
        let mut values = Vec::new();
        let entry = self.descend(0, &segments, &mut values)?;
        let (template, target) = &self.entries[entry];
        Some((
            template,
            values.into_iter().map(str::to_owned).collect(),
            target,
        ))
    }

    /// The templates in the order of insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&PathTemplate, &T)> {
        self.entries
            .iter()
            .map(|(template, target)| (template, target))
    }

    /// Recursion goes no deeper than the longest template.
    fn descend<'path>(
        &self,
        node: usize,
        rest: &'path [Cow<'path, str>],
        values: &mut Vec<&'path str>,
    ) -> Option<usize> {
        let node = &self.nodes[node];
        let Some((segment, rest)) = rest.split_first() else {
            return node.entry;
        };
        let exact = node.exact.get(&**segment);
        if let Some(entry) = exact.and_then(|next| self.descend(*next, rest, values)) {
            return Some(entry);
        }
        if segment.is_empty() {
            return None;
        }
        let next = node.variable?;
        values.push(segment);
        let entry = self.descend(next, rest, values);
        if entry.is_none() {
            values.pop();
        }
        entry
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template and the variables' values, if any matches.
    type Found<'a> = Option<(&'a str, &'a [&'a str])>;

    /// A table whose targets are the templates' texts.
    fn routes(templates: &[&str]) -> Routes<String> {
        let mut routes = Routes::new();
        for source in templates {
            let template = PathTemplate::parse(source).expect("a valid template");
            routes
                .insert(template, (*source).to_owned())
                .expect("no equivalent template");
        }
        routes
    }

    fn found(routes: &Routes<String>, path: &str) -> Option<(String, Vec<String>)> {
        let (template, values, target) = routes.find(path)?;
        assert_eq!(template.as_str(), target);
        assert_eq!(template.matches(path).as_ref(), Some(&values), "{path}");
        Some((target.clone(), values))
    }

    #[test]
    fn the_best_match_does_not_depend_on_the_order() {
        let templates = [
            "/{a}/b/c",
            "/a/{x}",
            "/a/b",
            "/a/{x}/d",
            "/a/b/{y}",
            "/{a}/{b}/{c}",
            "/",
            "/a/",
            "/a",
            "/{only}",
        ];
        let table: &[(&str, Found<'_>)] = &[
            ("/", Some(("/", &[]))),
            ("/a", Some(("/a", &[]))),
            ("/a/", Some(("/a/", &[]))),
            ("/z", Some(("/{only}", &["z"]))),
            ("/z/", None),
            ("/a/b", Some(("/a/b", &[]))),
            ("/a/z", Some(("/a/{x}", &["z"]))),
            ("/a/b/d", Some(("/a/b/{y}", &["d"]))),
            ("/a/z/d", Some(("/a/{x}/d", &["z"]))),
            ("/z/b/c", Some(("/{a}/b/c", &["z"]))),
            ("/a/b/c", Some(("/a/b/{y}", &["c"]))),
            // Back from `/a/{x}/d`, which was tried first.
            ("/a/z/e", Some(("/{a}/{b}/{c}", &["a", "z", "e"]))),
            ("/z/b", None),
            ("/a/b/c/d", None),
            ("/a/%2e%2e/d", None),
            ("/a/%zz", None),
            ("a", None),
        ];
        for rotation in 0..templates.len() {
            let mut rotated = templates;
            rotated.rotate_left(rotation);
            for order in [rotated.to_vec(), rotated.iter().rev().copied().collect()] {
                let routes = routes(&order);
                for (path, expected) in table {
                    let expected = expected.map(|(template, values)| {
                        (
                            template.to_owned(),
                            values.iter().map(ToString::to_string).collect(),
                        )
                    });
                    assert_eq!(found(&routes, path), expected, "{path}");
                }
            }
        }
    }

    #[test]
    fn equivalent_templates_are_refused_and_both_are_named() {
        let mut routes = routes(&["/a/{x}", "/café"]);
        for (source, existing) in [
            ("/a/{y}", "/a/{x}"),
            ("/a/{x}", "/a/{x}"),
            ("/caf%C3%A9", "/café"),
        ] {
            let template = PathTemplate::parse(source).expect("a valid template");
            let error = routes.insert(template, String::new()).expect_err(source);
            assert_eq!(
                error,
                TemplateError::Equivalent {
                    template: source.to_owned(),
                    existing: existing.to_owned(),
                },
            );
        }
        assert_eq!(routes.iter().len(), 2);
        assert_eq!(
            found(&routes, "/a/1"),
            Some(("/a/{x}".to_owned(), vec!["1".to_owned()]))
        );
    }

    #[test]
    fn an_empty_table_matches_nothing() {
        let routes = Routes::<()>::default();
        assert!(routes.find("/").is_none());
        assert!(routes.find("").is_none());
    }

    #[test]
    fn hostile_paths_cost_no_more_than_the_table_is_large() {
        let mut routes = Routes::new();
        // Every combination of literal and variable: without sharing, 2^12 ways to try.
        for pattern in 0..1u32 << 12 {
            let source: String = (0..12)
                .map(|bit| {
                    if pattern >> bit & 1 == 0 {
                        "/a".to_owned()
                    } else {
                        format!("/{{v{bit}}}")
                    }
                })
                .collect();
            let template = PathTemplate::parse(&source).expect("a valid template");
            routes
                .insert(template, pattern)
                .expect("no equivalent template");
        }
        let path = "/a".repeat(12);
        assert_eq!(routes.find(&path).map(|(_, _, target)| *target), Some(0));
        assert!(routes.find(&format!("{path}/")).is_none());
        assert!(routes.find(&"/a".repeat(50_000)).is_none());
    }
}
