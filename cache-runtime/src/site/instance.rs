//! A function with its type parameters filled in.

use std::fmt;
use std::sync::Arc;

use super::location::{Declared, SourceLocation};
use super::spec::SiteSpec;
use super::type_name::{label, without_closures};
use crate::coherence::generation::Slot;
use crate::key::name;
use crate::key::{self, NameHasher};
use crate::site::fingerprint::Alarm;
use crate::support::lock::RwLock;

/// One annotated function with its type parameters filled in.
///
/// A `static` in a generic function is shared by all its instances, so the site keeps one of these for each.
/// They live as long as the program, and their number is limited by the code of the program.
pub(crate) struct Instance {
    pub(crate) spec: &'static SiteSpec,
    /// The type name that distinguishes this instance from others, in the form of the compiler.
    pub(crate) type_name: &'static str,
    /// `module::function<types>`, for people: without types it is [`SourceLocation::path`].
    ///
    /// [`SourceLocation::path`]: crate::SourceLocation::path
    label: String,
    /// Package, module path, function and type parameters, which distinguish its keys from those of others.
    pub(crate) identity: String,
    /// `prefix:function:`, the beginning of its names.
    head: String,
    /// Makes the end of its names from its identity, version and arguments.
    names: NameHasher,
    /// The prefixes of all its names that are made from arguments.
    pub(crate) prefixes: Prefixes,
    /// The prefixes of its names that a template makes, if the rendered part has none.
    pub(crate) template_prefixes: Prefixes,
    /// The identity and version as a number, which identifies the function in an entry.
    pub(crate) origin: u64,
    /// True if no other function has the identity. Two functions of one name in sibling blocks have the same
    /// type name. The second one to be called is distinguished in memory, but cannot be distinguished in
    /// Redis.
    pub(crate) distinct: bool,
    /// Finds calls whose different arguments serialise equally.
    pub(crate) alarm: Alarm,
}

/// All instances that have been called.
static KNOWN: RwLock<Vec<&'static Instance>> = RwLock::new(Vec::new());

/// Returns true if a name may be that of a function's entry: `prefix:function:hash`.
pub(crate) fn is_function_name(name: &str) -> bool {
    let Some((head, hash)) = name.rsplit_once(':') else { return false };
    let is_of = |instance: &&Instance| {
        head.strip_suffix(instance.spec.declared.function).and_then(|head| head.strip_suffix(':'))
            == Some(instance.spec.prefix())
    };
    hash.len() == 40 && KNOWN.read().iter().any(is_of)
}

impl Instance {
    /// Registers an instance. `place` moves it to its final place.
    pub(crate) fn register<T>(
        spec: &'static SiteSpec,
        type_name: &'static str,
        place: impl FnOnce(Self) -> (T, &'static Self),
    ) -> T {
        let Declared { package, module, .. } = spec.declared;
        let identity = format!("{package}|{module}|{}", without_closures(type_name));
        let origin = key::origin(&identity, spec.version);
        let mut known = KNOWN.write();
        let twin = known
            .iter()
            .any(|other| other.identity == identity && other.spec.version == spec.version);
        // The values of such a function are kept in this process only, so they may be distinguished by a
        // random number.
        let origin = if twin { crate::support::random::word() } else { origin };
        let label = label(type_name, spec.declared.function);
        let names = NameHasher::new(&identity, spec.version);
        let head = format!("{}:{}:", spec.prefix(), spec.declared.function);
        let instance = Instance {
            spec,
            type_name,
            label,
            identity,
            prefixes: Prefixes::of(&head),
            template_prefixes: Prefixes::of(&format!("{}:", spec.prefix())),
            head,
            names,
            origin,
            distinct: !twin,
            alarm: Alarm::default(),
        };
        let (placed, instance) = place(instance);
        known.push(instance);
        drop(known);
        if twin {
            tracing::warn!(
                function = instance.label(),
                file = spec.declared.file,
                line = spec.declared.line,
                "another cached function has the same name and version; this one is cached in memory only"
            );
        }
        placed
    }

    /// Returns the name of the entry for these encoded arguments.
    pub(crate) fn name(&self, arguments: &[u8]) -> String {
        name::function_name(&self.head, &self.names.hash(arguments))
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Returns true if this is a name for the function: with its types, or as the registry has it.
    pub(crate) fn is_called(&self, function: &str) -> bool {
        self.label == function || SourceLocation::of(&self.spec.declared).path == function
    }
}

/// The prefixes that names have in common.
pub(crate) struct Prefixes {
    pub(crate) tags: Arc<[String]>,
    /// The generations of these tags.
    pub(crate) slots: Vec<Slot>,
}

impl Prefixes {
    /// Returns the prefixes of the names that begin with this text, which ends with a `:`.
    fn of(head: &str) -> Self {
        let prefixes = cache_syntax::prefixes(head);
        let tags: Arc<[String]> =
            prefixes.map(|prefix| name::shorten(prefix).into_owned()).collect();
        let slots = tags.iter().map(|tag| Slot::tag(tag)).collect();
        Prefixes { tags, slots }
    }
}

/// Returns the function whose values have this origin, if it has been called here.
pub(crate) fn instance_of(origin: u64) -> Option<&'static Instance> {
    let known = KNOWN.read();
    known.iter().find(|instance| instance.origin == origin).copied()
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.identity).finish()
    }
}
