//! From text to words and signs.

use super::{error::SelectorError, number::Number};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A header's name, or a keyword.
    Word(Box<str>),
    /// A header's name in double quotes: never a keyword.
    Quoted(Box<str>),
    Text(Box<str>),
    Number(Number),
    /// An operator, a parenthesis or a comma.
    Sign(&'static str),
    End,
}

/// Longer ones first.
const SIGNS: [&str; 13] = [
    "<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-", "*", "/",
];

#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token and its position.
    pub(super) fn next(&mut self) -> Result<(Token, usize), SelectorError> {
        let rest = self.rest().trim_ascii_start();
        self.at = self.text.len() - rest.len();
        let position = self.at + 1;
        let token = match rest.chars().next() {
            None => Token::End,
            Some('\'') => Token::Text(self.quoted('\'', position)?),
            Some('"') => Token::Quoted(self.quoted('"', position)?),
            Some(first) if first.is_ascii_digit() || starts_fraction(rest) => {
                self.number(position)?
            }
            Some(first) if first.is_alphabetic() || first == '_' || first == '$' => {
                let word = self.take_while(|it| it.is_alphanumeric() || "_$.".contains(it));
                Token::Word(word.into())
            }
            Some(_) => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let expected = "a header, a literal or an operator";
                let sign = sign.ok_or(SelectorError::Unexpected { position, expected })?;
                self.at += sign.len();
                Token::Sign(sign)
            }
        };
        Ok((token, position))
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|it| !fits(it)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// What stands between quotes; a doubled one within stands for one.
    fn quoted(&mut self, quote: char, position: usize) -> Result<Box<str>, SelectorError> {
        let mut content = String::new();
        loop {
            self.at += 1;
            content.push_str(self.take_while(|it| it != quote));
            if self.rest().is_empty() {
                return Err(SelectorError::QuoteNotClosed { position });
            }
            self.at += 1;
            if !self.rest().starts_with(quote) {
                return Ok(content.into());
            }
            content.push(quote);
        }
    }

    fn number(&mut self, position: usize) -> Result<Token, SelectorError> {
        let start = self.at;
        self.take_while(|it| it.is_ascii_digit() || it == '.');
        if self.rest().starts_with(['e', 'E']) {
            self.at += 1;
            if self.rest().starts_with(['+', '-']) {
                self.at += 1;
            }
        }
        // Letters behind it belong to it, and make it wrong.
        self.take_while(|it| it.is_alphanumeric() || "_$.".contains(it));
        let number = Number::parse(&self.text[start..self.at]);
        let number = number.ok_or(SelectorError::NumberInvalid { position })?;
        Ok(Token::Number(number))
    }
}

/// Whether a number begins with its dot.
fn starts_fraction(rest: &str) -> bool {
    let digit = rest.strip_prefix('.').and_then(|rest| rest.chars().next());
    digit.is_some_and(|digit| digit.is_ascii_digit())
}
