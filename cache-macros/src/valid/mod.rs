//! Checks an attribute as written, and makes the spec of it.
//!
//! A check that fails notes its mistake and leaves a harmless value, so that the other checks run. If there
//! is any mistake, the spec is discarded.

mod batch;
mod blocking;
mod capture;
mod each;
mod entry;
mod evaluated;
mod key;
mod limits;
mod literal;
mod name;
mod option;
mod output;
mod renewal;
mod result;
mod scope;
mod signature;
mod staleness;
mod task;
mod ttl;
mod words;

#[cfg(test)]
mod tests;

use cache_syntax::{COST, JITTER};
use proc_macro2::Span;

use crate::attr::{CachedAttr, InvalidateAttr, PutAttr};
use crate::error::Errors;
use crate::item::Item;
use crate::mention::mentions;
use crate::spec::{Cached, Coalesce, Form, Invalidate, Kind, Previous, Put, PutMany, Tier, When};
pub(crate) use batch::gathering;
use literal::{boolean, condition, count, integer, number, size, tags_of, weight, word};
pub(crate) use name::resolve_with;
use output::plain_without_errors;
pub(crate) use renewal::previous;
use words::{COALESCE, KINDS, TIERS, WHENS, WHENS_OF_PUT, inherit, runtime};

/// The maximum number of tags of an entry, which is the same for `SetOptions`.
const MOST_TAGS: usize = 128;

