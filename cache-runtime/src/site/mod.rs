//! Call sites: the properties of an annotated function that the macro emits.

pub(crate) mod fingerprint;
mod instance;
mod location;
mod seen;
mod spec;
mod type_name;

pub(crate) use instance::{Instance, Prefixes, instance_of, is_function_name};
pub use location::{Declared, SourceLocation};
pub(crate) use seen::{note_call, seen_calls};
pub use spec::{Coalesce, Inherit, SiteKey, SiteSpec, Tier, TtlSpec, Verify, most_at_once};
pub(crate) use spec::{check_numbers, check_prefix};
pub(crate) use type_name::without_closures;
