//! Redis's patterns, matched here, so that the memory store and Redis agree on what
//! `clear("user:*")` removes.
//!
//! `*` any text, `?` any one character, `[abc]`, `[a-z]`, `[^a]` one character of a set, `\x` the character
//! itself. Redis matches bytes, for which `é` is two: it is asked for more ([`Pattern::for_redis`]), and what it
//! finds is looked at here. Its quirks are kept: a set that is not closed ends with the pattern, `[^]` matches any
//! character and `[]` none.

mod compile;
#[cfg(test)]
mod tests;

use crate::error::Error;

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

/// What one step of a pattern matches.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// Any number of characters; never two in a row.
    AnyText,
    AnyChar,
    Byte(u8),
    Set {
        inverted: bool,
        ranges: Vec<(u8, u8)>,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Error::Name`] if it is empty, begins with `#`, is longer than 1 KiB, or holds a control
    /// character or a character other than ASCII in a set (which Redis would take for its
    /// bytes).
    pub(crate) fn new(pattern: &str) -> Result<Self, Error> {
        let refused = |reason| Error::Name {
            what: "pattern",
            given: pattern.chars().take(compile::MAX_LENGTH).collect(),
            reason,
        };
        let tokens = compile::compile(pattern).map_err(refused)?;
        Ok(Self { text: pattern.to_owned(), tokens })
    }

    /// The one that matches every name.
    pub(crate) fn everything() -> Self {
        Self { text: "*".to_owned(), tokens: vec![Token::AnyText] }
    }

    /// The pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` matches. The time is at most the product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (tokens, text) = (&self.tokens[..], text.as_bytes());
        let (mut token, mut at) = (0, 0);
        // Where to go on when a later step fails: after the last `*`, which then takes one character
        // more. Earlier ones need no second look, since the last one can take whatever they
        // could have left.
        let mut retry = None;
        loop {
            match tokens.get(token) {
                Some(Token::AnyText) => {
                    retry = Some((token, at));
                    token += 1;
                    continue;
                }
                None if at == text.len() => return true,
                Some(step) => {
                    if let Some(taken) = text.get(at).and_then(|byte| step.takes(*byte)) {
                        (token, at) = (token + 1, at + taken);
                        continue;
                    }
                }
                None => {}
            }
            match &mut retry {
                Some((star, from)) if *from < text.len() => {
                    *from += char_len(text[*from]);
                    (token, at) = (*star + 1, *from);
                }
                _ => return false,
            }
        }
    }

    /// The text that everything matched begins with.
    pub(crate) fn literal_prefix(&self) -> String {
        let bytes = self.tokens.iter().map_while(|token| match token {
            Token::Byte(byte) => Some(*byte),
            _ => None,
        });
        // The bytes of whole characters: a pattern is text, and what is not literal in it is ASCII.
        String::from_utf8(bytes.collect()).unwrap_or_default()
    }

    /// `Some("video")` for `video:*`: the prefix whose names are exactly what the pattern matches.
    pub(crate) fn whole_prefix(&self) -> Option<String> {
        let (last, literal) = self.tokens.split_last()?;
        let prefix = self.literal_prefix();
        if *last != Token::AnyText || prefix.len() != literal.len() {
            return None;
        }
        prefix.strip_suffix(':').filter(|prefix| !prefix.is_empty()).map(str::to_owned)
    }

    /// A pattern by which Redis finds everything that this one matches, and maybe more.
    pub(crate) fn for_redis(&self) -> String {
        let mut wide = Vec::with_capacity(self.text.len());
        for token in &self.tokens {
            match token {
                Token::AnyText | Token::AnyChar | Token::Set { inverted: true, .. } => {
                    if !wide.ends_with(b"*") || wide.ends_with(b"\\*") {
                        wide.push(b'*');
                    }
                }
                Token::Set { .. } => wide.push(b'?'),
                Token::Byte(byte) => {
                    if SPECIAL.contains(byte) {
                        wide.push(b'\\');
                    }
                    wide.push(*byte);
                }
            }
        }
        // Whole characters: see `literal_prefix`.
        String::from_utf8(wide).unwrap_or_else(|_| "*".to_owned())
    }

    /// Whether it matches every name.
    pub(crate) fn is_everything(&self) -> bool {
        self.tokens == [Token::AnyText]
    }
}

impl Token {
    /// How many bytes it takes of a text whose next character, or byte of one, begins with this.
    fn takes(&self, byte: u8) -> Option<usize> {
        match self {
            Token::AnyText => None,
            Token::AnyChar => Some(char_len(byte)),
            Token::Byte(own) => (*own == byte).then_some(1),
            Token::Set { inverted, ranges } => {
                let listed = ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte));
                (listed != *inverted).then(|| char_len(byte))
            }
        }
    }
}

/// How many bytes the character has that begins with this one.
fn char_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// What has to be escaped to stand for itself.
const SPECIAL: &[u8] = b"*?[]\\";

/// A pattern that matches `text` alone.
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