/// Checks `#[cached]`. The function does not have the argument of `previous` any more.
pub(crate) fn cached(
    attr: CachedAttr,
    item: &Item,
    previous: Option<Previous>,
    mut errors: Errors,
) -> syn::Result<Cached> {
    signature::check_form(item, &mut errors);
    signature::check_patterns(item, &mut errors);
    signature::check_order(item, &mut errors);
    batch::refuse(&attr, item, &mut errors);
    let scope = each::scope(attr.each.as_ref(), item);
    let kind = errors.option(&attr.output, |given| word(given, &KINDS)).unwrap_or_default();
    let ttl = |given: &_| ttl::ttl(given, &scope);
    let tier = match &attr.tier {
        None if item.is_blocking() => Some(Tier::Memory),
        given => errors.option(given, |given| word(given, &TIERS)),
    };
    blocking::check(&attr, tier, item, &mut errors);
    let form = if tier == Some(Tier::Memory) { Form::Memory } else { Form::Serde };
    let (output, value) = match &attr.each {
        None => {
            let output = output::stored(item.output(), kind, form, &item.sig.generics, &mut errors);
            let value = output.value;
            (output, value)
        }
        Some(_) => output::stored_each(item.output(), kind, form, &item.sig.generics, &mut errors),
    };
    let codec = attr.codec.as_ref().map(|given| given.name.clone());
    let staleness = staleness::staleness(&attr, item, &output, &scope, &mut errors);
    let renewal = renewal::renewal(&attr, item, &scope, &mut errors);
    let limits = limits::limits(&attr, &output, &scope, &mut errors);
    let spec = Cached {
        limits,
        stale_while_revalidate: staleness.while_revalidate,
        stale_if_error: staleness.if_error,
        serve_stale_if: staleness.serve_stale_if,
        keep: renewal.keep,
        still_current: renewal.still_current,
        previous,
        load_timeout: staleness.load_timeout,
        error_ttl: errors.option(&attr.error_ttl, |given| ttl::finite(given, &scope)),
        early_refresh: staleness.early_refresh,
        detached: staleness.detached,
        verify: staleness.verify,
        task: staleness.task,
        coalesce: errors.option(&attr.coalesce, |given| word(given, &COALESCE)),
        share_errors: errors.option(&attr.share_errors, boolean),
        inherit: errors.option(&attr.inherit, inherit),

        key: key::key(&attr, &scope, &mut errors),
        ttl: errors.option(&attr.ttl, |given| ttl::freshness(given, &scope)),
        prefix: errors.option(&attr.prefix, name::prefix),
        tags: attr
            .tags
            .as_ref()
            .map_or_else(Vec::new, |tags| name::tags(tags, &scope, &mut errors)),
        tags_of: errors.option(&attr.tags_of, |given| tags_of(given, &scope)),
        version: errors.option(&attr.version, |given| integer(given, &scope)),
        negative_ttl: errors.option(&attr.negative_ttl, ttl),
        cache_none: errors.option(&attr.cache_none, boolean),
        cache_if: errors.option(&attr.cache_if, |given| condition(given, "value", &scope)),
        weight: errors.option(&attr.weight, |given| weight(given, &scope)),
        max_memory: errors.option(&attr.max_memory, |given| size(given, &scope)),
        max_entries: errors.option(&attr.max_entries, |given| count(given, &scope)),
        reserved: errors.option(&attr.reserved, boolean),
        jitter: errors.option(&attr.jitter, |given| number(given, JITTER, &scope)),
        tier,
        form,
        manager: errors.option(&attr.manager, evaluated::manager),
        within: errors.option(&attr.within, evaluated::within),
        entry_fn: errors.option(&attr.entry_fn, |given| blocking::entry_fn(given, item)),
        cost: errors.option(&attr.cost, |given| number(given, COST, &scope)),
        batch: batch::batch(&attr, item, &scope, value, &mut errors),
        output,
        bypass_if: attr.bypass_if.map(|given| given.value),
        codec: attr.codec.map(|given| given.value),
        runtime: runtime(attr.runtime),
    };
    if let Some(given) = attr.tags.as_ref().filter(|_| spec.tags.len() > MOST_TAGS) {
        let count = spec.tags.len();
        errors.at(
            &given.name,
            format!("an entry has at most {MOST_TAGS} tags, but {count} are given"),
        );
    }
    if let (None, Some(given)) = (&attr.max_memory, &attr.reserved) {
        let message = "`reserved` keeps the `max_memory` of this function free for it, which is not given: \
                       add `max_memory = \"8MiB\"`";
        errors.at(&given.name, message);
    }
    if let (Some(true), Some(Tier::Redis), Some(given)) = (spec.reserved, spec.tier, &attr.reserved)
    {
        let message = "`reserved` keeps memory free for the values of this function, but `tier = \"redis\"` keeps \
                       none there: remove one of them";
        errors.at(&given.name, message);
    }
    if form == Form::Memory {
        let cause = match attr.tier {
            Some(_) => "`tier = \"memory\"`",
            None => "a function that is not async",
        };
        if let Some(given) = codec {
            let message = format!(
                "`codec` is the form of values in Redis, but {cause} keeps them in this process: remove one of them"
            );
            errors.at(&given, message);
        }
        if let (Some(Coalesce::Fleet), Some(given)) = (spec.coalesce, &attr.coalesce) {
            let message = format!(
                "`coalesce = \"fleet\"` shares a load by a value in Redis, but {cause} stores none there: remove \
                 one of them"
            );
            errors.at(&given.name, message);
        }
    }
    if let (Some(false), Some(given)) = (spec.cache_none, &attr.negative_ttl) {
        let message = "`negative_ttl` is the TTL of a `None`, but `cache_none = false` stores \
                       no `None`: remove one of them";
        errors.at(&given.name, message);
    }
    let of_errors =
        [&attr.share_errors, &attr.stale_if_error, &attr.serve_stale_if, &attr.error_ttl];
    plain_without_errors(&of_errors, &spec.output, &mut errors);
    if let Some(given) = &attr.error_ttl {
        if let Some(false) = spec.share_errors {
            let message = "`error_ttl` gives one error to several callers, but `share_errors = false` \
                           forbids this: remove one of them";
            errors.at(&given.name, message);
        }
        if spec.output.borrows {
            let message = "`error_ttl` remembers the error, but its type may borrow: return one that owns \
                           its contents";
            errors.at(&given.name, message);
        }
    }
    errors.finish(spec)
}

