//! What the hub knows a STOMP subscription by.
//!
//! A label says what is written before each MESSAGE: the client's id, escaped for its version
//! already, so that a delivery does not escape it again. A subscription of 1.0 may have no id; then
//! its destination tells it apart from others, and nothing is written.

use campanile_stomp::{Version, append_message_prefix};

const WITH_ID: char = 'i';
const WITHOUT_ID: char = 'd';

/// The label of a subscription with this id, or else to this destination.
pub(crate) fn label(version: Version, id: Option<&str>, destination: &str) -> String {
    match id {
        None => format!("{WITHOUT_ID}{destination}"),
        Some(id) => {
            let mut prefix = Vec::new();
            append_message_prefix(version, Some(id), None, &mut prefix);
            let prefix = String::from_utf8_lossy(&prefix);
            format!(
                "{WITH_ID}{}",
                prefix.strip_prefix("MESSAGE\n").unwrap_or_default()
            )
        }
    }
}

/// What a MESSAGE to this subscription begins with, behind its command.
pub(crate) fn header(label: &str) -> &str {
    label.strip_prefix(WITH_ID).unwrap_or_default()
}

/// The id that a subscription with this label has in headers, as it is escaped there; empty if it
/// has none.
pub(crate) fn id(label: &str) -> &str {
    let value = header(label).strip_prefix("subscription:");
    value.unwrap_or_default().trim_end_matches('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s62_an_id_is_escaped_once_and_by_the_receivers_version() {
        let of = |version, id| header(&label(version, id, "/topic/a")).to_owned();
        assert_eq!(of(Version::V12, Some("a:1")), "subscription:a\\c1\n");
        assert_eq!(of(Version::V10, Some("a\n1")), "subscription:a 1\n");
        assert_eq!(of(Version::V10, None), "");
        let labels = [
            label(Version::V10, None, "/topic/a"),
            label(Version::V10, Some("/topic/a"), "/topic/a"),
        ];
        assert_ne!(labels[0], labels[1]);
    }
}
