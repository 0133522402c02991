//! The direct API: loads many names at a time.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;

use super::{CacheManager, SetOptions};
use crate::call::{Answers, BatchLoaded, BatchNext, BatchRun, MissedId};
use crate::collector::traced::Traced;
use crate::collector::{BypassReason, Subject};
use crate::deferral;
use crate::output::collection::AsIs;
use crate::output::{CacheValue, ResultKind, SharedErrors, kind_result};
use crate::support::boxed::boxed;
use crate::value::type_of;

/// A direct load of many names.
type DirectLoads<V, E> = BatchRun<ResultKind<Result<HashMap<String, V>, E>>, String, V, AsIs>;

impl CacheManager {
    /// Returns the values under several names, by name. `load` is called for the names without a fresh value, all
    /// at once, and its values are stored.
    ///
    /// The names are looked for in memory, then in Redis with one request. A name that another caller loads is
    /// not loaded again: this call waits for that load, after its own. If that load fails, the name is given to
    /// `load` once more, so `load` may be called several times. It is not called if no name is missing. Equal
    /// names count once.
    ///
    /// A name that is not in the map of `load` has no value: it is left out, and nothing is stored for it. A value
    /// under another name is ignored. Like every function of the cache, this one does not fail because of the
    /// cache: names that are not valid, and those whose values cannot be stored, are loaded each time.
    ///
    /// # Errors
    /// The error of `load`. It is not shared with other callers, and nothing of that call is stored. The values
    /// of earlier calls of `load` stay.
    ///
    /// # Cancel safety
    /// Dropping it drops `load`. Nothing is stored then, and a caller that waits for one of the names loads it.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::time::Duration;
    /// use cache_runtime::{CacheManager, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let cache = CacheManager::builder().build()?;
    /// cache.set("length:cat", &3_usize, Duration::from_secs(60)).await?;
    /// let load = async |missing: Vec<String>| {
    ///     assert_eq!(missing, ["length:horse"]);
    ///     let length = |name: String| (name.clone(), name.len() - "length:".len());
    ///     Ok::<_, Error>(missing.into_iter().map(length).collect::<HashMap<_, _>>())
    /// };
    /// let names = ["length:cat", "length:horse"];
    /// let lengths = cache.get_or_load_many(names, Duration::from_secs(60), load).await?;
    /// assert_eq!((lengths["length:cat"], lengths["length:horse"]), (3, 5));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load_many<V, E, F, Fut>(
        &self,
        names: impl IntoIterator<Item = impl Into<String>>,
        options: impl Into<SetOptions>,
        mut load: F,
    ) -> Result<HashMap<String, V>, E>
    where
        V: CacheValue,
        F: FnMut(Vec<String>) -> Fut,
        Fut: Future<Output = Result<HashMap<String, V>, E>>,
    {
        let options = options.into();
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let (mut answers, mut missed) = (Answers::new(), Vec::new());
        for name in &names {
            let mut call = self.call_of(name, &options, type_of::<V>(), None);
            if let Ok(known) = &call
                && deferral::is_in_scope()
                && boxed(|| self.is_held_back(&known.key)).await
            {
                call = Err(BypassReason::Uncommitted);
            }
            let hit = call.as_ref().ok().and_then(|call| self.hit_now(call));
            let is_missed = hit.is_none();
            let place = answers.add(hit, None);
            if is_missed {
                let traced = match &call {
                    Ok(call) => Traced::begin(|| Subject::of_key(&call.key)),
                    Err(reason) => Traced::bypassing(Subject::direct, *reason),
                };
                missed.push(MissedId { place, call: call.ok(), traced });
            }
        }
        if missed.is_empty() {
            return answers.output::<ResultKind<_>, String, AsIs>(names.iter());
        }
        let mut run: DirectLoads<V, E> =
            BatchRun::new(answers, missed, names.clone(), None, usize::MAX);
        loop {
            match run.next().await {
                BatchNext::Load(missing) => {
                    let body = pin!(load(missing));
                    let loaded = run.load(kind_result(), SharedErrors::NONE, body).await;
                    if let BatchLoaded::Return(output) = loaded {
                        return output;
                    }
                }
                // Direct entries have no stale values.
                BatchNext::Refresh(refresh) => run.keep(refresh),
                BatchNext::Return => return run.into_output(names.iter()),
            }
        }
    }
}
