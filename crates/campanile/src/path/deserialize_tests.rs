//! Tests of path parameters as a handler's types.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::*;
use crate::path::PathTemplate;

/// The parameters of a session's path, with the conversion under test as a method.
struct Parameters(campanile_hub::PathParameters);

impl Parameters {
    fn deserialize_into<T: DeserializeOwned>(&self) -> Result<T, PathError> {
        deserialize(self.0.iter())
    }
}

fn parameters(template: &str, values: &[&str]) -> Parameters {
    let template = PathTemplate::parse(template).expect("a valid template");
    let values = values.iter().map(ToString::to_string).collect();
    Parameters(campanile_hub::PathParameters::new(
        template.shared_names().clone(),
        values,
    ))
}

fn one<T: DeserializeOwned>(value: &str) -> Result<T, PathError> {
    parameters("/{id}", &[value]).deserialize_into()
}

fn message<T: DeserializeOwned + std::fmt::Debug>(parameters: &Parameters) -> String {
    parameters
        .deserialize_into::<T>()
        .expect_err("does not fit")
        .to_string()
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
}

#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
struct UserId(u32);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Even(u64);

impl TryFrom<String> for Even {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse() {
            Ok(number) if number % 2 == 0 => Ok(Self(number)),
            _ => Err("an even number"),
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Order {
    user: UserId,
    side: Side,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    user: u32,
}

/// A type that looks at its parameters together.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "(u32, u32)")]
struct Range(u32, u32);

impl TryFrom<(u32, u32)> for Range {
    type Error = &'static str;

