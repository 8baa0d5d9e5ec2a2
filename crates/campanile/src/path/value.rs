//! From one parameter of a path to a type of the caller's.

use serde::de::value::SeqDeserializer;
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::error::PathError;

/// One parameter, whose name goes into every error about it.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

impl Value<'_> {
    fn refused(&self, expected: impl Into<String>) -> PathError {
        PathError::of_value(self.name, self.value, expected)
    }

    /// Completes an error of the caller's type with the parameter's name and value.
    pub(super) fn finish<T>(&self, result: Result<T, PathError>) -> Result<T, PathError> {
        result.map_err(|error| error.inside(self.name, self.value))
    }
}

impl<'de> IntoDeserializer<'de, PathError> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! from_a_whole_number {
    ($($method:ident $visit:ident $number:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
            match self.value.parse::<$number>() {
                Ok(number) => self.finish(visitor.$visit(number)),
                Err(_) => Err(self.refused(format!(
                    "a whole number from {} to {}", <$number>::MIN, <$number>::MAX,
                ))),
            }
        }
    )*};
}

macro_rules! from_the_text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
            self.finish(visitor.visit_str(self.value))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = PathError;

    from_a_whole_number! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    from_the_text! {
        deserialize_any deserialize_str deserialize_string deserialize_identifier
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        match self.value.parse::<f32>() {
            Ok(number) if number.is_finite() => self.finish(visitor.visit_f32(number)),
            _ => Err(self.refused("a finite number")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        match self.value.parse::<f64>() {
            Ok(number) if number.is_finite() => self.finish(visitor.visit_f64(number)),
            _ => Err(self.refused("a finite number")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        match self.value {
            "true" => self.finish(visitor.visit_bool(true)),
            "false" => self.finish(visitor.visit_bool(false)),
            _ => Err(self.refused("`true` or `false`")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        let mut characters = self.value.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => self.finish(visitor.visit_char(character)),
            _ => Err(self.refused("a single character")),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.finish(visitor.visit_bytes(self.value.as_bytes()))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.finish(visitor.visit_newtype_struct(self))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, PathError> {
        Err(self.refused("no value at all, which a path cannot hold: use a string"))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, PathError> {
        Err(PathError::unsupported(
            "one parameter cannot be read as a list",
        ))
    }

    /// The one composite that a parameter can be: its name and its value.
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        if count != 2 {
            return Err(PathError::unsupported(
                "one parameter is at most a pair of name and value",
            ));
        }
        let pair = [
            Value {
                value: self.name,
                ..self
            },
            self,
        ];
        visitor.visit_seq(SeqDeserializer::new(pair.into_iter()))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, PathError> {
        Err(PathError::unsupported(
            "one parameter cannot be read as a map or a struct",
        ))
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
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PathError> {
        self.finish(visitor.visit_enum(self.value.into_deserializer()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PathError> {
        visitor.visit_unit()
    }
}
