//! Headers that go with a message.

use std::sync::Arc;

/// Headers that go with a message: names and values, in order. Cheap to clone; none cost nothing.
///
/// Protocols that have headers hand them on, others leave them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Option<Arc<[Header]>>);

type Header = (Box<str>, Box<str>);

impl Headers {
    /// The value of the first header of this name, in this spelling.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().flat_map(|all| all.iter());
        all.map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many bytes names and values have together.
    pub fn bytes(&self) -> usize {
        self.iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let all: Arc<[_]> = headers
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self((!all.is_empty()).then_some(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_all_are_kept() {
        let headers: Headers = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(headers.get("a"), Some("1"));
        assert_eq!(headers.get("A"), None);
        assert_eq!(headers.iter().count(), 3);
        assert_eq!(headers.bytes(), 6);
        assert!(Headers::default().is_empty());
        assert!(
            std::iter::empty::<(&str, &str)>()
                .collect::<Headers>()
                .is_empty()
        );
        assert_eq!(size_of::<Headers>(), 16);
    }
}
