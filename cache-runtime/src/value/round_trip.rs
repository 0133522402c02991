//! The function `assert_round_trip`, for the tests of users.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Write as _};

use super::{Equality, Likeness, Printing, Types, Unfit, ValueCodec, distinct};
use super::{owned, type_of, value_of};
use crate::config::CacheConfig;
use crate::error::REMEDY;
use crate::format::codec::DefaultCodec;
use crate::output::CacheValue;
use crate::support::panics::unless_panicking;

/// The maximum number of lines that are shown of a difference.
const SHOWN: usize = 20;

/// Checks that Redis would return a value unchanged, with each codec of this crate. Use it in a test for
/// each type that a cached function returns, with values in which each optional field is present and
/// absent.
///
/// A value that fails this check is not stored in Redis: each call loads it, or, in mode `tiered`, each
/// process loads it and keeps it in its own memory. It is then counted
/// ([`Counts::lossy`](crate::Counts)) and logged as an error, once for each function.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct Video {
///     title: String,
///     #[serde(default, skip_serializing_if = "Option::is_none")]
///     length: Option<u32>,
/// }
///
/// cache_runtime::assert_round_trip(&Video { title: "a".into(), length: None });
/// cache_runtime::assert_round_trip(&Video { title: "a".into(), length: Some(1) });
/// ```
///
/// # Panics
/// If Redis would not return the value unchanged. The message shows the difference for each codec:
///
/// ```should_panic
/// # use serde::{Deserialize, Serialize};
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// struct User {
///     name: String,
///     #[serde(skip)]
///     password_hash: String,
/// }
///
/// cache_runtime::assert_round_trip(&User { name: "ada".into(), password_hash: "$2b$".into() });
/// ```
#[track_caller]
#[allow(clippy::panic, reason = "a test is told of a failure by a panic")]
pub fn assert_round_trip<V: CacheValue + PartialEq + Debug>(value: &V) {
    let likeness = Likeness { equality: Equality::by::<V>(), printing: Printing::by::<V>() };
    for codec in DefaultCodec::ALL {
        if let Some(lost) = lost(value, *codec, likeness) {
            panic!("{lost}");
        }
    }
}

/// Returns a description of the losses with this configured codec; `None` if there are none.
fn lost<V: CacheValue + Debug>(
    value: &V,
    codec: DefaultCodec,
    likeness: Likeness,
) -> Option<String> {
    let config = CacheConfig { codec, max_value_size: usize::MAX, ..CacheConfig::default() };
    let types = Types::new(&config);
    let of = type_of::<V>();
    let mut text = format!("Redis would not return a `{}` unchanged", of.name());
    let Some(measures) = unless_panicking(|| value_of(value).measure(false)) else {
        return Some(format!("{text}\n  {}\n{REMEDY}", Unfit::Panics));
    };
    for codec in distinct(of.codec(codec), of) {
        match types.encode_with(value_of(value), &measures, codec, likeness) {
            Ok(_) => return None,
            Err(why) => {
                // Writing to a `String` does not fail.
                let _ = write!(
                    text,
                    "\n  {}: {why}{}",
                    codec.name(),
                    LostPart { value, codec, why: &why }
                );
            }
        }
    }
    Some(format!("{text}\n{REMEDY}"))
}

/// Prints the differences between a value and the value that is read back.
struct LostPart<'a, V> {
    value: &'a V,
    codec: &'a dyn ValueCodec,
    why: &'a Unfit,
}

impl<V: CacheValue + Debug> LostPart<'_, V> {
    fn back(&self) -> Option<V> {
        let mut bytes = Vec::new();
        self.codec.encode(value_of(self.value), &mut bytes).ok()?;
        self.codec.decode(&bytes).ok().and_then(owned)
    }
}

impl<V: CacheValue + Debug> fmt::Display for LostPart<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = || Some((format!("{:#?}", self.value), format!("{:#?}", self.back()?)));
        let Unfit::Differs = self.why else { return Ok(()) };
        let Some((value, back)) = unless_panicking(printed).flatten() else { return Ok(()) };
        let (gone, new) = (missing(&value, &back), missing(&back, &value));
        let gone = gone.into_iter().map(|line| ('-', line));
        let lines: Vec<_> = gone.chain(new.into_iter().map(|line| ('+', line))).collect();
        for (sign, line) in lines.iter().take(SHOWN) {
            write!(f, "\n    {sign} {line}")?;
        }
        match lines.len() {
            0 => f.write_str("\n    (both have the same `Debug` output)"),
            count if count > SHOWN => write!(f, "\n    and {} more lines", count - SHOWN),
            _ => Ok(()),
        }
    }
}

/// Returns the lines that occur in `text` more often than in `other`.
fn missing<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    let mut others: VecDeque<&str> = other.lines().collect();
    let is_missing = |line: &&str| match others.iter().position(|other| other == line) {
        Some(at) => others.remove(at).is_none(),
        None => true,
    };
    text.lines().filter(is_missing).collect()
}
