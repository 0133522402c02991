//! The plan that generated code of `#[cache_invalidate]` makes, and its execution.

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::mem::{self, discriminant};
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::cache_call::request::{self, Resolved};
use crate::deferral::{self, Announced, Holding};
use crate::error::Error;
use crate::key::name::{Renderer, validate_tag};
use crate::manager::{CacheManager, with_blocking};
use crate::output::{EntryCall, OutputKind, Probe};
use crate::registry::{MutationSpec, prefixes_of};
use crate::site::{Declared, SourceLocation, without_closures};
use crate::stats::seldom::Reason;
use crate::support::blocking::{self, run_body};
use crate::support::boxed::{Boxed, boxed};
use crate::support::panics::unless_panicking;
use crate::tiers::core::Core;
use crate::tiers::invalidate::Targets;
use crate::tiers::settling;

/// The time at which an annotated function invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After it has returned `Ok`, or anything that is not a `Result`.
    Success,
    /// After it has returned.
    Always,
    /// Before it begins.
    Before,
}

/// A condition on the output of the function.
pub type Condition<R> = Option<fn(&R) -> bool>;

/// Returns no condition.
pub fn no_condition<K: OutputKind>(_: K) -> Condition<K::Output> {
    None
}

/// Returns the condition of `if = |result| ...`.
pub fn condition<K: OutputKind>(_: K, condition: fn(&K::Output) -> bool) -> Condition<K::Output> {
    Some(condition)
}

/// Returns the closure that adds the targets which the value of an output names.
pub fn late<K: OutputKind, L: FnOnce(&K::Value, &mut Plan)>(_: K, late: L) -> L {
    late
}

/// Returns the closure for a function whose output names no target.
pub fn not_late<K: OutputKind>(_: K) -> fn(&K::Value, &mut Plan) {
    |_, _| {}
}

/// Returns a part of a name; `None` if the `Display` of a value fails or panics.
pub fn rendered(render: impl FnOnce(&mut Renderer)) -> Option<String> {
    Renderer::run(render).ok().map(|text| text.as_str().to_owned())
}

/// The targets that one call of an annotated function will invalidate, rendered before its body takes the
/// arguments.
pub struct Plan {
    site: &'static MutationSpec,
    /// The manager that the attribute names, if it names one.
    manager: Option<CacheManager>,
    own: Removal,
    /// The entries of functions whose attributes name other managers.
    others: Vec<Removal>,
    /// Everything that a result could name which is not known yet.
    unknown: Targets,
}

/// The targets of an invalidation, and their cache.
#[derive(Clone)]
struct Removal {
    core: Arc<Core>,
    targets: Targets,
}

impl From<Removal> for Holding {
    fn from(Removal { core, targets }: Removal) -> Self {
        Holding::of_targets(&core, targets)
    }
}

/// Nearly all invalidations are in one cache.
type Removals = SmallVec<[Removal; 1]>;

impl Plan {
    /// Returns a plan for the present cache.
    pub fn new(site: &'static MutationSpec, fill: impl FnOnce(&mut Plan)) -> Self {
        Self::filled(None, site, fill)
    }

    /// Returns a plan for the cache of a manager that the attribute names.
    pub fn of(
        manager: &CacheManager,
        site: &'static MutationSpec,
        fill: impl FnOnce(&mut Plan),
    ) -> Self {
        Self::filled(Some(manager.clone()), site, fill)
    }

    fn filled(
        manager: Option<CacheManager>,
        site: &'static MutationSpec,
        fill: impl FnOnce(&mut Plan),
    ) -> Self {
        let core = core_of(manager.as_ref());
        let mut plan = Self::for_core(manager, site, core);
        fill(&mut plan);
        plan
    }

    fn for_core(
        manager: Option<CacheManager>,
        site: &'static MutationSpec,
        core: Arc<Core>,
    ) -> Self {
        let own = Removal::by(site, core);
        let unknown = Targets { by: Some(&site.declared), ..Targets::default() };
        Plan { site, manager, own, others: Vec::new(), unknown }
    }

