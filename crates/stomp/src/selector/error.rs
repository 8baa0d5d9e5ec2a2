//! Why a selector cannot be used.

/// A selector that cannot be used, and where it goes wrong: positions are octets of its text, the
/// first of which is 1. Answer the SUBSCRIBE with an ERROR that has [`word`](Self::word) as
/// `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// Something else was expected.
    #[error("selector, at {position}: expected {expected}")]
    Unexpected {
        /// Where.
        position: usize,
        /// What could stand there.
        expected: &'static str,
    },
    /// A text or a quoted name without its closing quote.
    #[error("selector, at {position}: the quote is not closed; double a quote that is part of it")]
    QuoteNotClosed {
        /// Where it begins.
        position: usize,
    },
    /// A number that cannot be read or is too great.
    #[error("selector, at {position}: this is no number; write digits, with one dot at most")]
    NumberInvalid {
        /// Where it begins.
        position: usize,
    },
    /// Operands whose types never fit, such as a text and a number.
    #[error("selector, at {position}: needs {needed} beside it; put texts in single quotes only")]
    TypeMismatch {
        /// Where the operator is.
        position: usize,
        /// What would fit.
        needed: &'static str,
    },
    /// An ESCAPE of LIKE that is not one character, or stands before something that needs none.
    #[error("selector, at {position}: ESCAPE takes one character, for use before %, _ and itself")]
    EscapeInvalid {
        /// Where the pattern is.
        position: usize,
    },
    /// A pattern of LIKE with too many characters.
    #[error("selector, at {position}: pattern over {pattern_chars_max} characters; shorten it")]
    PatternTooLong {
        /// Where it is.
        position: usize,
        /// The limit, in characters.
        pattern_chars_max: usize,
    },
    /// A text that is too long.
    #[error("selector over {text_bytes_max} bytes; shorten it")]
    TooLong {
        /// The limit, in octets.
        text_bytes_max: usize,
    },
    /// Parentheses, NOT or signs within each other.
    #[error("selector, at {position}: nested over {depth_max} levels; write it flatter")]
    TooDeep {
        /// Where the first level too many begins.
        position: usize,
        /// The limit.
        depth_max: usize,
    },
    /// Too many operators, headers and literals.
    #[error("selector, at {position}: over {nodes_max} operators and operands; shorten it")]
    TooManyNodes {
        /// Where the first one too many is.
        position: usize,
        /// The limit.
        nodes_max: usize,
    },
}

impl SelectorError {
    /// The stable word for the `message` header of an ERROR: `bad-selector`.
    pub fn word(&self) -> &'static str {
        "bad-selector"
    }
}
