//! Call sites: the properties of an annotated function that the macro emits.

pub(crate) mod fingerprint;
mod instance;
mod location;
mod spec;
mod type_name;

pub(crate) use instance::{Instance, instance_of, is_function_name};
pub use location::{Declared, SourceLocation};
pub use spec::{Coalesce, SiteKey, SiteSpec, Tier, TtlSpec, most_at_once};
pub(crate) use spec::{check_numbers, check_prefix};
pub(crate) use type_name::without_closures;
