//! Compares a value that was read back with the one that was written.
//!
//! `PartialEq` decides if the type has it, otherwise `Debug`. A function that is generic over the type cannot
//! test for either. So generated code finds them by method look-up, where the type is known. Values that are
//! equal by `PartialEq` may still differ in parts that it does not compare. So their bytes or contents must
//! be the same as well.

use std::fmt::{self, Debug, Write as _};

use super::ValueRef;
use super::kind::MemoryKind;
use crate::format::shape::Words;
use crate::output::{AnyResult, OutputKind, PlainKind, ResultKind};

/// The comparison of the values of one type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Likeness {
    pub(crate) equality: Equality,
    pub(crate) printing: Printing,
}

impl Likeness {
    /// Returns true if `back` equals `value`. `same_bytes` returns true if both are encoded to the same
    /// bytes.
    pub(crate) fn holds(
        self,
        value: ValueRef<'_>,
        back: ValueRef<'_>,
        same_bytes: impl FnOnce() -> bool,
    ) -> bool {
        match self.equality.of(value, back) {
            Some(false) => false,
            Some(true) => same_bytes() || value.has_content_of(back),
            None => value.has_content_of(back) && self.printing.of(value, back) != Some(false),
        }
    }

    /// Returns true if two values are equal by `PartialEq`; without it, if they have the same content except for
    /// the order of elements. Returns `None` if they cannot be compared.
    pub(crate) fn compares(self, value: ValueRef<'_>, other: ValueRef<'_>) -> Option<bool> {
        let by_content = || value.has_content_of(value).then(|| value.has_content_of(other));
        self.equality.of(value, other).or_else(by_content)
    }
}

/// The `PartialEq` of a type, if it has one.
#[derive(Clone, Copy, Default)]
pub struct Equality(Option<Equal>);

type Equal = fn(ValueRef<'_>, ValueRef<'_>) -> bool;

impl Equality {
    pub(super) fn by<V: PartialEq + 'static>() -> Self {
        Equality(Some(|a, b| match (a.typed::<V>(), b.typed::<V>()) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }))
    }

    /// Returns `None` for a value that does not equal its own clone, such as a NaN.
    fn of(self, value: ValueRef<'_>, back: ValueRef<'_>) -> Option<bool> {
        let equal = self.0?;
        let same = equal(value, back);
        (same || value.cloned().is_none_or(|clone| equal(value, clone.as_ref()))).then_some(same)
    }
}

/// The `Debug` of a type, if it has one.
#[derive(Clone, Copy, Default)]
pub struct Printing(Option<fn(ValueRef<'_>) -> u64>);

impl Printing {
    pub(super) fn by<V: Debug + 'static>() -> Self {
        Printing(Some(|value| {
            let mut words = Words::default();
            if let Some(value) = value.typed::<V>() {
                // If a `Debug` fails, the text up to the failure is compared.
                let _ = write!(words, "{value:?}");
            }
            words.digest()
        }))
    }

    /// Returns `None` for a value that prints differently each time.
    fn of(self, value: ValueRef<'_>, back: ValueRef<'_>) -> Option<bool> {
        let print = self.0?;
        let printed = print(value);
        let same = printed == print(back);
        (same || value.cloned().is_none_or(|clone| printed == print(clone.as_ref())))
            .then_some(same)
    }
}

/// Taken by method look-up if the value of a function can be compared.
pub trait ProbeEqual {
    /// Returns the comparison.
    fn __cache_equality(&self) -> Equality;
}

impl<R: AnyResult<Ok: PartialEq + 'static>> ProbeEqual for &ResultKind<R> {
    fn __cache_equality(&self) -> Equality {
        Equality::by::<R::Ok>()
    }
}

impl<R: PartialEq + 'static> ProbeEqual for &PlainKind<R> {
    fn __cache_equality(&self) -> Equality {
        Equality::by::<R>()
    }
}

impl<K: OutputKind<Value: PartialEq + 'static>> ProbeEqual for &MemoryKind<K> {
    fn __cache_equality(&self) -> Equality {
        Equality::by::<K::Value>()
    }
}

/// Taken by method look-up if it cannot be compared.
pub trait ProbeUnequal {
    /// Returns no comparison.
    fn __cache_equality(&self) -> Equality;
}

impl<K: OutputKind> ProbeUnequal for K {
    fn __cache_equality(&self) -> Equality {
        Equality::default()
    }
}

/// Taken by method look-up if the value of a function can be printed.
pub trait ProbePrint {
    /// Returns the comparison by the printed text.
    fn __cache_printing(&self) -> Printing;
}

impl<R: AnyResult<Ok: Debug + 'static>> ProbePrint for &ResultKind<R> {
    fn __cache_printing(&self) -> Printing {
        Printing::by::<R::Ok>()
    }
}

impl<R: Debug + 'static> ProbePrint for &PlainKind<R> {
    fn __cache_printing(&self) -> Printing {
        Printing::by::<R>()
    }
}

/// Taken by method look-up if it cannot be printed.
pub trait ProbeUnprinted {
    /// Returns no comparison.
    fn __cache_printing(&self) -> Printing;
}

impl<K: OutputKind> ProbeUnprinted for K {
    fn __cache_printing(&self) -> Printing {
        Printing::default()
    }
}

impl Debug for Equality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Equality").field(&self.0.is_some()).finish()
    }
}

impl Debug for Printing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Printing").field(&self.0.is_some()).finish()
    }
}