    /// Invalidates softly: for this long, entries are stale for functions that may serve stale values. If the expression
    /// panics, the invalidation is hard.
    pub fn soft(&mut self, window: impl FnOnce() -> Duration) {
        let window = unless_panicking(window).filter(|window| window.as_millis() > 0);
        self.own.targets.soft = window;
    }

    /// Adds a prefix. If the `Display` of a value in it fails, everything is invalidated that the prefix may
    /// have covered: all names below the segments before that value.
    pub fn prefix(&mut self, render: impl FnOnce(&mut Renderer)) {
        match Renderer::run(render) {
            Ok(prefix) => self.own.targets.add_prefix(prefix.as_str()),
            Err(before) => {
                self.own.targets.add_above(before.as_str());
                self.report("prefix");
            }
        }
    }

    /// Notes that the result will name a prefix below this text.
    pub fn unknown_prefix(&mut self, render: impl FnOnce(&mut Renderer)) {
        let (Ok(before) | Err(before)) = Renderer::run(render);
        self.unknown.add_above(before.as_str());
    }

    /// Notes that the result will name an entry of a function with this name.
    pub fn unknown_entry(&mut self, function: &'static str) {
        add_entries_of(&mut self.unknown, function);
    }

    /// Adds a tag. If the `Display` of a value in it fails, the whole namespace is invalidated.
    pub fn tag(&mut self, render: impl FnOnce(&mut Renderer)) {
        match Renderer::run(render) {
            Ok(tag) => self.own.targets.add_tag(tag.as_str()),
            Err(_) => {
                self.own.targets.everything = true;
                self.report("tag");
            }
        }
    }

    /// Adds a tag that is the text of an expression. If that cannot be a tag, no entry has it. If the expression panics,
    /// the whole namespace is invalidated.
    pub fn tag_text(&mut self, text: impl FnOnce() -> String) {
        let Some(tag) = unless_panicking(text) else {
            self.own.targets.everything = true;
            self.report("tag");
            return;
        };
        match validate_tag(&tag) {
            Ok(_) => self.own.targets.add_tag(&tag),
            Err(error) => self.report_unused(&error),
        }
    }

    /// Adds the entry of a call, in the cache that the call would use.
    pub fn entry<F: EntryCall>(&mut self, call: F) {
        if let Some(resolved) = resolve_entry(call.into_call(), self.site, self.manager.as_ref()) {
            let name = resolved.key.name().as_str().to_owned();
            self.targets_in(resolved.bound.core).names.push(name);
        }
    }

    fn targets_in(&mut self, core: Arc<Core>) -> &mut Targets {
        if Arc::ptr_eq(&core, &self.own.core) {
            return &mut self.own.targets;
        }
        let known = self.others.iter().position(|other| Arc::ptr_eq(&core, &other.core));
        let place = known.unwrap_or_else(|| {
            self.others.push(Removal::by(self.site, core));
            self.others.len() - 1
        });
        &mut self.others[place].targets
    }

    /// Returns what is to be done. Nothing is done in the own cache if all targets are in others, or there are none.
    fn removals(self) -> Removals {
        let Plan { own, others, .. } = self;
        let own = Some(own).filter(|own| !own.targets.is_empty());
        own.into_iter().chain(others).collect()
    }

    fn report_unused(&self, error: &Error) {
        let location = SourceLocation::of(&self.site.declared);
        let of = location.to_string();
        self.own.core.seldom(&of, Reason::Tags, |times| {
            tracing::error!(
                times,
                "in `tags` of {location}: {error}; nothing is invalidated by it"
            );
        });
    }

    /// Logs a mistake, because the caller of the function must not fail (R3).
    fn report(&self, what: &'static str) {
        let Targets { names, everything, .. } = &self.own.targets;
        let location = SourceLocation::of(&self.site.declared);
        let instead = match names.last() {
            Some(above) if !everything => format!("everything below `{above}`"),
            _ => "the whole namespace".to_owned(),
        };
        let of = location.to_string();
        self.own.core.seldom(&of, Reason::Rendering(what), |times| {
            tracing::error!(
                times,
                "the `Display` of a value in the {what} of {location} failed; {instead} is invalidated instead"
            );
        });
    }
}

impl Removal {
    fn by(site: &'static MutationSpec, core: Arc<Core>) -> Self {
        Removal { core, targets: Targets { by: Some(&site.declared), ..Targets::default() } }
    }
}

