//! `#[cache_put]`: the value that a function returns takes the place of an entry.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::asked::Resolved;
use crate::call::{CallKey, Policy};
use crate::config::Ttl;
use crate::core::Bound;
use crate::invalidate::{Condition, EntryCall, Unfinished, When, resolve_entry};
use crate::output::{CacheValue, OutputKind};
use crate::put::{Overtaken, Put};
use crate::redis::Over;
use crate::registry::InvalidatingSpec;

/// The entries that one call of a `#[cache_put]` function will put its value under, taken before
/// its body takes the arguments.
pub struct PutPlan<V> {
    site: &'static InvalidatingSpec,
    targets: Vec<Target<V>>,
}

struct Target<V> {
    bound: Bound,
    key: Arc<CallKey>,
    /// `None`: its function does not cache this call. What is there is removed.
    policy: Option<Policy<V>>,
}

/// An entry of values of type `V`.
#[derive(Debug)]
pub struct EntryOf<V>(PhantomData<V>);

/// An entry that holds values of type `V`.
#[diagnostic::on_unimplemented(
    message = "`cache_put` would store a `{V}`, and this call's entry holds another type",
    label = "its entry does not hold a `{V}`",
    note = "both functions must return the same value; of a `Result` that is the one in its `Ok`, and the errors may differ"
)]
pub trait Takes<V> {}

impl<V> Takes<V> for EntryOf<V> {}

// Never used. With one implementation alone the compiler would conclude what the entry holds, and
// say of another type merely that two types differ.
#[diagnostic::do_not_recommend]
impl<V> Takes<V> for EntryOf<EntryOf<V>> {}

impl<V> Target<V> {
    async fn note(&self) -> Put<'_> {
        let Bound { core, stores, .. } = &self.bound;
        let longest = self.policy.as_ref().map_or(Ttl::For(Ttl::MIN), Policy::longest);
        core.put(&self.key, *stores, Over::Nothing, longest).await
    }

    fn changing(&self) -> Unfinished {
        let name = self.key.name().as_str().to_owned();
        Unfinished::changing(Arc::clone(&self.bound.core), vec![name])
    }
}

impl<V: CacheValue> PutPlan<V> {
    /// A plan for what a function of this kind returns.
    pub fn new<K>(site: &'static InvalidatingSpec, _: K, fill: impl FnOnce(&mut Self)) -> Self
    where
        K: OutputKind<Value = V>,
    {
        let mut plan = PutPlan { site, targets: Vec::new() };
        fill(&mut plan);
        plan
    }

    /// Adds the entry of a call. `_kind` says which part of the call's output is stored.
    pub fn entry<F, K, W>(&mut self, call: F, _kind: K)
    where
        F: EntryCall,
        K: OutputKind<Output = F::Output, Value = W>,
        EntryOf<W>: Takes<V>,
    {
        let Some(resolved) = resolve_entry(call, self.site) else {
            return;
        };
        let Resolved { bound, key, policy, .. } = resolved;
        let same = |target: &Target<V>| {
            Arc::ptr_eq(&target.bound.core, &bound.core)
                && target.key.name().as_str() == key.name().as_str()
        };
        if !self.targets.iter().any(same) {
            let policy = policy.and_then(|policy| policy.downcast::<Policy<V>>().ok());
            self.targets.push(Target { bound, key, policy: policy.map(|policy| *policy) });
        }
    }
}

impl<V> fmt::Debug for PutPlan<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.targets.iter().map(|target| target.key.name())).finish()
    }
}

/// Runs the body of a `#[cache_put]` function, and stores its value before it returns.
///
/// If the body fails under `when = "always"`, panics, or is dropped once it has begun, what it has
/// written is not known: the entries are removed, and once more when a write still under way has
/// settled.
pub async fn put<K, F>(
    plan: PutPlan<K::Value>,
    when: When,
    _kind: K,
    condition: Condition<K::Output>,
    body: Pin<&mut F>,
) -> K::Output
where
    K: OutputKind,
    K::Value: CacheValue,
    F: Future<Output = K::Output>,
{
    let targets = plan.targets;
    let mut puts = Vec::with_capacity(targets.len());
    for target in &targets {
        puts.push(Box::pin(target.note()).await);
    }
    let unfinished: Vec<_> = targets.iter().map(Target::changing).collect();
    let began = Instant::now();
    // An output that is not stored must not be held where this waits: it may not be `Send`.
    let value = match worth_storing::<K>(body.await, when, condition) {
        Ok(value) => value,
        Err((output, changed)) => {
            unfinished.into_iter().for_each(|unfinished| unfinished.finish_at_once(changed));
            puts.into_iter().for_each(Put::give_up);
            return output;
        }
    };
    let took = began.elapsed();
    for (target, put) in targets.iter().zip(&puts) {
        let counters = &target.bound.counters;
        match &target.policy {
            Some(policy) => {
                let settled = put.settle(policy, counters, &value, took, Overtaken::Goes);
                Box::pin(settled).await;
            }
            None => put.remove().await,
        }
    }
    unfinished.into_iter().for_each(|unfinished| unfinished.finish_at_once(false));
    K::join(Ok(value))
}

/// The value to be stored; or the output, and whether the data may have changed all the same.
fn worth_storing<K: OutputKind>(
    output: K::Output,
    when: When,
    condition: Condition<K::Output>,
) -> Result<K::Value, (K::Output, bool)> {
    if condition.is_some_and(|condition| !condition(&output)) {
        return Err((output, false));
    }
    K::split(output).map_err(|error| (K::join(Err(error)), when == When::Always))
}
