//! Matches a text against all steps of a pattern at once.
//!
//! A search that returns to the last `*` takes a time that grows with the square of the text. Here each byte
//! of the text is read once: bit `i` is set if the first `i` steps have matched.

use smallvec::SmallVec;

use super::token::Token;

/// The steps of a pattern that match one byte each, as bits of words.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    /// The number of steps that match one byte.
    steps: usize,
    /// The steps before which any text may stand.
    stays: Box<[u64]>,
    /// The steps that match each byte.
    takes: Box<[u64]>,
}

impl Automaton {
    pub(super) fn new(tokens: &[Token]) -> Self {
        let steps = tokens.iter().filter(|token| **token != Token::AnyText).count();
        // One bit more, which is set if all steps have matched.
        let words = steps / 64 + 1;
        let mut automaton =
            Automaton { steps, stays: vec![0; words].into(), takes: vec![0; words * 256].into() };
        let mut step = 0;
        for token in tokens {
            let (word, bit) = (step / 64, 1 << (step % 64));
            if *token == Token::AnyText {
                automaton.stays[word] |= bit;
                continue;
            }
            for (byte, row) in (0..=u8::MAX).zip(automaton.takes.chunks_exact_mut(words)) {
                if token.takes(byte) {
                    row[word] |= bit;
                }
            }
            step += 1;
        }
        automaton
    }

    /// Returns true if the whole of `text` matches. The time grows with the length of the text, and with the
    /// number of steps divided by 64.
    pub(super) fn accepts(&self, text: &[u8]) -> bool {
        // This also limits the number of steps to the length of the text.
        if text.len() < self.steps {
            return false;
        }
        let words = self.stays.len();
        let mut states: SmallVec<[u64; 4]> = SmallVec::from_elem(0, words);
        states[0] = 1;
        for byte in text {
            let takes = self.takes.iter().skip(usize::from(*byte) * words);
            let (mut carry, mut any) = (0, 0);
            for ((state, takes), stays) in states.iter_mut().zip(takes).zip(&self.stays) {
                let taken = *state & takes;
                *state = (taken << 1) | carry | (*state & stays);
                carry = taken >> 63;
                any |= *state;
            }
            if any == 0 {
                return false;
            }
        }
        states[self.steps / 64] >> (self.steps % 64) & 1 == 1
    }
}