/// Adds all entries of the functions with this name.
pub(super) fn add_entries_of(targets: &mut Targets, function: &'static str) {
    let prefixes = prefixes_of(function);
    targets.everything |= prefixes.is_empty();
    prefixes.into_iter().for_each(|prefix| targets.add_prefix(prefix));
}

/// Logs that an expression panics for a result.
pub(super) fn report_panic(site: &'static MutationSpec, core: &Core) {
    let location = SourceLocation::of(&site.declared);
    let of = location.to_string();
    core.seldom(&of, Reason::Panics("result"), |times| {
        tracing::error!(
            times,
            "an expression of {location} panics for the result: everything that it could name is invalidated; \
             correct the expression"
        );
    });
}

/// Returns the cache of the manager that an attribute names, otherwise the present one.
pub(super) fn core_of(manager: Option<&CacheManager>) -> Arc<Core> {
    manager.map_or_else(crate::manager::current, |manager| Arc::clone(manager.core()))
}

/// Returns the entry of a call in the option `entry`, taken before the body runs. If the attribute names a manager,
/// the call uses it, unless the attribute of the called function names one.
pub(super) fn resolve_entry<F: Future>(
    call: F,
    site: &'static MutationSpec,
    manager: Option<&CacheManager>,
) -> Option<Resolved> {
    let addressee = request::addressee::<F>();
    let call = Box::pin(call);
    let resolved = match manager {
        Some(manager) => with_blocking(manager, || request::resolve(call, addressee)),
        None => request::resolve(call, addressee),
    };
    let error = match resolved {
        Ok(resolved) => return Some(resolved),
        Err(error) => error,
    };
    // R3: the cache must not fail the caller of the annotated function.
    let (location, nothing) = (SourceLocation::of(&site.declared), site.kind.nothing());
    let (of, reason) = (location.to_string(), Reason::Entry(discriminant(&error)));
    core_of(manager).seldom(&of, reason, |times| match error {
        Error::NotACachedCall { future } => tracing::error!(
            times,
            "the `entry` of {location} is not a call of a `#[cached]` function ({}); {nothing}",
            without_closures(future)
        ),
        error => tracing::error!(times, "the `entry` of {location}: {error:#}; {nothing}"),
    });
    None
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.others.iter().map(|other| &other.targets);
        f.debug_list().entry(&self.own.targets).entries(others).finish()
    }
}

/// Runs the body of a `#[cache_invalidate]` function, and invalidates before it returns.
///
/// If the future is dropped or the body panics once it has begun, it is unknown what it has written. The
/// invalidation then happens at once, and again when a write that is still under way has settled.
async fn invalidate<K, L, F>(
    plan: Plan,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    late: L,
    body: Pin<&mut F>,
) -> K::Output
where
    K: OutputKind,
    L: FnOnce(&K::Value, &mut Plan),
    F: Future<Output = K::Output>,
{
    let unfinished = plan.begin(when).await;
    let output = body.await;
    if let Some(mut unfinished) = unfinished {
        let wanted = unfinished.is_wanted::<K>(when, condition, &output);
        if wanted {
            unfinished.learn::<K>(late, &output);
        }
        unfinished.finish(wanted).await;
    }
    output
}

/// Does the same for an output that cannot be held across an await, since it is not `Send`. The invalidation
/// is pending, and until Redis has confirmed it, this process does not read these keys there.
async fn invalidate_at_once<K, L, F>(
    plan: Plan,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    late: L,
    body: Pin<&mut F>,
) -> K::Output
where
    K: OutputKind,
    L: FnOnce(&K::Value, &mut Plan),
    F: Future<Output = K::Output>,
{
    let unfinished = plan.begin(when).await;
    let output = body.await;
    if let Some(mut unfinished) = unfinished {
        let wanted = unfinished.is_wanted::<K>(when, condition, &output);
        if wanted {
            unfinished.learn::<K>(late, &output);
        }
        unfinished.finish_at_once(wanted);
    }
    output
}

