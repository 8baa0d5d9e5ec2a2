//! From words and signs to a tree, by descending through the precedence of operators.

use super::{
    DEPTH_MAX, NODES_MAX, PATTERN_CHARS_MAX,
    error::SelectorError,
    lexer::{Lexer, Token},
    like::{Like, LikeError},
    number::{Arithmetic, Number},
    tree::{Comparison, Kind, Node, Place},
};

/// Words that are no headers unless they are quoted.
const KEYWORDS: [&str; 11] = [
    "AND", "OR", "NOT", "BETWEEN", "IN", "LIKE", "ESCAPE", "IS", "NULL", "TRUE", "FALSE",
];

/// Reads one selector. Each level of precedence is a method, which returns the place of what it has
/// read.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token,
    position: usize,
    nodes: Vec<Node>,
    depth: usize,
}

type Parsed = Result<Place, SelectorError>;

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, SelectorError> {
        let mut lexer = Lexer::new(text);
        let (token, position) = lexer.next()?;
        Ok(Self {
            lexer,
            token,
            position,
            nodes: Vec::new(),
            depth: 0,
        })
    }

    pub(super) fn parse(mut self) -> Result<Vec<Node>, SelectorError> {
        let whole = self.either()?;
        self.require_condition(whole, 1)?;
        match self.token {
            Token::End => Ok(self.nodes),
            _ => Err(self.unexpected("an operator or the end")),
        }
    }

    fn either(&mut self) -> Parsed {
        let mut left = self.both()?;
        loop {
            let position = self.position;
            if !self.take_word("OR")? {
                return Ok(left);
            }
            let right = self.both()?;
            self.require_condition(left, position)?;
            self.require_condition(right, position)?;
            left = self.add(Node::Or(left, right))?;
        }
    }

    fn both(&mut self) -> Parsed {
        let mut left = self.negation()?;
        loop {
            let position = self.position;
            if !self.take_word("AND")? {
                return Ok(left);
            }
            let right = self.negation()?;
            self.require_condition(left, position)?;
            self.require_condition(right, position)?;
            left = self.add(Node::And(left, right))?;
        }
    }

    fn negation(&mut self) -> Parsed {
        let position = self.position;
        if !self.take_word("NOT")? {
            return self.predicate();
        }
        self.descend()?;
        let operand = self.negation()?;
        self.depth -= 1;
        self.require_condition(operand, position)?;
        self.add(Node::Not(operand))
    }

    fn predicate(&mut self) -> Parsed {
        let left = self.sum()?;
        let position = self.position;
        if let Some(comparison) = self.comparison() {
            self.advance()?;
            let right = self.sum()?;
            self.require_comparable(comparison, left, right, position)?;
            return self.add(Node::Compare(comparison, left, right));
        }
        if self.take_word("IS")? {
            let is_not = self.take_word("NOT")?;
            if !self.take_word("NULL")? {
                return Err(self.unexpected("NULL"));
            }
            let null = self.add(Node::IsNull(left))?;
            return self.negated(null, is_not);
        }
        let is_not = self.take_word("NOT")?;
        let test = if self.take_word("BETWEEN")? {
            self.between(left, position)?
        } else if self.take_word("IN")? {
            self.list(left, position)?
        } else if self.take_word("LIKE")? {
            self.like(left, position)?
        } else if is_not {
            return Err(self.unexpected("BETWEEN, IN or LIKE"));
        } else {
            return Ok(left);
        };
        self.negated(test, is_not)
    }

    fn negated(&mut self, test: Place, is_not: bool) -> Parsed {
        match is_not {
            true => self.add(Node::Not(test)),
            false => Ok(test),
        }
    }

    fn between(&mut self, value: Place, position: usize) -> Parsed {
        let low = self.sum()?;
        if !self.take_word("AND")? {
            return Err(self.unexpected("AND"));
        }
        let high = self.sum()?;
        for operand in [value, low, high] {
            self.require(operand, Kind::Number, "numbers", position)?;
        }
        self.add(Node::Between(value, low, high))
    }

    fn list(&mut self, value: Place, position: usize) -> Parsed {
        self.require_sign("(")?;
        let first = self.nodes.len();
        loop {
            let item = self.item()?;
            self.require_comparable(Comparison::Equal, value, item, position)?;
            if !self.take_sign(",")? {
                break;
            }
        }
        self.require_sign(")")?;
        self.add(Node::In(value, place(first)))
    }

    /// A literal of a list.
    fn item(&mut self) -> Parsed {
        let is_negative = self.take_sign("-")?;
        let node = match (&self.token, is_negative) {
            (Token::Number(number), true) => number.negate().map(Node::Number),
            (Token::Number(number), false) => Some(Node::Number(*number)),
            (Token::Text(text), false) => Some(Node::Text(text.clone())),
            _ => None,
        };
        let node = node.ok_or_else(|| self.unexpected("a text in single quotes or a number"))?;
        self.advance()?;
        self.add(node)
    }

    fn like(&mut self, value: Place, position: usize) -> Parsed {
        self.require(value, Kind::Text, "a header", position)?;
        let position = self.position;
        let pattern = self.text("a pattern in single quotes")?;
        let mut escape = None;
        if self.take_word("ESCAPE")? {
            let text = self.text("a character in single quotes")?;
            let mut characters = text.chars();
            escape = characters.next();
            if escape.is_none() || characters.next().is_some() {
                return Err(SelectorError::EscapeInvalid { position });
            }
        }
        let like = Like::new(&pattern, escape).map_err(|error| match error {
            LikeError::Escape => SelectorError::EscapeInvalid { position },
            LikeError::TooLong => SelectorError::PatternTooLong {
                position,
                pattern_chars_max: PATTERN_CHARS_MAX,
            },
        })?;
        self.add(Node::Like(value, Box::new(like)))
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let position = self.position;
            let operator = if self.take_sign("+")? {
                Arithmetic::Add
            } else if self.take_sign("-")? {
                Arithmetic::Subtract
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = self.arithmetic(operator, left, right, position)?;
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.signed()?;
        loop {
            let position = self.position;
            let operator = if self.take_sign("*")? {
                Arithmetic::Multiply
            } else if self.take_sign("/")? {
                Arithmetic::Divide
            } else {
                return Ok(left);
            };
            let right = self.signed()?;
            left = self.arithmetic(operator, left, right, position)?;
        }
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: Place,
        right: Place,
        position: usize,
    ) -> Parsed {
        self.require(left, Kind::Number, "numbers", position)?;
        self.require(right, Kind::Number, "numbers", position)?;
        self.add(Node::Arithmetic(operator, left, right))
    }

    fn signed(&mut self) -> Parsed {
        let position = self.position;
        let is_negative = self.take_sign("-")?;
        if !is_negative && !self.take_sign("+")? {
            return self.operand();
        }
        self.descend()?;
        let operand = self.signed()?;
        self.depth -= 1;
        self.require(operand, Kind::Number, "a number", position)?;
        let negated = match self.nodes.get(usize::from(operand)) {
            Some(Node::Number(number)) if is_negative => number.negate(),
            _ => None,
        };
        match (negated, self.nodes.last_mut()) {
            (Some(negated), Some(last)) => {
                *last = Node::Number(negated);
                Ok(operand)
            }
            // A sign makes a number of a header: twice negated it is the same.
            _ if is_negative => self.add(Node::Negate(operand)),
            _ => {
                let zero = self.add(Node::Number(Number::Integer(0)))?;
                self.add(Node::Arithmetic(Arithmetic::Add, operand, zero))
            }
        }
    }

    fn operand(&mut self) -> Parsed {
        if self.take_sign("(")? {
            self.descend()?;
            let inner = self.either()?;
            self.depth -= 1;
            self.require_sign(")")?;
            return Ok(inner);
        }
        let node = match &self.token {
            Token::Text(text) => Node::Text(text.clone()),
            Token::Number(number) => Node::Number(*number),
            Token::Word(word) if word.eq_ignore_ascii_case("TRUE") => Node::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("FALSE") => Node::Boolean(false),
            Token::Word(word) if !is_keyword(word) => Node::Header(word.clone()),
            Token::Quoted(name) if !name.is_empty() => Node::Header(name.clone()),
            _ => return Err(self.unexpected("a header, a literal or a parenthesis")),
        };
        self.advance()?;
        self.add(node)
    }

    fn comparison(&self) -> Option<Comparison> {
        Some(match self.token {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("<>") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }

    fn require_condition(&self, operand: Place, position: usize) -> Result<(), SelectorError> {
        self.require(operand, Kind::Boolean, "a condition", position)
    }

    /// That `operand` is of `kind`, or a header.
    fn require(
        &self,
        operand: Place,
        kind: Kind,
        needed: &'static str,
        position: usize,
    ) -> Result<(), SelectorError> {
        let found = self.kind(operand);
        match found == kind || found == Kind::Header {
            true => Ok(()),
            false => Err(SelectorError::TypeMismatch { position, needed }),
        }
    }

    fn require_comparable(
        &self,
        comparison: Comparison,
        left: Place,
        right: Place,
        position: usize,
    ) -> Result<(), SelectorError> {
        if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            self.require(left, Kind::Number, "numbers", position)?;
            return self.require(right, Kind::Number, "numbers", position);
        }
        match self.kind(left) {
            Kind::Header => Ok(()),
            kind => self.require(right, kind, "operands of the same type", position),
        }
    }

    fn kind(&self, operand: Place) -> Kind {
        let node = self.nodes.get(usize::from(operand));
        node.map_or(Kind::Header, Node::kind)
    }

    fn add(&mut self, node: Node) -> Parsed {
        if self.nodes.len() >= NODES_MAX {
            return Err(SelectorError::TooManyNodes {
                position: self.position,
                nodes_max: NODES_MAX,
            });
        }
        self.nodes.push(node);
        Ok(place(self.nodes.len() - 1))
    }

    fn descend(&mut self) -> Result<(), SelectorError> {
        self.depth += 1;
        match self.depth > DEPTH_MAX {
            true => Err(SelectorError::TooDeep {
                position: self.position,
                depth_max: DEPTH_MAX,
            }),
            false => Ok(()),
        }
    }

    fn advance(&mut self) -> Result<(), SelectorError> {
        (self.token, self.position) = self.lexer.next()?;
        Ok(())
    }

    fn take_word(&mut self, keyword: &str) -> Result<bool, SelectorError> {
        let found = matches!(&self.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn take_sign(&mut self, sign: &str) -> Result<bool, SelectorError> {
        let found = matches!(self.token, Token::Sign(found) if found == sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn require_sign(&mut self, sign: &'static str) -> Result<(), SelectorError> {
        match self.take_sign(sign)? {
            true => Ok(()),
            false => Err(self.unexpected(sign)),
        }
    }

    fn text(&mut self, expected: &'static str) -> Result<Box<str>, SelectorError> {
        let Token::Text(text) = &self.token else {
            return Err(self.unexpected(expected));
        };
        let text = text.clone();
        self.advance()?;
        Ok(text)
    }

    fn unexpected(&self, expected: &'static str) -> SelectorError {
        SelectorError::Unexpected {
            position: self.position,
            expected,
        }
    }
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|it| word.eq_ignore_ascii_case(it))
}

/// There are at most [`NODES_MAX`] nodes.
fn place(index: usize) -> Place {
    index as Place
}
