//! Call sites: what the macro knows about an annotated function.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use once_cell::sync::OnceCell;
use serde::Serialize;

use crate::core::Bound;
use crate::fingerprint::Alarm;
use crate::generation::Slot;
use crate::key::{self, NameHasher};
use crate::name::{self, prefix_fault};
use crate::registry::{Declared, Place, SiteKey};

/// Where the values of a call site are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// In this process alone, also when Redis is configured.
    Memory,
    /// In Redis, when it is configured, without copies in memory.
    Redis,
    /// In Redis, when it is configured, with copies in the memory of the process.
    Tiered,
}

/// A freshness time as it was written in an attribute.
#[derive(Clone, Copy, Debug)]
pub enum TtlSpec {
    /// Not written: the configuration decides.
    Inherit,
    /// A literal, in milliseconds.
    Millis(u64),
    /// `"forever"`.
    Forever,
    /// An expression, evaluated at each store.
    Dynamic(fn() -> Duration),
}

/// Who shares a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Coalesce {
    /// Nobody: each caller that finds nothing loads.
    Off,
    /// The callers of one process.
    #[default]
    Process,
    /// The callers of all processes that share a Redis.
    Cluster,
}

/// The options of one `#[cached]` attribute.
#[derive(Clone, Copy, Debug)]
pub struct SiteSpec {
    /// Where it is.
    pub declared: Declared,
    /// `key_prefix`; the function's name where there is none.
    pub prefix: Option<&'static str>,
    /// `version`.
    pub version: u64,
    /// `ttl`.
    pub ttl: TtlSpec,
    /// `negative_ttl`.
    pub negative_ttl: TtlSpec,
    /// `cache_none`.
    pub cache_none: bool,
    /// `jitter`.
    pub jitter: Option<f64>,
    /// `tier`.
    pub tier: Option<Tier>,
    /// `cost`.
    pub cost: f64,
    /// `key`, for the registry: generated code makes the keys.
    pub key: SiteKey,
    /// `skip`, for the registry.
    pub skip: &'static [&'static str],
    /// `tags`, for the registry.
    pub tags: &'static [&'static str],
    /// The arguments, for the registry.
    pub arguments: &'static [&'static str],
    /// Whether `cache_if` is written.
    pub cache_if: bool,
    /// Whether `bypass_if` is written.
    pub bypass_if: bool,
    /// `codec`, for the registry.
    pub codec: Option<&'static str>,
    /// `stale_while_revalidate`; `Inherit`: never.
    pub stale_while_revalidate: TtlSpec,
    /// `stale_if_error`; `Inherit`: never.
    pub stale_if_error: TtlSpec,
    /// `load_timeout`; `Inherit`: none.
    pub load_timeout: TtlSpec,
    /// `early_refresh`; zero: never.
    pub early_refresh: f64,
    /// Whether its body may run in the background, for the registry.
    pub background: bool,
    /// `coalesce`.
    pub coalesce: Coalesce,
    /// `share_errors`, for the registry.
    pub share_errors: bool,
}

impl SiteSpec {
    /// The defaults of every option.
    pub const fn new(declared: Declared) -> Self {
        SiteSpec {
            declared,
            prefix: None,
            version: 0,
            ttl: TtlSpec::Inherit,
            negative_ttl: TtlSpec::Inherit,
            cache_none: true,
            jitter: None,
            tier: None,
            cost: 0.0,
            key: SiteKey::Arguments(&[]),
            skip: &[],
            tags: &[],
            arguments: &[],
            cache_if: false,
            bypass_if: false,
            codec: None,
            stale_while_revalidate: TtlSpec::Inherit,
            stale_if_error: TtlSpec::Inherit,
            load_timeout: TtlSpec::Inherit,
            early_refresh: 0.0,
            background: false,
            coalesce: Coalesce::Process,
            share_errors: false,
        }
    }

    pub(crate) fn prefix(&self) -> &'static str {
        self.prefix.unwrap_or(self.declared.function)
    }
}

/// The `static` of one annotated function.
pub struct Site {
    spec: SiteSpec,
    first: OnceCell<&'static Instance>,
    others: RwLock<Vec<&'static Instance>>,
}

