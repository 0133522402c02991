//! Call sites: what the macro knows about an annotated function.

mod instance;
mod location;
mod spec;
mod type_name;

use std::fmt;
use std::sync::{PoisonError, RwLock};

use once_cell::sync::OnceCell;

pub(crate) use instance::{Instance, instance_of, is_function_name};
pub use location::{Declared, Place};
pub use spec::{Coalesce, SiteKey, SiteSpec, Tier, TtlSpec};
use spec::{check_numbers, check_prefix};
pub(crate) use type_name::without_closures;

/// The `static` of one annotated function.
pub struct Site {
    spec: SiteSpec,
    first: OnceCell<&'static Instance>,
    others: RwLock<Vec<&'static Instance>>,
}

impl Site {
    /// A site with these options.
    ///
    /// # Panics
    /// At compile time, as the initialiser of a `static`: if a constant that an option names cannot
    /// be its value.
    pub const fn new(spec: SiteSpec) -> Self {
        if let Some(prefix) = spec.prefix {
            check_prefix(prefix);
        }
        check_numbers(&spec);
        Site { spec, first: OnceCell::new(), others: RwLock::new(Vec::new()) }
    }

    pub(crate) fn spec(&self) -> &SiteSpec {
        &self.spec
    }

    #[inline]
    pub(crate) fn instance(&'static self, type_name: &'static str) -> &'static Instance {
        match self.first.get() {
            Some(first) if std::ptr::eq(first.type_name, type_name) => first,
            _ => self.find(type_name),
        }
    }

    /// One type name may stand at several addresses: then its text decides.
    #[cold]
    fn find(&'static self, type_name: &'static str) -> &'static Instance {
        let first = self.first.get_or_init(|| Instance::leak(&self.spec, type_name));
        if first.type_name == type_name {
            return first;
        }
        let known =
            |list: &Vec<&'static Instance>| list.iter().copied().find(|i| i.type_name == type_name);
        if let Some(found) = known(&self.others.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        known(&others).unwrap_or_else(|| {
            let instance = Instance::leak(&self.spec, type_name);
            others.push(instance);
            instance
        })
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("spec", &self.spec).finish_non_exhaustive()
    }
}