/// Does the same for a function that is not async. The invalidation is pending when it returns.
pub fn invalidate_blocking<K: OutputKind>(
    plan: Plan,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    late: impl FnOnce(&K::Value, &mut Plan),
    body: impl FnOnce() -> K::Output,
) -> K::Output {
    blocking::inside(|| {
        let mut unfinished = plan.unfinished();
        if when == When::Before {
            unfinished.finish_at_once(true);
            return run_body(body);
        }
        let output = run_body(body);
        let wanted = unfinished.is_wanted::<K>(when, condition, &output);
        if wanted {
            unfinished.learn::<K>(late, &output);
        }
        unfinished.finish_at_once(wanted);
        output
    })
}

macro_rules! chosen_by_output {
    ($($(#[$doc:meta])* $name:ident for $probe:ty $(where $bound:path)? => $function:ident;)*) => {$(
        $(#[$doc])*
        pub trait $name<R>: Sized {
            /// Runs the body, and invalidates.
            fn __cache_invalidate<K, L, F>(
                self,
                plan: Plan,
                when: When,
                kind: K,
                condition: Condition<R>,
                late: L,
                body: Pin<&mut F>,
            ) -> impl Future<Output = R>
            where
                K: OutputKind<Output = R>,
                L: FnOnce(&K::Value, &mut Plan),
                F: Future<Output = R>,
            {
                $function(plan, when, kind, condition, late, body)
            }
        }

        impl<R $(: $bound)?> $name<R> for $probe {}
    )*};
}

chosen_by_output! {
    /// Taken by method look-up if the output can be held across an await.
    ProbeSendOutput for &Probe<R> where Send => invalidate;
    /// Taken by method look-up if it cannot, or this is not known.
    ProbeAnyOutput for Probe<R> => invalidate_at_once;
}

/// Returns the result of the condition in the option `if` for an output; true if there is no condition. If
/// the condition panics, this is logged in `core`, and the result is `None`. `instead` is the consequence, for the
/// log.
pub(super) fn holds<R>(
    condition: Condition<R>,
    output: &R,
    of: Option<&'static Declared>,
    instead: &'static str,
    core: impl FnOnce() -> Arc<Core>,
) -> Option<bool> {
    let Some(condition) = condition else { return Some(true) };
    // R3: a panic in the expression must not fail the caller, which has the output.
    let holds = unless_panicking(|| condition(output));
    if holds.is_none() {
        let location = of.map(SourceLocation::of).map(|of| of.to_string()).unwrap_or_default();
        core().seldom(&location, Reason::Panics("if"), |times| {
            tracing::error!(
                times,
                "the `if` of {location} panics: {instead}; correct the expression"
            );
        });
    }
    holds
}

/// A function that has begun and has not ended. When it has ended, there is nothing left.
pub(crate) struct Unfinished {
    known: Removals,
    unknown: Option<Unknown>,
    /// Present in the scope of a transaction: the invalidations are queued there.
    announced: Option<Announced>,
}

/// Everything that the result of a function could name.
struct Unknown {
    site: &'static MutationSpec,
    manager: Option<CacheManager>,
    removal: Removal,
}

impl Plan {
    /// Begins the function. Invalidates if that is due before the body. Returns the part that is due after
    /// it.
    async fn begin(self, when: When) -> Option<Unfinished> {
        if when == When::Before {
            for Removal { core, targets } in self.removals() {
                boxed(|| deferral::invalidate(&core, targets)).await;
            }
            return None;
        }
        Some(self.unfinished())
    }

    fn unfinished(mut self) -> Unfinished {
        let targets = mem::take(&mut self.unknown);
        let unknown = (!targets.is_empty()).then(|| Unknown {
            site: self.site,
            manager: self.manager.clone(),
            removal: Removal { core: Arc::clone(&self.own.core), targets },
        });
        Unfinished::new(self.removals(), unknown)
    }
}

impl Unfinished {
    fn new(known: Removals, unknown: Option<Unknown>) -> Self {
        let all = || {
            let unknown = unknown.as_ref().map(|unknown| &unknown.removal);
            known.iter().chain(unknown).cloned().map(Holding::from).collect()
        };
        let announced = deferral::announce(all);
        Unfinished { known, unknown, announced }
    }

    /// Makes a guard for a function that has begun to change the data of these names.
    pub(crate) fn changing(core: Arc<Core>, names: Vec<String>) -> Self {
        Self::of(core, Targets { names, ..Targets::default() })
    }

    /// Makes a guard for a function that may change the data of these targets.
    pub(super) fn of(core: Arc<Core>, targets: Targets) -> Self {
        Unfinished::new(SmallVec::from_buf([Removal { core, targets }]), None)
    }

    /// Puts what the result names in the place of everything that it could name.
    fn learn<K: OutputKind>(
        &mut self,
        late: impl FnOnce(&K::Value, &mut Plan),
        output: &K::Output,
    ) {
        let Some(value) = K::value(output) else { return };
        let Some(unknown) = self.unknown.take() else { return };
        let Unknown { site, manager, removal } = &unknown;
        let mut plan = Plan::for_core(manager.clone(), site, Arc::clone(&removal.core));
        // R3: a panic in an expression must not fail the caller, which has the output.
        if unless_panicking(|| late(value, &mut plan)).is_none() {
            report_panic(site, &removal.core);
            self.unknown = Some(unknown);
            return;
        }
        plan.removals().into_iter().for_each(|removal| self.add(removal));
    }

    /// Adds a removal. Those in one cache are done together.
    fn add(&mut self, removal: Removal) {
        let same = |known: &&mut Removal| Arc::ptr_eq(&known.core, &removal.core);
        match self.known.iter_mut().find(same) {
            Some(known) => {
                let Targets { names, tags, everything, .. } = removal.targets;
                known.targets.names.extend(names);
                known.targets.tags.extend(tags);
                known.targets.everything |= everything;
            }
            None => self.known.push(removal),
        }
    }

    /// Queues the invalidations that are wanted, if the function runs in the scope of a transaction. Returns true if it
    /// does.
    fn is_queued(&mut self, wanted: bool) -> bool {
        let Some(announced) = self.announced.take() else { return false };
        let all = self.take().into_iter().filter(|_| wanted);
        announced.replace(all.map(Holding::from).collect());
        true
    }

    /// Returns what is to be invalidated.
    fn take(&mut self) -> Removals {
        if let Some(unknown) = self.unknown.take() {
            self.add(unknown.removal);
        }
        mem::take(&mut self.known)
    }

    /// Returns true if an output invalidates. If this is unknown, it does.
    fn is_wanted<K: OutputKind>(
        &self,
        when: When,
        condition: Condition<K::Output>,
        output: &K::Output,
    ) -> bool {
        let unknown = self.unknown.as_ref().map(|unknown| &unknown.removal);
        let first = self.known.first().or(unknown);
        let Some(Removal { core, targets }) = first else { return false };
        let succeeded = when == When::Always || K::succeeded(output);
        let core = || Arc::clone(core);
        succeeded && holds(condition, output, targets.by, "it invalidates", core).unwrap_or(true)
    }

    /// Ends a function whose value is in the place of the entry. In the scope of a transaction, the entry is invalidated
    /// instead, after the commit.
    pub(super) fn finish_put(self) {
        let is_queued = self.announced.is_some();
        self.finish_at_once(is_queued);
    }

    /// Ends the function. Boxed, because its callers are compiled for each function.
    pub(super) fn finish(self, wanted: bool) -> Boxed<()> {
        Box::pin(self.finished(wanted))
    }

    async fn finished(mut self, wanted: bool) {
        if self.is_queued(wanted) {
            return;
        }
        // Until all of it is done, it is done by `Drop` if this future is dropped.
        if let Some(unknown) = self.unknown.take() {
            self.add(unknown.removal);
        }
        for Removal { core, targets } in self.known.iter().filter(|_| wanted) {
            core.invalidate(targets).await;
        }
        self.known.clear();
    }

    pub(crate) fn finish_at_once(mut self, wanted: bool) {
        if self.is_queued(wanted) {
            return;
        }
        for Removal { core, targets } in self.take().into_iter().filter(|_| wanted) {
            core.invalidate_in_background(slice::from_ref(&targets));
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_queued(true) {
            return;
        }
        for Removal { core, targets } in self.take() {
            core.invalidate_in_background(slice::from_ref(&targets));
            settling::invalidate_later(&core, targets);
        }
    }
}
