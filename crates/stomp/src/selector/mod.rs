//! Conditions on headers, in the part of SQL-92 that brokers of JMS use (S88).

mod error;
mod evaluate;
mod lexer;
mod like;
mod number;
mod parser;
mod tree;

use std::borrow::Cow;

pub use self::error::SelectorError;
use self::{evaluate::Evaluation, parser::Parser, tree::Node};
use crate::frame::Frame;

/// How long a selector's text may be, in octets.
const TEXT_BYTES_MAX: usize = 1024;
/// How deep parentheses, NOT and signs may be nested.
const DEPTH_MAX: usize = 32;
/// How many operators, headers and literals a selector may have.
const NODES_MAX: usize = 128;
/// How many characters a pattern of LIKE may have, `%` not counted: a bit of 128 for each, and one.
const PATTERN_CHARS_MAX: usize = 127;

/// A condition that a message's headers meet or not: the `selector` of a SUBSCRIBE, parsed once.
///
/// **What it understands.** `AND`, `OR`, `NOT`; `=`, `<>`, `<`, `<=`, `>`, `>=`; `[NOT] BETWEEN a
/// AND b`; `[NOT] IN ('a', 'b', 3)`; `[NOT] LIKE 'a%_' [ESCAPE '\']`; `IS [NOT] NULL`; `+`, `-`,
/// `*`, `/`; parentheses. Literals are texts in single quotes (a quote within is doubled), numbers,
/// `TRUE` and `FALSE`. Keywords may be in any case. A header is named as it is, or in double quotes
/// if its name is not made of letters, digits, `_`, `$` and `.`: `"content-type" = 'text/plain'`.
///
/// **Headers are texts.** Beside a number, or in arithmetic, a header counts as the number that it
/// spells, and beside `TRUE` or `FALSE`, or as a condition by itself, as the truth value that it
/// spells. If it spells none, or is missing, the result is unknown. Two headers are equal if their
/// texts are, and have an order if both spell numbers. Only numbers have an order. Numbers are
/// integers of 64 bits, with Java's division, or else of double precision; what is not finite is
/// unknown.
///
/// **Three values.** Unknown and false is false, unknown or true is true, everything else with
/// unknown is unknown; a message is selected only if the whole is true.
///
/// **Bounds.** 1,024 octets, 128 operators, headers and literals, 32 levels, 127 characters a
/// pattern. Nothing in it is run as code or as a regular expression, and the time to evaluate it is
/// at most proportional to its size times the length of the headers.
///
/// ```
/// use campanile_stomp::Selector;
///
/// let selector = Selector::parse("price > 9.5 AND \"content-type\" LIKE 'text/%'")?;
/// let headers = [("price", "12"), ("content-type", "text/plain")];
/// let header = |name: &str| {
///     let found = headers.iter().find(|header| header.0 == name);
///     found.map(|header| header.1.into())
/// };
/// assert!(selector.matches(header));
/// # Ok::<(), campanile_stomp::SelectorError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// Operands come before their operators; the last one is the whole.
    nodes: Box<[Node]>,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// What is wrong, and where. Operands whose types can never fit are an error, too.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(SelectorError::TooLong {
                text_bytes_max: TEXT_BYTES_MAX,
            });
        }
        let nodes = Parser::new(text)?.parse()?;
        Ok(Self {
            nodes: nodes.into_boxed_slice(),
        })
    }

    /// Whether a message is selected whose headers `header` looks up by their names, the first of
    /// each.
    pub fn matches<'h>(&self, header: impl Fn(&str) -> Option<Cow<'h, str>>) -> bool {
        Evaluation::new(&self.nodes, &header).is_true()
    }

    /// Whether a frame with its own headers is selected.
    pub fn matches_frame(&self, frame: &Frame<'_>) -> bool {
        self.matches(|name| frame.header(name))
    }
}

#[cfg(test)]
mod tests;