    fn try_from((low, high): (u32, u32)) -> Result<Self, Self::Error> {
        if low <= high {
            Ok(Self(low, high))
        } else {
            Err("the range is upside down")
        }
    }
}

#[test]
fn a_type_may_refuse_its_parameters_together() {
    assert_eq!(
        parameters("/{low}/{high}", &["1", "2"]).deserialize_into(),
        Ok(Range(1, 2))
    );
    let error = parameters("/{low}/{high}", &["2", "1"])
        .deserialize_into::<Range>()
        .expect_err("upside down");
    assert!(error.is_for_the_client());
    assert_eq!(
        error.to_string(),
        "the path parameters were refused: the range is upside down"
    );
}

#[test]
fn a_single_parameter() {
    assert_eq!(one("张三"), Ok("张三".to_owned()));
    assert_eq!(one("255"), Ok(255u8));
    assert_eq!(one("-1"), Ok(-1i64));
    assert_eq!(one("1.5"), Ok(1.5f64));
    assert_eq!(one("0.5"), Ok(0.5f32));
    assert_eq!(one("true"), Ok(true));
    assert_eq!(one("三"), Ok('三'));
    assert_eq!(one("buy"), Ok(Side::Buy));
    assert_eq!(one("7"), Ok(UserId(7)));
    assert_eq!(one("8"), Ok(Even(8)));
    assert_eq!(one("x"), Ok(Some("x".to_owned())));
    assert_eq!(one("x"), Ok(("x".to_owned(),)));
    assert_eq!(one(&u128::MAX.to_string()), Ok(u128::MAX));
}

#[test]
fn several_parameters() {
    let found = parameters("/users/{user}/{side}", &["7", "sell"]);
    assert_eq!(found.deserialize_into(), Ok((7u32, Side::Sell)));
    assert_eq!(
        found.deserialize_into(),
        Ok(Order {
            user: UserId(7),
            side: Side::Sell,
            note: None
        }),
    );
    let by_name: HashMap<String, String> = found.deserialize_into().expect("a map of strings");
    assert_eq!(by_name["user"], "7");
    assert_eq!(by_name["side"], "sell");
    assert_eq!(
        found.deserialize_into(),
        Ok(vec![
            ("user".to_owned(), "7".to_owned()),
            ("side".to_owned(), "sell".to_owned())
        ]),
    );
    assert_eq!(
        found.deserialize_into(),
        Ok(vec!["7".to_owned(), "sell".to_owned()])
    );
    assert_eq!(
        found.deserialize_into(),
        Ok(serde_json::json!({"user": "7", "side": "sell"}))
    );

    let numbers = parameters("/{a}/{b}", &["1", "2"]);
    assert_eq!(
        numbers.deserialize_into(),
        Ok(BTreeMap::from([
            ("a".to_owned(), 1u8),
            ("b".to_owned(), 2u8)
        ])),
    );
    assert_eq!(numbers.deserialize_into(), Ok([1u8, 2u8]));
}

#[test]
fn pairs_from_elsewhere() {
    assert_eq!(deserialize([("a", "1"), ("b", "2")]), Ok((1u8, 2u8)));
    assert_eq!(deserialize([]), Ok(()));
}

#[test]
fn no_parameters() {
    let none = parameters("/plain", &[]);
    assert_eq!(none.deserialize_into(), Ok(()));
    assert_eq!(none.deserialize_into(), Ok(None::<String>));
    assert_eq!(none.deserialize_into(), Ok(Vec::<String>::new()));
    assert_eq!(
        message::<String>(&none),
        "the type needs exactly 1 parameter, but the path has none: \
         change the path's variables or the type",
    );
}

#[test]
fn a_refused_value_is_named_with_what_would_fit() {
    assert_eq!(
        one::<u8>("256").expect_err("too large").to_string(),
        "the path parameter `id` is \"256\", expected a whole number from 0 to 255",
    );
    let table = [
        (one::<i8>("x").map(drop), "a whole number from -128 to 127"),
        (
            one::<u64>("-1").map(drop),
            "a whole number from 0 to 18446744073709551615",
        ),
        (one::<f64>("NaN").map(drop), "a finite number"),
        (one::<f32>("1e99").map(drop), "a finite number"),
        (one::<bool>("yes").map(drop), "`true` or `false`"),
        (one::<char>("ab").map(drop), "a single character"),
        (one::<Side>("hold").map(drop), "one of `buy`, `sell`"),
        (one::<Even>("3").map(drop), "an even number"),
        (
            one::<UserId>("x").map(drop),
            "a whole number from 0 to 4294967295",
        ),
        (one::<std::net::IpAddr>("x").map(drop), "IP address"),
    ];
    for (result, expected) in table {
        let error = result.expect_err(expected);
        assert!(error.is_for_the_client(), "{error}");
        assert!(
            error.to_string().starts_with("the path parameter `id` is "),
            "{error}"
        );
        assert!(error.to_string().contains(expected), "{error}");
    }
    let found = parameters("/users/{user}/{side}", &["7", "up"]);
    assert_eq!(
        message::<Order>(&found),
        "the path parameter `side` is \"up\", expected one of `buy`, `sell`",
    );
    assert!(message::<(Even, Side)>(&found).contains("`user` is \"7\", expected an even number"));
    assert!(message::<(u32, u32)>(&found).contains("`side` is \"up\""));
    assert!(message::<HashMap<String, u32>>(&found).contains("`side` is \"up\""));
}

#[test]
fn a_hostile_value_is_cut_and_escaped_in_the_error() {
    let error = one::<u8>(&format!("\r\n{}", "9".repeat(10_000))).expect_err("not a number");
    let text = error.to_string();
    assert!(text.len() < 200, "{text}");
    assert!(text.contains(r#""\r\n999"#) && text.contains('…'), "{text}");
}

#[test]
fn a_type_of_another_shape_is_the_programs_mistake() {
    let found = parameters("/{user}/{side}", &["7", "buy"]);
    let table = [
        (
            message::<String>(&found),
            "exactly 1 parameter, but the path has 2 (`user`, `side`)",
        ),
        (
            message::<Side>(&found),
            "exactly 1 parameter, but the path has 2",
        ),
        (
            message::<(u8, Side, u8)>(&found),
            "exactly 3 parameters, but the path has 2",
        ),
        (
            message::<()>(&found),
            "exactly 0 parameters, but the path has 2",
        ),
        (
            message::<Vec<Vec<String>>>(&found),
            "one parameter cannot be read as a list",
        ),
        (
            message::<Vec<Order>>(&found),
            "one parameter cannot be read as a map",
        ),
        (
            message::<Vec<(u8, u8, u8)>>(&found),
            "at most a pair of name and value",
        ),
    ];
    for (text, expected) in table {
        assert!(text.contains(expected), "{text}");
    }
    assert!(message::<Strict>(&found).contains("no field for the path parameter `side`"));
    let other = parameters("/{user}/{sides}", &["7", "buy"]);
    let error = other
        .deserialize_into::<Order>()
        .expect_err("a missing field");
    assert!(!error.is_for_the_client());
    assert_eq!(
        error.to_string(),
        "the type needs the path parameter `side`, but the path has 2 (`user`, `sides`): \
         rename the variable or the field",
    );
}
