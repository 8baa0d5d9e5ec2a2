//! One endpoint's path as a template, and how a request's path is compared with it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

/// The path of an endpoint, such as `/chat` or `/ws/{sid}`.
///
/// The rules are those of Jakarta WebSocket 2.2, 3.1.1 (S186):
/// - a path starts with `/` and has neither empty segments (`//`) nor `.` and `..` segments;
/// - a variable is a whole segment, `{name}`, and its name occurs once;
/// - a slash at the end counts: `/chat` and `/chat/` are two paths;
/// - literal segments match exactly, upper and lower case included.
///
/// Both sides are compared after percent-decoding, segment by segment: `/caf%C3%A9` is `/café`,
/// and an encoded slash (`%2F`) never separates segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    source: Box<str>,
    segments: Box<[Segment]>,
    names: Arc<[Box<str>]>,
}

/// What one segment of a request's path has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Exactly this text, percent-decoded. Empty only at the end, after a final slash.
    Exact(Box<str>),
    /// Any text that is not empty.
    Variable,
}

/// Why a path template was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The template does not start with a slash.
    #[error("the path `{template}` does not start with `/`: write `/{template}`")]
    NoLeadingSlash {
        /// The template as given.
        template: String,
    },
    /// Two slashes follow each other.
    #[error("the path `{template}` has an empty segment (`//`): remove one of the slashes")]
    EmptySegment {
        /// The template as given.
        template: String,
    },
    /// A segment is `.` or `..`, plain or percent-encoded.
    #[error("the path `{template}` has the segment `{segment}`: write the path that it leads to")]
    DotSegment {
        /// The template as given.
        template: String,
        /// The segment as written.
        segment: String,
    },
    /// A segment begins with `*` or `:`, as wildcards and variables do elsewhere.
    #[error(
        "in the path `{template}` the segment `{segment}` begins as wildcards and variables do \
         elsewhere: write `{{name}}`, which matches one segment"
    )]
    Wildcard {
        /// The template as given.
        template: String,
        /// The segment as written.
        segment: String,
    },
    /// A brace stands where it does not enclose a whole segment.
    #[error(
        "in the path `{template}` the segment `{segment}` mixes braces and other text: \
         a variable is a whole segment, such as `/{{name}}/`"
    )]
    PartialVariable {
        /// The template as given.
        template: String,
        /// The segment as written.
        segment: String,
    },
    /// A variable's name is empty or has a character that RFC 6570 does not allow there.
    #[error(
        "in the path `{template}` the variable `{{{name}}}` has no valid name: \
         use letters, digits and `_`, with single dots between them"
    )]
    BadName {
        /// The template as given.
        template: String,
        /// The name as written.
        name: String,
    },
    /// Two variables have the same name.
    #[error("the path `{template}` has the variable `{{{name}}}` twice: rename one of them")]
    RepeatedName {
        /// The template as given.
        template: String,
        /// The name.
        name: String,
    },
    /// A character that cannot be in a path.
    #[error(
        "the path `{template}` has the character {character:?}, which cannot be in a path: \
         percent-encode it, and leave out queries and fragments"
    )]
    BadCharacter {
        /// The template as given.
        template: String,
        /// The character.
        character: char,
    },
    /// A `%` without two hexadecimal digits, or escapes which are not UTF-8.
    #[error(
        "in the path `{template}` the segment `{segment}` is not valid percent-encoded UTF-8: \
         write `%25` for a percent sign"
    )]
    BadEscape {
        /// The template as given.
        template: String,
        /// The segment as written.
        segment: String,
    },
    /// Another template matches exactly the same paths.
    #[error(
        "the path `{template}` matches the same requests as `{existing}`, which is already \
         taken: change one of them or mount both on one endpoint"
    )]
    Equivalent {
        /// The template that was refused.
        template: String,
        /// The template that was there before.
        existing: String,
    },
}

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] names the template, the part that is wrong and what to write instead.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let Some(rest) = template.strip_prefix('/') else {
            return Err(TemplateError::NoLeadingSlash {
                template: template.to_owned(),
            });
        };
        if let Some(character) = template.chars().find(|character| is_refused(*character)) {
            return Err(TemplateError::BadCharacter {
                template: template.to_owned(),
                character,
            });
        }
        let raw_segments: Vec<&str> = rest.split('/').collect();
        let last = raw_segments.len() - 1;
        let mut segments = Vec::with_capacity(raw_segments.len());
        let mut names: Vec<Box<str>> = Vec::new();
        for (index, raw) in raw_segments.into_iter().enumerate() {
            if raw.is_empty() && index != last {
                return Err(TemplateError::EmptySegment {
                    template: template.to_owned(),
                });
            }
            let segment = read_segment(template, raw, &mut names)?;
            segments.push(segment);
        }
        Ok(Self {
            source: template.into(),
            segments: segments.into_boxed_slice(),
            names: names.into(),
        })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The variables' names in the order of the path.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Compares a request's path with the template and returns the variables' values in the
    /// order of [`names`](Self::names).
    ///
    /// `path` is as it came on the wire, without the query. Values are percent-decoded. No match:
    /// another number of segments, an empty segment for a variable, a `.` or `..` segment (plain
    /// or encoded), an invalid escape, or escapes that are not UTF-8.
    pub fn matches(&self, path: &str) -> Option<Vec<String>> {
        let found = split(path, self.segments.len())?;
        if found.len() != self.segments.len() {
            return None;
        }
        let mut values = Vec::with_capacity(self.names.len());
        for (wanted, segment) in self.segments.iter().zip(found) {
            match wanted {
                Segment::Exact(text) if **text == *segment => {}
                Segment::Variable if !segment.is_empty() => values.push(segment.into_owned()),
                Segment::Exact(_) | Segment::Variable => return None,
            }
        }
        Some(values)
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The variables' names as they are shared with every session of the endpoint.
    pub fn shared_names(&self) -> &Arc<[Box<str>]> {
        &self.names
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

fn read_segment(
    template: &str,
    raw: &str,
    names: &mut Vec<Box<str>>,
) -> Result<Segment, TemplateError> {
    let template = || template.to_owned();
    let segment = || raw.to_owned();
    if let Some(name) = raw
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        if name.contains(['{', '}']) {
            return Err(TemplateError::PartialVariable {
                template: template(),
                segment: segment(),
            });
        }
        if !is_name(name) {
            return Err(TemplateError::BadName {
                template: template(),
                name: name.to_owned(),
            });
        }
        if names.iter().any(|known| **known == *name) {
            return Err(TemplateError::RepeatedName {
                template: template(),
                name: name.to_owned(),
            });
        }
        names.push(name.into());
        return Ok(Segment::Variable);
    }
    if raw.contains(['{', '}']) {
        return Err(TemplateError::PartialVariable {
            template: template(),
            segment: segment(),
        });
    }
    if raw.starts_with([':', '*']) {
        return Err(TemplateError::Wildcard {
            template: template(),
            segment: segment(),
        });
    }
    let Some(text) = decode(raw) else {
        return Err(TemplateError::BadEscape {
            template: template(),
            segment: segment(),
        });
    };
    if is_dots(&text) {
        return Err(TemplateError::DotSegment {
            template: template(),
            segment: segment(),
        });
    }
    Ok(Segment::Exact(text.into()))
}

/// Splits a request's path into decoded segments; at most `limit` of them, so that a path of
/// nothing but slashes costs no memory.
pub(super) fn split(path: &str, limit: usize) -> Option<Vec<Cow<'_, str>>> {
    let rest = path.strip_prefix('/')?;
    let mut segments = Vec::with_capacity(limit.min(16));
    for raw in rest.split('/') {
        if segments.len() == limit {
            return None;
        }
        let segment = decode(raw)?;
        // Clients and proxies resolve these before sending, the encoded ones too; whoever sends
        // them nonetheless hopes that two parsers disagree.
        if is_dots(&segment) {
            return None;
        }
        segments.push(segment);
    }
    Some(segments)
}

fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let bytes = raw.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        if *byte == b'%' {
            let digits = bytes.get(index + 1..index + 3)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
        }
    }
    percent_decode_str(raw).decode_utf8().ok()
}

fn is_dots(segment: &str) -> bool {
    segment == "." || segment == ".."
}

/// RFC 6570, 2.1: what may not stand in the literal part of a template, braces and `%` aside,
/// and what ends a path (`?`, `#`).
fn is_refused(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '"' | '<' | '>' | '\\' | '^' | '`' | '|' | '?' | '#'
        )
}

/// RFC 6570, 2.3, without percent-encoded characters.
fn is_name(name: &str) -> bool {
    name.split('.').all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
