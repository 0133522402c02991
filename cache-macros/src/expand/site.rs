//! The `static` of a call site: its properties that are known without a call.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Expr, ExprReference, Member};

use crate::called::called;
use crate::item::{Argument, Item};
use crate::spec::{
    Cached, Coalesce, Constant, Each, Freshness, Inherit, Invalidate, Key, Piece, Prefix, Put,
    RESULT, Tag, Template, Tier, Ttl, Verify, When,
};

/// Returns a block whose value is the site of a cached function.
pub(super) fn site(p: &TokenStream, spec: &Cached, item: &Item) -> TokenStream {
    let options = fields(options(p, spec, item));
    let declared = declared(p, item);
    quote_spanned! {Span::mixed_site()=> {
        static __CACHE_RUNTIME_SITE: #p::Site = #p::Site::new(#p::SiteSpec {
            #options
            ..#p::SiteSpec::new(#declared)
        });
        #p::inventory::submit! { #p::CallSite::Cached(__CACHE_RUNTIME_SITE.spec()) }
        &__CACHE_RUNTIME_SITE
    }}
}

/// Returns a block that registers a function under `#[cache_invalidate]`. Its value is the registered
/// `static`.
pub(super) fn invalidator(p: &TokenStream, spec: &Invalidate, item: &Item) -> TokenStream {
    let options = vec![
        ("kind", quote!(#p::Mutation::Invalidate)),
        ("prefix", optional(spec.prefix.as_ref().map(written))),
        ("tags", list(spec.tags.iter().map(written_tag))),
        ("arguments", arguments_list(&of_each(item, spec.each.as_ref()))),
        ("entries", entries(spec.entries.iter().map(|entry| &entry.call))),
        ("when", when(spec.when)),
        ("conditional", spec.condition.is_some().to_token_stream()),
        ("manager", optional(spec.manager.as_ref().map(borrowed))),
    ];
    mutation(p, item, options)
}

/// Does the same for `#[cache_put]`.
pub(super) fn putter(p: &TokenStream, spec: &Put, item: &Item) -> TokenStream {
    let options = vec![
        ("kind", quote!(#p::Mutation::Put)),
        ("prefix", optional(None)),
        ("tags", quote!(&[])),
        ("arguments", arguments_list(&of_each(item, spec.many.as_ref().map(|many| &many.each)))),
        ("entries", entries(spec.entries.iter().map(|entry| &entry.call))),
        ("when", when(spec.when)),
        ("conditional", spec.condition.is_some().to_token_stream()),
        ("manager", optional(spec.manager.as_ref().map(borrowed))),
    ];
    mutation(p, item, options)
}

type Field = (&'static str, TokenStream);

fn mutation(p: &TokenStream, item: &Item, options: Vec<Field>) -> TokenStream {
    let options = fields(options);
    let declared = declared(p, item);
    quote_spanned! {Span::mixed_site()=> {
        static __CACHE_RUNTIME_SITE: #p::MutationSpec = #p::MutationSpec {
            declared: #declared,
            #options
        };
        #p::inventory::submit! { #p::CallSite::Mutation(&__CACHE_RUNTIME_SITE) }
        &__CACHE_RUNTIME_SITE
    }}
}

/// Emits the location. The closure stands in the `static`, so its type name contains the function.
pub(super) fn declared(p: &TokenStream, item: &Item) -> TokenStream {
    let function = item.sig.ident.unraw().to_string();
    quote_spanned! {Span::mixed_site()=>
        #p::Declared {
            package: match ::core::option_env!("CARGO_PKG_NAME") {
                ::core::option::Option::Some(__package) => __package,
                ::core::option::Option::None => "",
            },
            module: ::core::module_path!(),
            function: #function,
            file: ::core::file!(),
            line: ::core::line!(),
            path: || #p::instance_of(&|| {}),
        }
    }
}

/// Returns the fields of the site that the attribute sets.
fn options(p: &TokenStream, spec: &Cached, item: &Item) -> Vec<Field> {
    let each = spec.batch.as_ref().map(|batch| &batch.each);
    let max_batch = spec.batch.as_ref().and_then(|batch| batch.max.as_ref());
    let fields = [
        ("ttl", spec.ttl.as_ref().map(|ttl| freshness(p, ttl))),
        ("prefix", spec.prefix.as_ref().map(prefix).map(some)),
        ("version", spec.version.as_ref().map(constant)),
        ("negative_ttl", spec.negative_ttl.as_ref().map(|ttl| duration(p, ttl))),
        ("cache_none", spec.cache_none.map(|cache| quote!(#cache))),
        ("jitter", spec.jitter.as_ref().map(constant).map(some)),
        ("tier", spec.tier.map(|chosen| tier(p, chosen)).map(some)),
        ("manager", spec.manager.as_ref().map(borrowed).map(some)),
        ("cost", spec.cost.as_ref().map(constant)),
        ("max_memory", spec.max_memory.as_ref().map(constant).map(some)),
        ("max_entries", spec.max_entries.as_ref().map(constant).map(some)),
        ("reserved", spec.reserved.map(|reserved| quote!(#reserved))),
        ("key", Some(key(p, &spec.key))),
        ("skip", Some(skipped(&spec.key, each, item))),
        ("entry_fn", spec.entry_fn.as_ref().map(|entry_fn| name(&entry_fn.name)).map(some)),
        ("tags", Some(list(spec.tags.iter().map(written_tag)))),
        ("arguments", Some(arguments_list(&of_each(item, each)))),
        ("derives_tags", spec.tags_of.as_ref().map(|_| quote!(true))),
        ("cache_if", spec.cache_if.as_ref().map(|_| quote!(true))),
        ("bypass_if", spec.bypass_if.as_ref().map(|_| quote!(true))),
        ("codec", spec.codec.as_ref().map(text).map(some)),
        (
            "stale_while_revalidate",
            spec.stale_while_revalidate.as_ref().map(|ttl| duration(p, ttl)),
        ),
        ("stale_if_error", spec.stale_if_error.as_ref().map(|ttl| duration(p, ttl))),
        ("serve_stale_if", spec.serve_stale_if.as_ref().map(|_| quote!(true))),
        ("keep", spec.keep.as_ref().map(|ttl| duration(p, ttl))),
        ("still_current", spec.still_current.as_ref().map(|_| quote!(true))),
        ("previous", spec.previous.as_ref().map(|previous| name(&previous.name)).map(some)),
        ("load_timeout", spec.load_timeout.as_ref().map(|ttl| duration(p, ttl))),
        ("error_ttl", spec.error_ttl.as_ref().map(|ttl| duration(p, ttl))),
        ("early_refresh", spec.early_refresh.as_ref().map(constant)),
        ("background", spec.task.as_ref().map(|_| quote!(true))),
        ("detached", spec.detached.then(|| quote!(true))),
        ("verify", verification(spec).map(|chosen| verify(p, chosen))),
        ("coalesce", spec.coalesce.map(|chosen| coalesce(p, chosen))),
        ("inherits", spec.inherit.map(|chosen| inherit(p, chosen))),
        ("share_errors", spec.share_errors.map(|share| quote!(#share))),
        ("source", spec.limits.source.as_ref().map(some)),
        ("max_loads", spec.limits.max_loads.as_ref().map(constant).map(some)),
        ("shed", spec.limits.shed.as_ref().map(|ttl| duration(p, ttl)).map(some)),
        ("each", each.map(in_words).map(some)),
        ("max_batch", max_batch.map(constant).map(some)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Returns `name: value,` for each.
fn fields(fields: Vec<Field>) -> TokenStream {
    let fields = fields.into_iter().map(|(name, value)| {
        let name = Ident::new(name, Span::mixed_site());
        quote!(#name: #value,)
    });
    fields.collect()
}

fn freshness(p: &TokenStream, ttl: &Freshness) -> TokenStream {
    match ttl {
        Freshness::Same(ttl) => duration(p, ttl),
        Freshness::OfValue(_) => quote!(#p::TtlSpec::OfValue),
    }
}

fn duration(p: &TokenStream, ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Millis(millis) => quote!(#p::TtlSpec::Millis(#millis)),
        Ttl::Forever => quote!(#p::TtlSpec::Forever),
        Ttl::Dynamic(expr) => quote!(#p::TtlSpec::Dynamic(|| #expr)),
    }
}

pub(super) fn constant(constant: &Constant<impl ToTokens>) -> TokenStream {
    match constant {
        Constant::Literal(value) => value.to_token_stream(),
        Constant::Expression(expr) => expr.to_token_stream(),
    }
}

fn prefix(prefix: &Prefix) -> TokenStream {
    match prefix {
        Prefix::Literal(text) => text.to_token_stream(),
        Prefix::Constant(path) => path.to_token_stream(),
    }
}

fn tier(p: &TokenStream, tier: Tier) -> TokenStream {
    match tier {
        Tier::Memory => quote!(#p::Tier::Memory),
        Tier::Redis => quote!(#p::Tier::Redis),
        Tier::Tiered => quote!(#p::Tier::Tiered),
    }
}

fn inherit(p: &TokenStream, inherit: Inherit) -> TokenStream {
    match inherit {
        Inherit::Tags => quote!(#p::Inherit::Tags),
        Inherit::All => quote!(#p::Inherit::All),
    }
}

/// Returns the verification; hits in a transaction have none, whatever the configuration.
fn verification(spec: &Cached) -> Option<Verify> {
    spec.verify.or(spec.within.is_some().then_some(Verify::Off))
}

fn verify(p: &TokenStream, verify: Verify) -> TokenStream {
    match verify {
        Verify::Off => quote!(#p::Verify::Off),
        Verify::Every(millis) => quote!(#p::Verify::Every(#millis)),
    }
}

fn coalesce(p: &TokenStream, coalesce: Coalesce) -> TokenStream {
    match coalesce {
        Coalesce::Off => quote!(#p::Coalesce::Off),
        Coalesce::Process => quote!(#p::Coalesce::Process),
        Coalesce::Fleet => quote!(#p::Coalesce::Fleet),
    }
}

fn when(when: When) -> TokenStream {
    match when {
        When::Before => quote!("before"),
        When::Success => quote!("success"),
        When::Always => quote!("always"),
    }
}

fn key(p: &TokenStream, key: &Key) -> TokenStream {
    match key {
        Key::Arguments(arguments) => {
            let names = arguments_list(arguments);
            quote!(#p::SiteKey::Arguments(#names))
        }
        Key::Template(template) => {
            let template = written(template);
            quote!(#p::SiteKey::Template(#template))
        }
        Key::Value(_) => quote!(#p::SiteKey::Expression),
    }
}

/// Returns the arguments that are not part of the key. `self` is never a part of it.
fn skipped(key: &Key, each: Option<&Each>, item: &Item) -> TokenStream {
    let Key::Arguments(kept) = key else { return quote!(&[]) };
    let receiver = item.receiver().map(|receiver| Argument {
        name: Ident::new("self", receiver.self_token.span),
        cfg: Vec::new(),
        mutable: None,
    });
    let is_kept = |name: &Ident| kept.iter().any(|kept| kept.name == *name);
    let others = of_each(item, each).into_iter().filter(|other| !is_kept(&other.name));
    arguments_list(&receiver.into_iter().chain(others).collect::<Vec<_>>())
}

/// Returns the names that a template can use: one id stands in the place of all of them.
fn of_each(item: &Item, each: Option<&Each>) -> Vec<Argument> {
    let mut arguments = item.arguments();
    if let Some(each) = each {
        let ids = arguments.iter_mut().find(|argument| argument.name == each.ids);
        ids.into_iter().for_each(|ids| ids.name = each.id.clone());
    }
    arguments
}

/// Returns `id in ids`.
fn in_words(each: &Each) -> String {
    format!("{} in {}", name(&each.id), name(&each.ids))
}

/// Returns the names of the arguments that exist.
fn arguments_list(arguments: &[Argument]) -> TokenStream {
    let names = arguments.iter().map(|Argument { name, cfg, .. }| {
        let name = self::name(name);
        quote!(#(#cfg)* #name)
    });
    quote!(&[#(#names),*])
}

fn name(name: &Ident) -> String {
    name.unraw().to_string()
}

/// Returns the calls, each with the name of the called function.
fn entries<'a>(entries: impl IntoIterator<Item = &'a Expr>) -> TokenStream {
    let entries = entries.into_iter().map(|call| {
        let (text, function) = (text(call), called(call));
        quote!((#text, #function))
    });
    quote!(&[#(#entries),*])
}

/// Returns tokens as text, close to the form in which they were written.
fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(" :: ", "::").replace(":: ", "::")
}

/// Returns an expression as text, such as `&self.cache`.
fn borrowed(expr: &Expr) -> String {
    match expr {
        Expr::Reference(ExprReference { mutability: None, expr, .. }) => format!("&{}", text(expr)),
        expr => text(expr),
    }
}

/// Returns a template as it was written.
fn written(template: &Template) -> String {
    let pieces = template.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.replace('{', "{{").replace('}', "}}"),
        Piece::Place { root, fields, optional } => {
            let fields = fields.iter().map(|field| match field {
                Member::Named(field) => format!(".{}", name(field)),
                Member::Unnamed(field) => format!(".{}", field.index),
            });
            let sign = if *optional { "?" } else { "" };
            format!("{{{}{}{sign}}}", root_name(root), fields.collect::<String>())
        }
    });
    pieces.collect()
}

fn root_name(root: &Ident) -> String {
    if root == RESULT { "result".to_owned() } else { name(root) }
}

/// Returns a tag as it was written; `{..}` for an expression, which may be any text.
fn written_tag(tag: &Tag) -> String {
    match tag {
        Tag::Template(template) => written(template),
        Tag::Value(_) => "{..}".to_owned(),
    }
}

fn some(value: impl ToTokens) -> TokenStream {
    quote!(::core::option::Option::Some(#value))
}

fn optional(text: Option<String>) -> TokenStream {
    text.map_or_else(|| quote!(::core::option::Option::None), some)
}

fn list(items: impl IntoIterator<Item = String>) -> TokenStream {
    let items = items.into_iter();
    quote!(&[#(#items),*])
}
