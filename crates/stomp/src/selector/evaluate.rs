//! What a selector says of one message.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    number::Number,
    tree::{Comparison, Node, Place},
};

/// What an operand comes to.
enum Value<'v> {
    Unknown,
    Boolean(bool),
    Number(Number),
    Text(&'v str),
    /// A text that counts as what it spells where that is asked for.
    Header(Cow<'v, str>),
}

/// One look at one message. It descends from operators to operands, which come before them: at most
/// as deep as there are nodes, of which there are few.
pub(super) struct Evaluation<'v, F> {
    nodes: &'v [Node],
    header: &'v F,
}

impl<'v, 'h: 'v, F: Fn(&str) -> Option<Cow<'h, str>>> Evaluation<'v, F> {
    pub(super) fn new(nodes: &'v [Node], header: &'v F) -> Self {
        Self { nodes, header }
    }

    /// Whether the whole is true, neither false nor unknown.
    pub(super) fn is_true(&self) -> bool {
        let whole = self.nodes.len().checked_sub(1);
        whole.is_some_and(|whole| self.condition(whole as Place) == Some(true))
    }

    /// True, false or unknown.
    fn condition(&self, place: Place) -> Option<bool> {
        match self.nodes.get(usize::from(place))? {
            Node::Not(operand) => self.condition(*operand).map(|it| !it),
            Node::And(left, right) => match self.condition(*left) {
                Some(false) => Some(false),
                Some(true) => self.condition(*right),
                None => self.condition(*right).filter(|it| !it),
            },
            Node::Or(left, right) => match self.condition(*left) {
                Some(true) => Some(true),
                Some(false) => self.condition(*right),
                None => self.condition(*right).filter(|it| *it),
            },
            Node::Compare(comparison, left, right) => {
                compare(*comparison, &self.value(*left), &self.value(*right))
            }
            Node::Between(value, low, high) => {
                let value = self.number(*value)?;
                let above = self.number(*low).and_then(|low| value.order(low));
                let below = self.number(*high).and_then(|high| value.order(high));
                match (above.map(Ordering::is_ge), below.map(Ordering::is_le)) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (above, below) => above.and(below),
                }
            }
            Node::In(value, first) => {
                let value = self.value(*value);
                if matches!(value, Value::Unknown) {
                    return None;
                }
                let mut items = *first..place;
                let is_in = items.any(|item| {
                    compare(Comparison::Equal, &value, &self.value(item)) == Some(true)
                });
                Some(is_in)
            }
            Node::Like(value, like) => match self.value(*value) {
                Value::Text(text) => Some(like.matches(text)),
                Value::Header(text) => Some(like.matches(&text)),
                _ => None,
            },
            Node::IsNull(value) => Some(match self.nodes.get(usize::from(*value))? {
                Node::Header(name) => (self.header)(name).is_none(),
                Node::Text(_) | Node::Number(_) | Node::Boolean(_) => false,
                Node::Negate(_) | Node::Arithmetic(..) => self.number(*value).is_none(),
                _ => self.condition(*value).is_none(),
            }),
            Node::Boolean(value) => Some(*value),
            Node::Header(name) => spelt_boolean(&(self.header)(name)?),
            Node::Text(_) | Node::Number(_) | Node::Negate(_) | Node::Arithmetic(..) => None,
        }
    }

    fn value(&self, place: Place) -> Value<'v> {
        match self.nodes.get(usize::from(place)) {
            Some(Node::Text(text)) => Value::Text(text),
            Some(Node::Header(name)) => (self.header)(name).map_or(Value::Unknown, Value::Header),
            Some(Node::Number(_) | Node::Negate(_) | Node::Arithmetic(..)) => {
                self.number(place).map_or(Value::Unknown, Value::Number)
            }
            _ => self.condition(place).map_or(Value::Unknown, Value::Boolean),
        }
    }

    fn number(&self, place: Place) -> Option<Number> {
        match self.nodes.get(usize::from(place))? {
            Node::Number(number) => Some(*number),
            Node::Header(name) => Number::parse(&(self.header)(name)?),
            Node::Negate(operand) => self.number(*operand)?.negate(),
            Node::Arithmetic(operator, left, right) => self
                .number(*left)?
                .calculate(*operator, self.number(*right)?),
            _ => None,
        }
    }
}

fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    use Value::{Boolean, Header, Number, Text};
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let order = match (left, right) {
        (Number(left), Number(right)) => left.order(*right),
        (Number(left), Header(text)) => left.order(self::Number::parse(text)?),
        (Header(text), Number(right)) => self::Number::parse(text)?.order(*right),
        (Header(left), Header(right)) if !is_equality => {
            self::Number::parse(left)?.order(self::Number::parse(right)?)
        }
        (Header(left), Header(right)) => Some(left.cmp(right)),
        (Header(left), Text(right)) | (Text(right), Header(left)) => Some((**left).cmp(*right)),
        (Text(left), Text(right)) => Some(left.cmp(right)),
        (Boolean(left), Boolean(right)) => Some(left.cmp(right)),
        (Header(text), Boolean(value)) | (Boolean(value), Header(text)) => {
            Some(spelt_boolean(text)?.cmp(value))
        }
        _ => None,
    }?;
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

fn spelt_boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}
