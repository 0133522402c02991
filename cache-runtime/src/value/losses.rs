//! The functions that have returned values that cannot be stored in Redis.

use std::collections::BTreeMap;

use crate::support::lock::Mutex;

/// The first value of each function and type that could not be stored.
#[derive(Debug, Default)]
pub(crate) struct Losses(Mutex<Known>);

/// The reasons, by function and type.
type Known = BTreeMap<(&'static str, &'static str), Box<str>>;

/// Values that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) function: &'static str,
    pub(crate) type_name: &'static str,
    /// The reason, by each codec.
    pub(crate) message: Box<str>,
}

impl Losses {
    /// Notes a loss. Returns true if it is the first of its kind.
    pub(crate) fn note(
        &self,
        function: &'static str,
        type_name: &'static str,
        message: &str,
    ) -> bool {
        let mut known = self.0.lock();
        let is_new = !known.contains_key(&(function, type_name));
        if is_new {
            known.insert((function, type_name), message.into());
        }
        is_new
    }

    pub(crate) fn all(&self) -> Vec<Loss> {
        let known = self.0.lock();
        let losses = known.iter().map(|(&(function, type_name), message)| {
            let message = message.clone();
            Loss { function, type_name, message }
        });
        losses.collect()
    }
}
