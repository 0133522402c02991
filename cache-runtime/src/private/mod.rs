//! The items that generated code calls. Do not use them directly: they change without notice.

mod begin;
mod context;
mod given_manager;
mod hooks;
mod key_part;
mod key_source;
mod many;
mod plan;
mod present;
mod put_function;
mod put_many;
mod run;
mod site;
mod storable;
mod tag_text;
mod task;
mod ttl_of_value;
mod uncached;
mod visible;
mod within;

use std::any::type_name;

pub use crate::cache_call::request::{NOT_BOXED, boxed_call};
pub use crate::cache_call::{BlockingEntry, blocking_entry, call_blocking};
pub use crate::call::{
    AsksSource, BatchLoaded, BatchNext, BatchRefresh, BatchRun, Offer, PreviousOf, Run,
    TellsAtOnce, ask_source, let_go, previous,
};
pub use crate::deferral::InvalidationQueue;
pub use crate::key::HashedPart;
pub use crate::key::name::{InTemplate, Renderer, named as name};
pub use crate::output::collection::{AsIs, Collection, Holds, InOption, ItemOf};
pub use crate::output::error_text::{
    ErrorText, ProbeErrorDebug, ProbeErrorDisplay, ProbeNoErrorText, named_errors,
};
pub use crate::output::{
    AnyResult, CacheValue, CarriedError, EntryCall, KeptError, OutputKind, PlainKind, Probe,
    ProbeCloneError, ProbeErrorOfShared, ProbeFuture, ProbeKeptError, ProbeNoCloneError,
    ProbeNoFuture, ProbePlain, ProbeResult, ProbeWrapError, ResultKind, SharedErrors,
    carried_errors, finished, is_a_result, kind_plain, no_shared_errors, probe_of, probe_output,
    serve_stale_if, shed_errors,
};
pub use crate::registry::{CallSite, Mutation, MutationSpec};
pub use crate::site::fingerprint::probe::{ProbeDebug, ProbeHash, ProbeNeither};
pub use crate::site::fingerprint::{Argument, Fingerprint};
pub use crate::site::{
    Coalesce, Declared, Inherit, SiteKey, SiteSpec, Tier, TtlSpec, Verify, most_at_once,
};
pub use crate::support::blocking::{block_on, once, run_body};
pub use crate::value::{
    CanBeCompared, Comparable, Equality, MemoryKind, NotComparable, Printing, ProbeContent,
    ProbeEqual, ProbeIncomparable, ProbePartialEq, ProbePrint, ProbeUnequal, ProbeUnprinted,
    StoredKind, comparable,
};
pub use begin::{Begin, begin, begin_in, output};
pub use context::{CallContext, Tags};
pub use given_manager::GivenManager;
pub use hooks::{Fallible, Hooks, MaybeNone, fallible};
pub use inventory;
pub use key_part::{
    ArgumentPart, AskedPart, HashedArgument, KeyArgument, KeyValue, NoHashedPart, NoPart, Part,
    ProbeMemoryPart, ProbePart, ValuePart, argument, key_value, probe_part,
};
pub use key_source::{Args, KeySource, Template, no_fingerprint};
pub use many::{
    AskedAbsent, AskedOptional, Batch, BatchBegin, CopiedArgument, CopiedId, IdList, IdType, Many,
    ProbeAbsent, ProbeNoOption, ProbeOption, ProbePresent, absent_of, again, by_id, each, id,
    id_type, item, lent, many, optional, owned_ids, places, refresh_many, refuse_requests,
};
pub use plan::{
    Condition, Plan, ProbeAnyOutput, ProbeSendOutput, When, condition, invalidate_blocking, late,
    no_condition, not_late, rendered,
};
pub use present::{MaybePresent, present};
pub use put_function::{
    EntryOf, PutPlan, Takes, late_entries, put, put_late, put_plan, put_plan_in,
};
pub use put_many::{PutManyPlan, put_many, put_many_plan, put_many_plan_in};
pub use run::MissedCall;
pub use site::Site;
pub use storable::{
    Answer, AskedValue, NeedsClone, NeedsDeserialize, NeedsSerialize, NeedsSync, NotClone,
    NotDeserialize, NotSerialize, NotShared, ProbeMemoryValue, ProbeValue, Storable, probe_value,
    storable,
};
pub use tag_text::{InTags, TagList, tag_list, tag_text};
pub use task::{
    BackgroundBody, Keep, KeepBorrowed, copied, keep, keep_borrowed, load_detached,
    load_in_the_background, load_on_a_thread,
};
pub use ttl_of_value::{AsTtl, ttl_of_value};
pub use visible::{ProbeFlat, ProbeOwner, Visible, visible};
pub use within::within;

/// Returns the type name of a closure in the function's body. It contains the type parameters of the function
/// and of its impl.
#[inline]
pub fn instance_of<F>(_: &F) -> &'static str {
    type_name::<F>()
}
