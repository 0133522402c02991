//! The parts of a call that generated code provides.

use super::hooks::Rules;
use super::key_source::FullKey;
use super::site::Site;
use super::uncached::Uncached;
use crate::cache_call::request::Delivery;
use crate::collector::BypassReason;
use crate::key::name::{Renderer, validate_tag};
use crate::support::panics::unless_panicking;
use crate::tiers::core::Bound;

/// The tags of one call.
#[derive(Debug, Default)]
pub struct Tags {
    pub(super) rendered: Vec<String>,
    /// The reason for which the call is not cached.
    pub(super) fault: Option<Uncached>,
}

impl Tags {
    /// Adds a tag.
    pub fn add(&mut self, render: impl FnOnce(&mut Renderer)) {
        match Renderer::run(render) {
            Ok(tag) => self.rendered.push(tag.as_str().to_owned()),
            Err(_) => _ = self.fault.get_or_insert(Uncached::TagDisplay),
        }
    }

    /// Adds a tag that is the text of an expression, by the rules of the direct API.
    pub fn add_text(&mut self, text: impl FnOnce() -> String) {
        let Some(tag) = unless_panicking(text) else {
            self.fault.get_or_insert(Uncached::TagPanics);
            return;
        };
        match validate_tag(&tag) {
            Ok(_) => self.rendered.push(tag),
            Err(error) => _ = self.fault.get_or_insert(Uncached::Tag(error.to_string())),
        }
    }
}

/// The constants and numbers of one call.
#[derive(Clone, Copy, Debug)]
pub struct CallContext {
    /// The `static` of its function.
    pub site: &'static Site,
    /// The type name of a closure in its function.
    pub type_name: &'static str,
    /// The number of the call, if it returns a box: see [`boxed_call`](super::boxed_call).
    pub boxed: u64,
    /// The result of `bypass_if`.
    pub bypass: bool,
    /// `early_refresh`; zero: off.
    pub early_refresh: f64,
    /// True if `verify` gives a time.
    pub verifies: bool,
}

impl CallContext {
    /// Returns the reason for which the call neither reads nor stores: its options say so, its function has been
    /// switched off, or the whole cache is off.
    pub(super) fn bypass_reason(&self, bound: &Bound) -> Option<BypassReason> {
        if self.bypass {
            return Some(BypassReason::Condition);
        }
        let is_off = !bound.counters.is_on() || bound.core.is_off();
        is_off.then_some(BypassReason::Off)
    }

    /// Returns true if there is such a reason, for a call that may be answered from memory, so that the cache is not
    /// off, or if a hit is to be verified.
    #[inline]
    pub(super) fn bypasses_memory(&self, bound: &Bound) -> bool {
        self.bypass
            || !bound.counters.is_direct()
            || (self.verifies && bound.counters.is_verification_due())
    }
}

/// The parts of a call that are made only if memory does not have its value.
pub(super) struct CallParts<'a> {
    pub(super) key: &'a dyn FullKey,
    pub(super) tags: &'a mut dyn FnMut(&mut Tags),
    pub(super) rules: &'a mut dyn FnMut() -> Rules,
}

/// The reason for which memory does not answer a call.
pub(super) enum MissReason {
    /// Memory does not have the value, was not read, or has a value that is due for an early refresh.
    NotServed(Early),
    /// The call has received a request.
    Requested(Delivery),
}

impl MissReason {
    /// Returns true if the caller gets the output of the function, or its value.
    pub(super) fn is_read(&self) -> bool {
        match self {
            MissReason::NotServed(_) => true,
            MissReason::Requested(delivery) => delivery.reads(),
        }
    }
}

/// True if a fresh value is due for an early refresh.
#[derive(Clone, Copy)]
pub(super) struct Early(pub(super) bool);

impl From<Early> for MissReason {
    fn from(early: Early) -> Self {
        MissReason::NotServed(early)
    }
}
