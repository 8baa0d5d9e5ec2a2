//! A library's public items as text, one a line.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use crate::run::{Failure, during};

/// The file of the library `name`, below the top of the checkout.
pub(super) fn file(name: &str) -> String {
    format!("{}/{name}.txt", super::FOLDER)
}

/// The items of the library whose JSON is at `path`, sorted, without what the compiler implements
/// for every type.
///
/// # Errors
/// When the file is not rustdoc's JSON.
pub(super) fn items(path: &Path) -> Result<String, Failure> {
    let api = public_api::Builder::from_rustdoc_json(path)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(during(path.display()))?;
    Ok(api.to_string())
}

/// The lines that went, marked with `-`, and those that came, with `+`; empty if nothing changed.
pub(super) fn difference(before: &str, after: &str) -> String {
    let old: BTreeSet<&str> = before.lines().collect();
    let new: BTreeSet<&str> = after.lines().collect();
    let mut difference = String::new();
    // Writing into a string cannot fail.
    for line in before.lines().filter(|line| !new.contains(line)) {
        let _ = writeln!(difference, "  - {line}");
    }
    for line in after.lines().filter(|line| !old.contains(line)) {
        let _ = writeln!(difference, "  + {line}");
    }
    if difference.is_empty() && before != after {
        difference.push_str("  only the order or the number of lines is different\n");
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_and_what_came_is_told() {
        let before = "pub fn a::ring()\npub fn a::toll()\n";
        let after = "pub fn a::chime()\npub fn a::ring()\n";
        assert_eq!(
            difference(before, after),
            "  - pub fn a::toll()\n  + pub fn a::chime()\n"
        );
        assert_eq!(difference(before, before), "");
        assert_eq!(difference("", "pub mod a\n"), "  + pub mod a\n");
    }

    #[test]
    fn another_order_is_a_difference() {
        assert!(difference("a\nb\n", "b\na\n").contains("order"));
        assert!(difference("a\n", "a\na\n").contains("number"));
    }
}
