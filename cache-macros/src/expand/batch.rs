//! `#[cached]` on a function of many keys.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned as _;

use super::owned_id::owned_id;
use super::parts::{asks, begin_of, early, hooks, judged, key, named, number, share, sheds, tags};
use super::site::{constant, declared, site};
use super::task::{self, me, without_self};
use super::within::within;
use super::{here, kind, manager, pin_type, placed, private, storable};
use crate::item::Item;
use crate::mention::mentions;
use crate::spec::{
    Batch, Cached, Each, Gathering, Keeping, Kept, Key, Output, Renewal, Renewed, Task,
};

/// The parts of a function of many keys that do not depend on the owner of the entries.
struct Function<'a> {
    batch: &'a Batch,
    item: &'a Item,
    output: &'a Output,
    task: Option<&'a Task>,
    within: Option<&'a Expr>,
    /// The arguments that the attribute uses.
    named: TokenStream,
    share: TokenStream,
}

// Input:
//
//     #[cached(ttl = "5m", key = "{lang}:{id}", each(id in ids), max_batch = 100)]
//     async fn titles(ids: Vec<u64>, lang: &str) -> Result<Vec<Option<String>>, Error> { ... }
//
// Output (P is the runtime's private module):
//
//     async fn titles(ids: Vec<u64>, lang: &str) -> Result<Vec<Option<String>>, Error> {
//         let site = { static SITE: P::Site = ...; ...; &SITE };
//         let declared = &site.spec().declared;
//         let type_name = P::instance_of(&|| {});
//         P::refuse_requests(declared, type_name, P::NOT_BOXED).await;
//         let id_type = P::id_type(P::lent(&ids));
//         let kind = ...;
//         let kind = P::by_id(id_type, kind);
//         let many = P::many(id_type, kind);
//         let mut batch = P::Batch::new(many, declared, 100);
//         let item = P::item(many);
//         let item = P::storable((&&&&&P::probe_value(item)).__cache_value());
//         for one in P::each(P::lent(&ids)) {
//             let id = one;
//             let own = P::CallContext { site, type_name, ... };
//             let tags = ...;
//             let begin = P::begin(own, item, ..., tags, ...);
//             let absent = (&&P::absent_of(item)).__cache_absent();
//             P::Batch::add(&mut batch, one, item, absent, begin);
//         }
//         let share = ...;
//         let mut run = match P::Batch::looked(batch, P::lent(&ids)) {
//             P::BatchBegin::Hit(output) => return output,
//             P::BatchBegin::Run(run) => run,
//         };
//         loop {
//             match P::BatchRun::next(&mut run).await {
//                 // The body runs once for each part of the ids, so it gets copies of the arguments.
//                 P::BatchNext::Load(part) => {
//                     let ids = P::owned_ids(P::lent(&ids), part);
//                     let body = async move { ... };
//                     let body = ::core::pin::pin!(body);
//                     let loaded = P::BatchRun::load(&mut run, kind, share, body).await;
//                     if let P::BatchLoaded::Return(output) = loaded { return output; }
//                 }
//                 P::BatchNext::Refresh(refresh) => P::BatchRun::keep(&mut run, refresh),
//                 P::BatchNext::Return => return P::BatchRun::output(run),
//             }
//         }
//     }
//
// If the body may run in a task, it is a closure, and `Refresh` calls it with copies of the arguments: see `task`.
pub(super) fn cached(spec: &Cached, batch: &Batch, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let function = Function {
        batch,
        item,
        output: &spec.output,
        task: spec.task.as_ref(),
        within: spec.within.as_ref(),
        named: named(spec),
        share: sheds(
            p,
            spec,
            judged(p, spec.serve_stale_if.as_ref(), share(p, &spec.output, Some(false), false)),
        ),
    };
    let (given_manager, in_manager) = manager(p, spec.manager.as_ref());
    let site = site(p, spec, item);
    let first = quote_spanned! {Span::mixed_site()=>
        let __site = #site;
        let __declared = &#p::Site::spec(__site).declared;
        #given_manager
    };
    let fallible = spec.stale_if_error.is_some().then(|| {
        let p = placed(p.clone(), spec.output.value);
        quote_spanned!(here(spec.output.value)=> #p::fallible(__kind);)
    });
    let adds = own_entries(p, spec, batch, item, &in_manager);
    function.expand(p, &first, &quote!(#fallible), &adds)
}

// With `entry = video(id)`, the function has no entries of its own, and the loop is
//
//     for one in P::each(P::lent(&ids)) {
//         let bypass = false;
//         let id = P::id(one);
//         match video(id) {
//             call => {
//                 let call = P::EntryCall::into_call(call);
//                 let item = (&&P::probe_of(&call)).__cache_kind();
//                 let absent = (&&P::absent_of(item)).__cache_absent();
//                 P::Batch::add_entry(&mut batch, one, item, absent, bypass, call);
//             }
//         }
//     }
pub(crate) fn gathering(spec: &Gathering, item: &Item) -> TokenStream {
    let p = &private(&spec.runtime);
    let (entry, bypass, named_within) = (&spec.entry, &spec.bypass_if, &spec.within);
    let function = Function {
        batch: &spec.batch,
        item,
        output: &spec.output,
        task: spec.task.as_ref(),
        within: spec.within.as_ref(),
        named: quote!(#entry #bypass #named_within),
        share: judged(p, spec.serve_stale_if.as_ref(), share(p, &spec.output, Some(false), false)),
    };
    let declared = declared(p, item);
    let first = quote_spanned! {Span::mixed_site()=>
        let __declared = {
            static __CACHE_RUNTIME_DECLARED: #p::Declared = #declared;
            &__CACHE_RUNTIME_DECLARED
        };
    };
    function.expand(p, &first, &TokenStream::new(), &entries_of_another(p, spec))
}

impl Function<'_> {
    /// Returns the function. `first` are the statements that find its place, `checks` those about its output, and `adds`
    /// those that add the ids to the batch.
    fn expand(
        &self,
        p: &TokenStream,
        first: &TokenStream,
        checks: &TokenStream,
        adds: &TokenStream,
    ) -> TokenStream {
        let kind = kind(p, self.output);
        let lent = lent(p, &self.batch.each);
        let there = |tokens| placed(tokens, self.output.value);
        let (id_type, by_id) = (id_type(p, &self.batch.each), by_id(p, self.output));
        let looked = there(quote_spanned!(Span::mixed_site()=> #p::Batch::looked));
        let batch_there = there(quote_spanned!(Span::mixed_site()=> __batch));
        let next =
            there(quote_spanned!(Span::mixed_site()=> #p::BatchRun::next(&mut *__run).await));
        let end = there(quote_spanned!(Span::mixed_site()=> #p::BatchRun::output(__run)));
        let load = self.task.map(|task| {
            let load = task::load(task, self.item, self.output, &self.named, &TokenStream::new());
            quote_spanned!(Span::mixed_site()=> let __load = #load;)
        });
        let in_background = self.task.map(|_| {
            there(quote_spanned! {Span::mixed_site()=>
                #p::BatchRun::in_the_background(&mut *__run);
            })
        });
        let run = self.run(p);
        let refresh = self.refresh(p);
        let (share, most) = (&self.share, most(p, self.batch));
        let (made, boxed) = number(p, self.item);
        let flow = quote_spanned! {Span::mixed_site()=>
            #first
            let __type_name = #p::instance_of(&|| {});
            #p::refuse_requests(__declared, __type_name, #boxed).await;
            let __id_type = #id_type;
            let __kind = #kind;
            let __kind = #by_id;
            #checks
            let __many = #p::many(__id_type, __kind);
            let mut __batch = #p::Batch::new(__many, __declared, #most);
            #adds
            let __share = #share;
            let mut __run = match #looked(#batch_there, #lent) {
                #p::BatchBegin::Hit(__output) => return __output,
                #p::BatchBegin::Run(__run) => __run,
            };
            #in_background
            #load
            loop {
                match #next {
                    #p::BatchNext::Load(__part) => { #run }
                    #p::BatchNext::Refresh(__refresh) => { #refresh }
                    #p::BatchNext::Return => return #end,
                }
            }
        };
        self.item.with_closure(&made, within(p, self.within, true, flow))
    }

    /// Returns the statements that run the body once.
    fn run(&self, p: &TokenStream) -> TokenStream {
        let body = match self.task {
            Some(task) => self.called(p, task),
            None => self.written(p),
        };
        let load = placed(
            quote_spanned! {Span::mixed_site()=>
                #p::BatchRun::load(&mut *__run, __kind, __share, __body).await
            },
            self.output.value,
        );
        quote_spanned! {Span::mixed_site()=>
            #body
            let __body = ::core::pin::pin!(__body);
            let __loaded = #load;
            if let #p::BatchLoaded::Return(__output) = __loaded {
                return __output;
            }
        }
    }

    /// Returns the statements that make the body, of the user's block.
    fn written(&self, p: &TokenStream) -> TokenStream {
        let Batch { each, renewed, .. } = self.batch;
        let Each { ids, mutable, borrowed, .. } = each;
        let part = part(p, each);
        let (ty, given) = match borrowed {
            Some(ty) => (
                Some(quote_spanned!(Span::mixed_site()=> : &#ty)),
                quote_spanned!(Span::mixed_site()=> ::core::borrow::Borrow::borrow(&__ids)),
            ),
            None => (None, quote_spanned!(Span::mixed_site()=> __ids)),
        };
        let renewed: TokenStream =
            renewed.iter().map(|renewed| renewal(p, renewed, &self.named)).collect();
        let pin_type = pin_type(&self.output.ty);
        let body = self.item.body(&self.named);
        let takes_self = self
            .batch
            .renewed
            .iter()
            .any(|renewed| renewed.argument.name == "self" && renewed.renewal != Renewal::Same);
        let body = if takes_self { without_self(body) } else { body };
        quote_spanned! {Span::mixed_site()=>
            let __ids = #part;
            #[allow(clippy::used_underscore_binding)]
            let #mutable #ids #ty = #given;
            #renewed
            let __body = async move { #pin_type #body };
        }
    }

    /// Returns the statements that make the body, by the closure that a task calls too.
    fn called(&self, p: &TokenStream, task: &Task) -> TokenStream {
        let each = &self.batch.each;
        let part = part(p, each);
        let arguments = task.arguments.iter().map(|kept| {
            let name = &kept.name;
            if *name == each.ids {
                return ids_of(kept);
            }
            let found = self.batch.renewed.iter().find(|renewed| renewed.argument.name == *name);
            match found.map(|renewed| renewed.renewal) {
                Some(Renewal::Clone) => again(p, name),
                _ => name.to_token_stream(),
            }
        });
        quote_spanned! {Span::mixed_site()=>
            let __ids = #part;
            #[allow(clippy::used_underscore_binding)]
            let __body = __load(#(#arguments),*);
        }
    }

    /// Returns the statements for ids whose values are served while a task refreshes them.
    fn refresh(&self, p: &TokenStream) -> TokenStream {
        let keep = placed(
            quote_spanned!(Span::mixed_site()=> #p::BatchRun::keep(&mut *__run, __refresh);),
            self.output.value,
        );
        let Some(task) = self.task else { return keep };
        let each = &self.batch.each;
        let others = || task.arguments.iter().filter(|kept| kept.name != each.ids);
        let kept = others().map(|argument| task::keep(p, argument));
        let names = others().map(task::name);
        let arguments = task.arguments.iter().map(|argument| {
            if argument.name == each.ids { ids_of(argument) } else { task::lent(argument) }
        });
        let owned = each.borrowed.as_ref().map(
            |ty| quote_spanned!(Span::mixed_site()=> : <#ty as ::std::borrow::ToOwned>::Owned),
        );
        quote_spanned! {Span::mixed_site()=>
            #[allow(clippy::used_underscore_binding)]
            let __kept = #p::copied(|| (#(#kept,)*));
            match __kept {
                ::core::option::Option::Some((#(#names,)*)) => #p::refresh_many(
                    &mut *__run,
                    __kind,
                    __share,
                    __refresh,
                    move |__part| async move {
                        let __ids #owned = ::core::iter::FromIterator::from_iter(__part);
                        __load(#(#arguments),*).await
                    },
                ),
                ::core::option::Option::None => { #keep }
            }
        }
    }
}

/// Returns the statements that add the ids with entries of this function.
fn own_entries(
    p: &TokenStream,
    spec: &Cached,
    batch: &Batch,
    item: &Item,
    in_manager: &TokenStream,
) -> TokenStream {
    let Batch { each, value, .. } = batch;
    let (id, lent) = (&each.id, lent(p, each));
    let begin = begin_of(spec);
    let one = if spec.negative_ttl.is_some() || spec.cache_none.is_some() {
        quote_spanned! {Span::mixed_site()=> {
            use #p::{ProbeNoOption as _, ProbeOption as _};
            (&&#p::optional(__many)).__cache_optional()
        }}
    } else {
        quote_spanned!(Span::mixed_site()=> #p::item(__many))
    };
    let storable = storable(p, spec.output.form, "__item", *value);
    let item_there = placed(quote_spanned!(Span::mixed_site()=> __item), *value);
    let (asks, key, tags) = (asks(p, spec), key(p, spec, item), tags(p, spec));
    let (hooks, early, absent) = (hooks(p, spec), early(spec), absent(p));
    let bypass = bypass(p, spec.bypass_if.as_ref(), each);
    let add = placed(
        quote_spanned! {Span::mixed_site()=>
            #p::Batch::add(&mut __batch, __one, __item, __absent, __begin);
        },
        spec.output.value,
    );
    let owned = match &spec.key {
        Key::Value(value) => owned_id(p, value, each),
        Key::Arguments(_) | Key::Template(_) => TokenStream::new(),
    };
    quote_spanned! {Span::mixed_site()=>
        let __item = #one;
        let __item = #storable;
        for __one in #p::each(#lent) {
            #[allow(unused_variables)]
            let #id = __one;
            #[allow(clippy::used_underscore_binding)]
            let __own = #p::CallContext {
                site: __site,
                type_name: __type_name,
                boxed: #p::NOT_BOXED,
                bypass: #bypass,
                early_refresh: #early,
                verifies: false,
            };
            #[allow(clippy::used_underscore_binding)]
            let __tags = #tags;
            #[allow(clippy::used_underscore_binding)]
            let __begin = {
                #asks
                #owned
                #p::#begin(#in_manager __own, #item_there, #key, __tags, #hooks)
            };
            let __absent = #absent;
            #add
        }
    }
}

/// Returns the statements that add the ids with the entries of calls.
fn entries_of_another(p: &TokenStream, spec: &Gathering) -> TokenStream {
    let Gathering { batch, entry, .. } = spec;
    let each = &batch.each;
    let lent = lent(p, each);
    let (absent, bypass) = (absent(p), bypass(p, spec.bypass_if.as_ref(), each));
    let owned = owned_id(p, entry, each);
    let (place, of_entry) = (here(entry.span()), placed(p.clone(), entry.span()));
    // An error about the type of the value is shown where those about the type of the output are, and so only once.
    let added = placed(
        quote_spanned! {Span::mixed_site()=>
            #p::Batch::add_entry(&mut __batch, __one, __item, __absent, __bypass, __call);
        },
        spec.output.value,
    );
    // A `match` keeps the temporaries alive that the expression of the call borrows.
    let add = quote_spanned! {place=> match #entry {
        __call => {
            let __call = #of_entry::EntryCall::into_call(__call);
            let __item = {
                use #p::{ProbePlain as _, ProbeResult as _};
                (&&#p::probe_of(&__call)).__cache_kind()
            };
            let __absent = #absent;
            #added
        }
    }};
    quote_spanned! {Span::mixed_site()=>
        for __one in #p::each(#lent) {
            #[allow(clippy::used_underscore_binding)]
            let __bypass = #bypass;
            #owned
            #[allow(clippy::used_underscore_binding)]
            { #add }
        }
    }
}

/// Returns the type of the ids.
pub(super) fn id_type(p: &TokenStream, each: &Each) -> TokenStream {
    let (lent, p) = (lent(p, each), placed(p.clone(), each.place));
    quote_spanned!(here(each.place)=> #p::id_type(#lent))
}

/// Returns the kind of the output again, if that holds values by id.
pub(super) fn by_id(p: &TokenStream, output: &Output) -> TokenStream {
    placed(quote_spanned!(Span::mixed_site()=> #p::by_id(__id_type, __kind)), output.value)
}

/// Returns a reference to the ids. An error about their type is shown at that type, and only once, because all tokens
/// are the same wherever this stands.
pub(super) fn lent(p: &TokenStream, each: &Each) -> TokenStream {
    let ids = reference(each);
    placed(quote_spanned!(here(each.place)=> #p::lent(#ids)), each.place)
}

/// Returns a reference to the ids. That of a reference begins with a generated token, so that its place is a generated
/// one.
pub(super) fn reference(each: &Each) -> TokenStream {
    let ids = &each.ids;
    let reference = match each.borrowed {
        Some(_) => quote_spanned!(here(each.place)=> &*#ids),
        None => quote_spanned!(here(each.place)=> &#ids),
    };
    placed(reference, each.place)
}

fn bypass(p: &TokenStream, given: Option<&Expr>, each: &Each) -> TokenStream {
    let Some(given) = given else { return quote!(false) };
    let owned = owned_id(p, given, each);
    if owned.is_empty() {
        return given.to_token_stream();
    }
    quote_spanned!(Span::mixed_site()=> { #owned #given })
}

/// Returns the most ids of one run of the body.
fn most(p: &TokenStream, batch: &Batch) -> TokenStream {
    match &batch.max {
        Some(max) => {
            let max = constant(max);
            // An item is checked where the function is not called, too.
            quote_spanned! {Span::mixed_site()=> {
                const __CACHE_RUNTIME_MOST: ::core::primitive::usize = #p::most_at_once(#max);
                __CACHE_RUNTIME_MOST
            }}
        }
        None => quote_spanned!(Span::mixed_site()=> ::core::primitive::usize::MAX),
    }
}

/// Returns the value of an id for which the body returns none, if there is such a value.
pub(super) fn absent(p: &TokenStream) -> TokenStream {
    quote_spanned! {Span::mixed_site()=> {
        use #p::{ProbeAbsent as _, ProbePresent as _};
        (&&#p::absent_of(__item)).__cache_absent()
    }}
}

/// Returns the ids of one run of the body, in a collection of their own.
fn part(p: &TokenStream, each: &Each) -> TokenStream {
    let lent = lent(p, each);
    quote_spanned!(Span::mixed_site()=> #p::owned_ids(#lent, __part))
}

/// Returns the argument for the ids in a call of the closure.
fn ids_of(argument: &Kept) -> TokenStream {
    match argument.keeping {
        Keeping::Value => quote_spanned!(Span::mixed_site()=> __ids),
        Keeping::Borrow => {
            quote_spanned!(Span::mixed_site()=> ::core::borrow::Borrow::borrow(&__ids))
        }
    }
}

/// Returns the statement that makes an argument for one run of the body.
fn renewal(p: &TokenStream, renewed: &Renewed, named: &TokenStream) -> TokenStream {
    let Renewed { argument, renewal } = renewed;
    let (name, cfg, mutable) = (&argument.name, &argument.cfg, &argument.mutable);
    let value = match renewal {
        Renewal::Same if mutable.is_none() || name == "self" => return TokenStream::new(),
        Renewal::Same => name.to_token_stream(),
        Renewal::Reborrow => quote_spanned!(Span::mixed_site()=> &mut *#name),
        Renewal::Clone => again(p, name),
    };
    let bound = if name == "self" { me(name.span()) } else { name.clone() };
    // The compiler does not see that the attribute uses the argument.
    let used = mentions(named, name)
        .then(|| quote_spanned!(Span::mixed_site()=> #(#cfg)* { _ = &#bound; }));
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        #[allow(clippy::used_underscore_binding)]
        let #mutable #bound = #value;
        #used
    }
}

/// Returns a clone of an argument. An error about its type is shown at the argument.
fn again(p: &TokenStream, name: &Ident) -> TokenStream {
    let p = placed(p.clone(), name.span());
    quote_spanned!(here(name.span())=> #p::again(&#name))
}
