//! The lives of entries and tokens in Redis.

use std::time::Duration;

use super::Life;
use crate::support::clock::millis;

/// The minimum life of a token.
pub(super) const TOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// Returns the life of an entry, as an argument of a script.
pub(super) fn entry_life(life: Life) -> String {
    match life {
        Life::For(duration) => millis(duration).max(1).to_string(),
        Life::Forever => "-1".into(),
    }
}

/// Returns the life of a token, which is longer than this life of every entry that records it, as an argument.
pub(super) fn token_life(life: Life) -> String {
    entry_life(life_of_tokens(life))
}

/// Does the same as a life.
pub(super) fn life_of_tokens(life: Life) -> Life {
    match life {
        Life::For(duration) => Life::For(duration.saturating_mul(2).max(TOKEN_TTL)),
        Life::Forever => Life::Forever,
    }
}
