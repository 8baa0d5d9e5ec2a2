//! What a selector is after parsing.

use super::{
    like::Like,
    number::{Arithmetic, Number},
};

/// The place of an operand among the nodes: before its operator.
pub(super) type Place = u8;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(Box<str>),
    Number(Number),
    Boolean(bool),
    Header(Box<str>),
    Not(Place),
    And(Place, Place),
    Or(Place, Place),
    Compare(Comparison, Place, Place),
    Between(Place, Place, Place),
    /// The operand, and where its list begins; it ends before this node.
    In(Place, Place),
    Like(Place, Box<Like>),
    IsNull(Place),
    Negate(Place),
    Arithmetic(Arithmetic, Place, Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a node comes to, as far as that is known before there is a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A header: whatever it spells.
    Header,
    Text,
    Number,
    Boolean,
}

impl Node {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Header(_) => Kind::Header,
            Self::Text(_) => Kind::Text,
            Self::Number(_) | Self::Negate(_) | Self::Arithmetic(..) => Kind::Number,
            _ => Kind::Boolean,
        }
    }
}
