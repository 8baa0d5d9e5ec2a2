//! Why the parameters of a path were refused.

use std::fmt::Display;

use serde::de::{self, Expected, Unexpected};

/// As much of a refused value as an error repeats, in characters.
const SHOWN_VALUE: usize = 64;

/// Why the parameters of a path do not fit the type that a handler asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A value is not of the type that was asked for. The request is at fault.
    #[error("the path parameter `{name}` is {value:?}, expected {expected}")]
    Value {
        /// The variable's name in the template.
        name: String,
        /// The value, percent-decoded; the end of a long one is cut off.
        value: String,
        /// What would fit.
        expected: String,
    },
    /// The type needs another number of parameters than the path has.
    #[error(
        "the type needs {expected}, but the path has {found}: \
         change the path's variables or the type"
    )]
    Count {
        /// How many parameters the type needs.
        expected: String,
        /// How many there are, with their names.
        found: String,
    },
    /// A field of the struct has no variable of its name.
    #[error(
        "the type needs the path parameter `{name}`, but the path has {found}: \
         rename the variable or the field"
    )]
    Missing {
        /// The field's name.
        name: String,
        /// How many parameters there are, with their names.
        found: String,
    },
    /// The type has a shape that a path cannot have, such as a list inside a list.
    #[error("the type cannot be read from a path: {message}")]
    Unsupported {
        /// What is wrong with it.
        message: String,
    },
    /// The type refused the parameters together. The request is at fault.
    #[error("the path parameters were refused: {message}")]
    Refused {
        /// What the type says.
        message: String,
    },
}

impl PathError {
    /// Whether the request is at fault (answer 400) rather than the program (answer 500).
    pub fn is_for_the_client(&self) -> bool {
        matches!(self, Self::Value { .. } | Self::Refused { .. })
    }

    pub(super) fn of_value(name: &str, value: &str, expected: impl Into<String>) -> Self {
        let mut shown: String = value.chars().take(SHOWN_VALUE).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self::Value {
            name: name.to_owned(),
            value: shown,
            expected: expected.into(),
        }
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::Unsupported {
            message: message.into(),
        }
    }

    /// An error that arose inside one value, with that value's name and text.
    pub(super) fn inside(self, name: &str, value: &str) -> Self {
        match self {
            Self::Refused { message } => Self::of_value(name, value, message),
            other => other,
        }
    }
}

/// The texts are completed where the value or the parameters are known.
impl de::Error for PathError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Refused {
            message: message.to_string(),
        }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        Self::custom(format_args!("one of {}", names.join(", ")))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::unsupported(format!("it has no field for the path parameter `{field}`"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing {
            name: field.to_owned(),
            found: String::new(),
        }
    }
}