pub(crate) fn invalidate(
    mut attr: InvalidateAttr,
    item: &Item,
    mut errors: Errors,
) -> syn::Result<Invalidate> {
    let scope = each::scope(attr.each.as_ref(), item).with_result();
    // An option that could not be read may have named them.
    let says_nothing = attr.prefix.is_none() && attr.tags.is_none() && attr.entries.is_empty();
    if says_nothing && errors.is_empty() {
        let message = "give the entries to invalidate: `prefix = \"video\"`, `tags = [...]` or \
                       `entry = get_video(video_id)`";
        errors.push(syn::Error::new(Span::call_site(), message));
    }
    signature::check_form(item, &mut errors);
    let spec = Invalidate {
        prefix: errors.option(&attr.prefix, |given| name::prefix_template(given, &scope)),
        tags: attr
            .tags
            .as_ref()
            .map_or_else(Vec::new, |tags| name::tags(tags, &scope, &mut errors)),
        entries: entry::entries(&attr.entries, &scope, &mut errors),
        when: errors.option(&attr.when, |given| word(given, &WHENS)).unwrap_or_default(),
        condition: errors.option(&attr.condition, |given| condition(given, "result", &scope)),
        manager: errors.option(&attr.manager, evaluated::manager),
        within: errors.option(&attr.within, evaluated::within),
        soft: errors.option(&attr.soft, |given| ttl::finite(given, &scope)),
        each: errors.option(&attr.each, |given| each::each(given, item)),
        output: output::passed_on(item.output()),
        runtime: runtime(attr.runtime.take()),
    };
    result::check(&attr, &spec, &mut errors);
    if let (Some(given), [_, ..]) = (&attr.soft, &attr.entries[..]) {
        let message = "`soft` keeps the entries of a `prefix` or of `tags` as stale values, but the entry of one call is \
                       removed: remove `soft`, or give a `prefix` or a tag in the place of `entry`";
        errors.at(&given.name, message);
    }
    if let (Some(each), Some(given)) = (&spec.each, &attr.each) {
        let is_used = spec.prefix.iter().any(|template| each::uses(template, &each.id))
            || spec.tags.iter().any(|tag| each::is_of(tag, &each.id))
            || spec.entries.iter().any(|entry| mentions(&entry.call, &each.id));
        if !is_used && errors.is_empty() {
            let id = &each.id;
            let message = format!(
                "nothing is invalidated for each `{id}`: use it in `prefix`, `tags` or `entry`, or remove `each`"
            );
            errors.at(&given.name, message);
        }
    }
    if let (When::Before, Some(given)) = (spec.when, &attr.condition) {
        let message = "`if` needs the result, but `when = \"before\"` does not wait for it: \
                       remove one of them";
        errors.at(&given.name, message);
    }
    errors.finish(spec)
}

pub(crate) fn put(attr: PutAttr, item: &Item, mut errors: Errors) -> syn::Result<Put> {
    if attr.entries.is_empty() && errors.is_empty() {
        let message = "give the entry that the result belongs to: `entry = get_video(video_id)`";
        errors.push(syn::Error::new(Span::call_site(), message));
    }
    signature::check_async(item, &mut errors);
    let scope = each::scope(attr.each.as_ref(), item).with_result();
    // Only a function with `tier = "memory"` has entries of values without serde.
    let (ty, kind, form) = (item.output(), Kind::Recognised, Form::Memory);
    let (output, many) = match &attr.each {
        None => (output::stored(ty, kind, form, &item.sig.generics, &mut errors), None),
        Some(given) => {
            let (output, value) =
                output::stored_each(ty, kind, form, &item.sig.generics, &mut errors);
            let each = errors.keep(each::each(given, item));
            (output, each.map(|each| PutMany { each, value }))
        }
    };
    let call = |given| {
        let entry = entry::changed(given, &scope)?;
        each::check_entry(given, &entry.call, &scope).map(|()| entry)
    };
    let spec = Put {
        entries: attr.entries.iter().filter_map(|given| errors.keep(call(given))).collect(),
        when: errors.option(&attr.when, |given| word(given, &WHENS_OF_PUT)).unwrap_or_default(),
        condition: errors.option(&attr.condition, |given| condition(given, "result", &scope)),
        manager: errors.option(&attr.manager, evaluated::manager),
        within: errors.option(&attr.within, evaluated::within),
        many,
        output,
        runtime: runtime(attr.runtime),
    };
    result::check_put(attr.each.as_ref(), &spec, &mut errors);
    errors.finish(spec)
}
