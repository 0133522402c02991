//! Reads a pattern in the same way as Redis's `stringmatchlen`.

use super::token::Token;

/// The maximum length of an accepted pattern, in bytes. (Redis itself rejects patterns with more than 1,000
/// `*`.)
pub(super) const MAX_LENGTH: usize = 1024;

/// Returns the steps of a pattern, or the reason for which it cannot be used.
pub(super) fn compile(pattern: &str) -> Result<Vec<Token>, &'static str> {
    check(pattern)?;
    let mut rest = pattern.as_bytes();
    let mut tokens = Vec::with_capacity(rest.len());
    while let Some((token, after)) = token(rest)? {
        if token != Token::AnyText || tokens.last() != Some(&token) {
            tokens.push(token);
        }
        rest = after;
    }
    Ok(tokens)
}

fn check(pattern: &str) -> Result<(), &'static str> {
    if pattern.is_empty() {
        Err("it is empty; `*` matches every name")
    } else if pattern.starts_with('#') {
        Err("no name begins with `#`")
    } else if pattern.len() > MAX_LENGTH {
        Err("it is longer than 1024 bytes")
    } else if pattern.chars().any(char::is_control) {
        Err("it holds a control character, which no name does")
    } else {
        Ok(())
    }
}

type NextToken<'a> = Option<(Token, &'a [u8])>;

fn token(pattern: &[u8]) -> Result<NextToken<'_>, &'static str> {
    Ok(Some(match pattern {
        [] => return Ok(None),
        [b'*', rest @ ..] => (Token::AnyText, rest),
        [b'?', rest @ ..] => (Token::AnyByte, rest),
        [b'[', b'^', rest @ ..] => set(true, rest)?,
        [b'[', rest @ ..] => set(false, rest)?,
        // A backslash at the end of a pattern stands for itself.
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => (Token::Byte(*byte), rest),
    }))
}

fn set(inverted: bool, mut rest: &[u8]) -> Result<(Token, &[u8]), &'static str> {
    let mut ranges = Vec::new();
    loop {
        let (range, after) = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', byte, after @ ..] => ((*byte, *byte), after),
            [from, b'-', to, after @ ..] => ((*from.min(to), *from.max(to)), after),
            [byte, after @ ..] => ((*byte, *byte), after),
        };
        if !range.1.is_ascii() {
            return Err("only ASCII characters can stand in a set, since Redis compares bytes");
        }
        ranges.push(range);
        rest = after;
    }
    Ok((Token::Set { inverted, ranges }, rest))
}
