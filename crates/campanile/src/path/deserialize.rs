//! From all parameters of a path to a type of the caller's.

use std::slice::Iter;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use super::error::PathError;
use super::value::Value;

/// Converts the parameters of a path, as `(name, value)` in the template's order, to a type of
/// the caller's.
///
/// `T` may be
/// - a single string, number, boolean, character or enum without data, when there is exactly one
///   parameter;
/// - a tuple with one element for each parameter, in their order;
/// - a struct with fields named like the variables, or a map by name;
/// - a `Vec` of the values, or of `(name, value)` pairs.
///
/// # Errors
/// [`PathError`] when a value does not fit the type, when `T` needs another number of
/// parameters, or when a field has no variable of its name. The latter two are mistakes in the
/// program rather than in the request, see [`PathError::is_for_the_client`].
pub fn deserialize<'a, T, I>(parameters: I) -> Result<T, PathError>
where
    T: DeserializeOwned,
    I: IntoIterator<Item = (&'a str, &'a str)>,
{
    let pairs: Vec<(&str, &str)> = parameters.into_iter().collect();
    T::deserialize(Parameters(&pairs)).map_err(|error| match (error, &*pairs) {
        (PathError::Missing { name, .. }, pairs) => PathError::Missing {
            name,
            found: describe(pairs),
        },
        (error, [(name, value)]) => error.inside(name, value),
        (error, _) => error,
    })
}

fn describe(pairs: &[(&str, &str)]) -> String {
    let names: Vec<String> = pairs.iter().map(|(name, _)| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        count => format!("{count} ({})", names.join(", ")),
    }
}

/// All parameters of a path.
struct Parameters<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Parameters<'a> {
    fn count_error(&self, expected: impl Into<String>) -> PathError {
        PathError::Count {
            expected: expected.into(),
            found: describe(self.0),
        }
    }

    fn single(&self) -> Result<Value<'a>, PathError> {
        match self.0 {
            [(name, value)] => Ok(Value { name, value }),
            _ => Err(self.count_error("exactly 1 parameter")),
        }
    }

    fn exactly(&self, count: usize) -> Result<(), PathError> {
        match count {
            count if count == self.0.len() => Ok(()),
            1 => Err(self.count_error("exactly 1 parameter")),
            _ => Err(self.count_error(format!("exactly {count} parameters"))),
        }
    }
}

macro_rules! from_the_single_parameter {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
            self.single()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameters<'_> {
    type Error = PathError;

    from_the_single_parameter! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        if self.0.is_empty() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.exactly(0)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_seq(Rest {
            pairs: self.0.iter(),
            value: None,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.exactly(count)?;
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_map(Rest {
            pairs: self.0.iter(),
            value: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.single()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }
}

/// The parameters that a list or a map has not yet taken. An error names the one that it is about,
/// also when it arises in a conversion after the value was read.
struct Rest<'a> {
    pairs: Iter<'a, (&'a str, &'a str)>,
    /// The value whose key was taken last.
    value: Option<Value<'a>>,
}

impl<'de> SeqAccess<'de> for Rest<'_> {
    type Error = PathError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, PathError> {
        let Some(&(name, value)) = self.pairs.next() else {
            return Ok(None);
        };
        let value = Value { name, value };
        value.finish(seed.deserialize(value)).map(Some)
    }
}

impl<'de> MapAccess<'de> for Rest<'_> {
    type Error = PathError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, PathError> {
        let Some(&(name, value)) = self.pairs.next() else {
            return Ok(None);
        };
        self.value = Some(Value { name, value });
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PathError> {
        match self.value.take() {
            Some(value) => value.finish(seed.deserialize(value)),
            None => Err(PathError::unsupported(
                "it asks for a value before its name",
            )),
        }
    }
}

#[cfg(test)]
#[path = "deserialize_tests.rs"]
mod tests;