/// One annotated function with its type parameters filled in.
///
/// A `static` in a generic function is shared by all its instances, so the site keeps one of
/// these for each; they live as long as the program and are as many as the program's code says.
pub(crate) struct Instance {
    pub(crate) spec: &'static SiteSpec,
    /// The type name that tells this instance from others, as the compiler gave it.
    type_name: &'static str,
    /// `module::function<types>`, for people: without types it is [`Place::path`].
    ///
    /// [`Place::path`]: crate::Place::path
    label: String,
    /// Package, module path, function and type parameters: what makes its keys its own.
    pub(crate) identity: String,
    /// `prefix:function:`, what its names begin with.
    head: String,
    /// Makes what they end with of its identity, version and arguments.
    names: NameHasher,
    /// The prefixes of all its names.
    pub(crate) prefixes: Arc<[String]>,
    /// The generations of those.
    pub(crate) prefix_slots: Vec<Slot>,
    /// The identity and version as a number: whose value an entry holds.
    pub(crate) origin: u64,
    /// Whether the identity is nobody else's. Two functions of one name in sibling blocks print
    /// alike: the second to be called is told apart in memory, and could not be in Redis.
    pub(crate) distinct: bool,
    /// Which of its calls have arguments that serialise alike.
    pub(crate) alarm: Alarm,
    /// What the process's own manager keeps for it.
    pub(crate) bound: OnceCell<Bound>,
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

/// All instances that have been called.
static KNOWN: RwLock<Vec<&'static Instance>> = RwLock::new(Vec::new());

/// Whether a name may be that of a function's entry: `prefix:function:hash`.
pub(crate) fn is_function_name(name: &str) -> bool {
    let Some((head, hash)) = name.rsplit_once(':') else { return false };
    let is_of = |instance: &&Instance| {
        head.strip_suffix(instance.spec.declared.function).and_then(|head| head.strip_suffix(':'))
            == Some(instance.spec.prefix())
    };
    hash.len() == 40 && KNOWN.read().unwrap_or_else(PoisonError::into_inner).iter().any(is_of)
}

impl Instance {
    fn leak(spec: &'static SiteSpec, type_name: &'static str) -> &'static Self {
        let Declared { package, module, .. } = spec.declared;
        let identity = format!("{package}|{module}|{}", without_closures(type_name));
        let origin = key::origin(&identity, spec.version);
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let twin = known
            .iter()
            .any(|other| other.identity == identity && other.spec.version == spec.version);
        // What is kept in this process alone may be told apart by a number of this process alone.
        let origin = if twin { crate::random::word() } else { origin };
        let (label, bound) = (label(type_name), OnceCell::new());
        let names = NameHasher::new(&identity, spec.version);
        let head = format!("{}:{}:", spec.prefix(), spec.declared.function);
        let prefixes: Arc<[String]> =
            name::prefixes(&head).map(|prefix| name::shorten(prefix).into_owned()).collect();
        let prefix_slots = prefixes.iter().map(|tag| Slot::tag(tag)).collect();
        let instance = Instance {
            spec,
            type_name,
            label,
            identity,
            head,
            names,
            prefixes,
            prefix_slots,
            origin,
            distinct: !twin,
            alarm: Alarm::default(),
            bound,
        };
        let instance: &'static Self = Box::leak(Box::new(instance));
        known.push(instance);
        drop(known);
        if twin {
            tracing::warn!(
                function = instance.label(),
                file = spec.declared.file,
                line = spec.declared.line,
                "another cached function has this name and version; this one is cached in memory only"
            );
        }
        instance
    }

    /// The name of the entry for these encoded arguments.
    pub(crate) fn name(&self, arguments: &[u8]) -> String {
        name::function_name(&self.head, &self.names.hash(arguments))
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Whether this is what people call it: with its types, or as the registry has it.
    pub(crate) fn is_called(&self, function: &str) -> bool {
        self.label == function || Place::of(&self.spec.declared).path == function
    }
}

/// The function whose values have this origin, if it has been called here.
pub(crate) fn instance_of(origin: u64) -> Option<&'static Instance> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().find(|instance| instance.origin == origin).copied()
}

/// The function that a type name is from, without its lifetimes: `feed<'_, u8>` is `feed<u8>`.
fn label(type_name: &str) -> String {
    let name = without_closures(type_name);
    let Some((function, arguments)) = last_arguments(name) else {
        return name.to_owned();
    };
    match arguments.trim_start_matches("'_, ") {
        "'_" => function.to_owned(),
        types => format!("{function}<{types}>"),
    }
}

/// `f` and `T, U` of `f<T, U>`.
fn last_arguments(name: &str) -> Option<(&str, &str)> {
    let inside = name.strip_suffix('>')?;
    let mut depth = 0_u32;
    for (i, letter) in inside.char_indices().rev() {
        match letter {
            '>' if !inside[..i].ends_with('-') => depth += 1,
            '<' if depth == 0 => return Some((&inside[..i], &inside[i + 1..])),
            '<' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The type name of a closure is that of the function it stands in, and `::{{closure}}`s.
pub(crate) fn without_closures(type_name: &str) -> &str {
    let mut name = type_name;
    while let Some(shorter) = name.strip_suffix("::{{closure}}") {
        name = shorter;
    }
    name
}

/// The rules of literal numbers, for constants.
const fn check_numbers(spec: &SiteSpec) {
    if let Some(jitter) = spec.jitter {
        assert!(0.0 <= jitter && jitter <= 0.5, "`jitter` takes a number from 0.0 to 0.5");
    }
    assert!(0.0 <= spec.cost && spec.cost <= f64::MAX, "`cost` takes a number of at least 0");
    assert!(
        0.0 <= spec.early_refresh && spec.early_refresh <= 100.0,
        "`early_refresh` takes a number from 0.0 to 100.0, such as 1.0"
    );
}

/// The rules of a literal prefix, for a prefix that is a path to a constant.
#[allow(clippy::panic, reason = "it is called at compile time")]
const fn check_prefix(prefix: &str) {
    if let Some(fault) = prefix_fault(prefix) {
        panic!("{}", fault);
    }
    let bytes = prefix.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        assert!(
            bytes[i] > b' ' && bytes[i] != 0x7f,
            "key_prefix holds white space or a control character"
        );
        i += 1;
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.identity).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_has_types_and_no_lifetimes() {
        for (type_name, expected) in [
            ("shop::get::{{closure}}", "shop::get"),
            ("<Sql as Feed>::feed<'_, '_>::{{closure}}", "<Sql as Feed>::feed"),
            ("Foo<'_>::get<'_, '_, Bar<'_>, fn() -> u8>", "Foo<'_>::get<Bar<'_>, fn() -> u8>"),
            ("Foo<'_>::get", "Foo<'_>::get"),
            ("get<Foo<'_>, 3>", "get<Foo<'_>, 3>"),
        ] {
            assert_eq!(label(type_name), expected);
        }
    }
}
