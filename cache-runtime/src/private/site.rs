//! The `static` of a cached function, and its state in this process.

use std::fmt;

use once_cell::sync::OnceCell;

use crate::site::{Instance, SiteSpec, check_numbers, check_prefix};
use crate::support::lock::RwLock;
use crate::tiers::core::Bound;

/// The `static` of one annotated function.
pub struct Site {
    spec: SiteSpec,
    first: OnceCell<&'static Local>,
    others: RwLock<Vec<&'static Local>>,
}

/// An instance of the function in this process.
pub(super) struct Local {
    pub(super) instance: Instance,
    /// The state that the process's own manager keeps for it.
    bound: OnceCell<Bound>,
}

impl Local {
    fn leak(spec: &'static SiteSpec, type_name: &'static str) -> &'static Self {
        Instance::register(spec, type_name, |instance| {
            let local: &Local = Box::leak(Box::new(Local { instance, bound: OnceCell::new() }));
            (local, &local.instance)
        })
    }

    /// Returns the state that the process's own manager keeps for it.
    #[inline]
    pub(super) fn bound(&'static self) -> &'static Bound {
        #[cold]
        fn bind(local: &'static Local) -> &'static Bound {
            local.bound.get_or_init(|| crate::manager::global().bind(&local.instance))
        }
        self.bound.get().unwrap_or_else(|| bind(self))
    }
}

impl Site {
    /// Returns a site with these options.
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

    /// Returns its options, for the registry.
    pub const fn spec(&self) -> &SiteSpec {
        &self.spec
    }

    #[inline]
    pub(super) fn local(&'static self, type_name: &'static str) -> &'static Local {
        match self.first.get() {
            Some(first) if std::ptr::eq(first.instance.type_name, type_name) => first,
            _ => self.find(type_name),
        }
    }

    /// Compares the texts if the addresses differ, because one type name may be at several addresses.
    #[cold]
    fn find(&'static self, type_name: &'static str) -> &'static Local {
        let first = self.first.get_or_init(|| Local::leak(&self.spec, type_name));
        if first.instance.type_name == type_name {
            return first;
        }
        let known = |list: &Vec<&'static Local>| {
            list.iter().copied().find(|i| i.instance.type_name == type_name)
        };
        if let Some(found) = known(&self.others.read()) {
            return found;
        }
        let mut others = self.others.write();
        known(&others).unwrap_or_else(|| {
            let local = Local::leak(&self.spec, type_name);
            others.push(local);
            local
        })
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("spec", &self.spec).finish_non_exhaustive()
    }
}
