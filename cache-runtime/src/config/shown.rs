//! Formats values for error messages.

use std::time::Duration;

use super::jitter::Jitter;
use super::size::Bytes;
use super::text::show_duration;

/// A value with a range, as an error message shows it.
pub(super) trait Shown {
    fn shown(&self) -> String;
}

impl Shown for Duration {
    fn shown(&self) -> String {
        show_duration(*self)
    }
}

impl Shown for Option<Duration> {
    fn shown(&self) -> String {
        self.map_or_else(|| "none".to_owned(), show_duration)
    }
}

impl Shown for usize {
    fn shown(&self) -> String {
        Bytes(*self).to_string()
    }
}

macro_rules! shown_as_it_is {
    ($($type:ty),+) => {
        $(impl Shown for $type {
            fn shown(&self) -> String {
                self.to_string()
            }
        })+
    };
}

shown_as_it_is!(u16, String, Jitter);
