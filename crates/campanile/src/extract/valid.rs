//! Arguments that are more than well-formed.

use super::{Encoded, FromEvent, Json, Path, Query};
use crate::context::Context;
use crate::error::Rejection;

/// What can say whether its value is one that the application accepts; see [`Valid`].
pub trait Validate {
    /// # Errors
    /// What is wrong and what to do. The client is told.
    fn validate(&self) -> Result<(), String>;
}

/// An argument whose value is also accepted by its own [`Validate`] (S132); else it is rejected
/// with [`Rejection::Invalid`], which tells a client `invalid-payload` and what is wrong.
///
/// ```
/// use campanile::{Endpoint, Json, Valid, Validate};
///
/// #[derive(serde::Deserialize)]
/// struct Order {
///     amount: u32,
/// }
///
/// impl Validate for Order {
///     fn validate(&self) -> Result<(), String> {
///         match self.amount {
///             1..=100 => Ok(()),
///             _ => Err("order between 1 and 100 pieces".to_owned()),
///         }
///     }
/// }
///
/// async fn order(Valid(Json(order)): Valid<Json<Order>>) -> String {
///     format!("{} pieces are yours", order.amount)
/// }
///
/// let endpoint = Endpoint::new().on_text(order);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valid<E>(pub E);

impl<E: FromEvent + Validate> FromEvent for Valid<E> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let value = E::from_event(context)?;
        match value.validate() {
            Ok(()) => Ok(Self(value)),
            Err(what) => Err(Rejection::Invalid(what)),
        }
    }
}

impl<T: Validate> Validate for Json<T> {
    fn validate(&self) -> Result<(), String> {
        self.0.validate()
    }
}

impl<T: Validate> Validate for Path<T> {
    fn validate(&self) -> Result<(), String> {
        self.0.validate()
    }
}

impl<T: Validate> Validate for Query<T> {
    fn validate(&self) -> Result<(), String> {
        self.0.validate()
    }
}

impl<F, T: Validate> Validate for Encoded<F, T> {
    fn validate(&self) -> Result<(), String> {
        self.value.validate()
    }
}
