//! Redis's patterns, matched in this process, so that the memory store and Redis agree on the names that
//! `clear("user:*")` removes.
//!
//! `*` is any text, `?` any one byte, `[abc]`, `[a-z]`, `[^a]` one byte of a set, and `\x` the character
//! itself. As in Redis, a match is about bytes: `?` does not match `é`, `??` does. Quirks of Redis are kept:
//! a set that is not closed ends with the pattern, `[^]` matches any byte and `[]` none.

mod automaton;
mod compile;
#[cfg(test)]
mod tests;
mod token;

use automaton::Automaton;
use cache_syntax::MAX_SEGMENTS;
use token::Token;

use crate::error::Error;
use crate::key::name::MAX_LENGTH;

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    tokens: Vec<Token>,
    automaton: Automaton,
}

/// The maximum number of `*` in a pattern that is sent to Redis.
const MOST_STARS: usize = 2;

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Error::Name`] if the pattern is empty, begins with `#`, is longer than 1 KiB, or holds a control
    /// character or a character other than ASCII in a set (Redis would read its bytes as members of the set);
    /// and if no name can match it.
    pub(crate) fn new(pattern: &str) -> Result<Self, Error> {
        let checked = Self::compile(pattern).and_then(|compiled| match compiled.fault() {
            Some(fault) => Err(fault),
            None => Ok(compiled),
        });
        checked.map_err(|reason| Error::Name {
            what: "pattern",
            given: pattern.chars().take(compile::MAX_LENGTH).collect(),
            reason,
        })
    }

    /// Compiles a pattern that may match nothing.
    fn compile(pattern: &str) -> Result<Self, &'static str> {
        let tokens = compile::compile(pattern)?;
        let automaton = Automaton::new(&tokens);
        Ok(Self { text: pattern.to_owned(), tokens, automaton })
    }

    /// Returns the reason for which no name can match the pattern; `None` if one can.
    fn fault(&self) -> Option<&'static str> {
        let is_white = |token: Option<&Token>| matches!(token, Some(Token::Byte(byte)) if byte.is_ascii_whitespace());
        let fixed = self.tokens.iter().filter(|token| **token != Token::AnyText);
        if self.tokens.first() == Some(&Token::Byte(b'#')) {
            Some("no name begins with `#`")
        } else if is_white(self.tokens.first()) || is_white(self.tokens.last()) {
            Some("it begins or ends with white space, which no name does")
        } else if self.tokens.contains(&Token::Set { inverted: false, ranges: Vec::new() }) {
            Some("its set `[]` matches no character")
        } else if fixed.count() > MAX_LENGTH && !self.is_below_a_tag() {
            Some(
                "a name of more than 200 bytes is stored under a shortened text, as `names` lists it",
            )
        } else {
            None
        }
    }

    /// Returns true if everything that the pattern matches has a tag by which it can be invalidated.
    fn is_below_a_tag(&self) -> bool {
        self.whole_prefix().is_some_and(|prefix| prefix.split(':').count() <= MAX_SEGMENTS)
    }

    /// Returns the pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if the whole of `text` matches. The time is linear in its length.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.automaton.accepts(text.as_bytes())
    }

    /// Returns a pattern for Redis that matches everything that this one does, and possibly more. With
    /// several `*`, Redis may take a time that grows with a power of the name's length.
    pub(crate) fn for_redis(&self) -> (String, bool) {
        if self.text.matches('*').count() <= MOST_STARS {
            (self.text.clone(), true)
        } else {
            (escape(&self.literal_prefix()) + "*", false)
        }
    }

    /// Returns the text with which every match begins.
    pub(crate) fn literal_prefix(&self) -> String {
        let bytes = self.tokens.iter().map_while(|token| match token {
            Token::Byte(byte) => Some(*byte),
            _ => None,
        });
        // The bytes are those of whole characters: a pattern is text, and all its special characters are
        // ASCII.
        String::from_utf8(bytes.collect()).unwrap_or_default()
    }

    /// Returns `Some("video")` for `video:*`: the prefix whose names are exactly the matches of the pattern.
    pub(crate) fn whole_prefix(&self) -> Option<String> {
        let (last, literal) = self.tokens.split_last()?;
        let prefix = self.literal_prefix();
        if *last != Token::AnyText || prefix.len() != literal.len() {
            return None;
        }
        prefix.strip_suffix(':').filter(|prefix| !prefix.is_empty()).map(str::to_owned)
    }

    /// Returns true if the pattern matches every name.
    pub(crate) fn is_everything(&self) -> bool {
        self.tokens == [Token::AnyText]
    }
}

impl Token {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Token::AnyText => false,
            Token::AnyByte => true,
            Token::Byte(own) => *own == byte,
            Token::Set { inverted, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte)) != *inverted
            }
        }
    }
}

/// Returns a pattern that matches `text` alone.
pub(crate) fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}
