//! The body of a function that may be served while the body runs in a task of its own.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned as _;

use super::{here, pin_type, placed};
use crate::item::Item;
use crate::spec::{Cached, Keeping, Kept, Output, Task};

/// Emits the expression of `let __call = ...`: the body as a closure of the arguments. It is called with the
/// arguments themselves, or in a task with copies of them.
pub(super) fn run(
    p: &TokenStream,
    task: &Task,
    spec: &Cached,
    item: &Item,
    named: &TokenStream,
    before: &TokenStream,
) -> TokenStream {
    let output = &spec.output;
    let in_a_task = match (item.is_blocking(), spec.detached) {
        (true, _) => "load_on_a_thread",
        (false, true) => "load_detached",
        (false, false) => "load_in_the_background",
    };
    let in_a_task = Ident::new(in_a_task, Span::mixed_site());
    let load = load(task, item, output, named, before);
    let uses_old = !before.is_empty();
    let offer = uses_old.then(|| quote_spanned!(Span::mixed_site()=> __offer,));
    let copied = uses_old.then(|| {
        quote_spanned!(Span::mixed_site()=> let __offer = ::core::clone::Clone::clone(&__offer);)
    });
    let arguments = task.arguments.iter().map(|argument| &argument.name);
    let names: Vec<_> = task.arguments.iter().map(name).collect();
    let keep: Vec<_> = task.arguments.iter().map(|argument| keep(p, argument)).collect();
    let lent = task.arguments.iter().map(lent);
    let run = placed(
        quote_spanned!(Span::mixed_site()=> #p::MissedCall::run(__call, __kind, __share, __body).await),
        output.value,
    );
    let (in_task, body) = if item.is_blocking() {
        (
            quote_spanned!(Span::mixed_site()=> move || __load(#offer #(#lent),*)),
            quote_spanned!(Span::mixed_site()=> async move { #p::run_body(move || __load(#offer #(#arguments),*)) }),
        )
    } else {
        (
            quote_spanned!(Span::mixed_site()=> async move { __load(#offer #(#lent),*).await }),
            quote_spanned!(Span::mixed_site()=> __load(#offer #(#arguments),*)),
        )
    };
    let second = spec.may_verify().then(|| {
        quote_spanned! {Span::mixed_site()=>
            let __call = if #p::MissedCall::wants_two_bodies(&__call) {
                match #p::copied(|| (#(#keep,)*)) {
                    ::core::option::Option::Some((#(#names,)*)) => {
                        let __task = { #copied #in_task };
                        let __task = #p::#in_a_task(__kind, __share, __task);
                        #p::MissedCall::with_second_body(__call, __task)
                    }
                    ::core::option::Option::None => __call,
                }
            } else {
                __call
            };
        }
    });
    quote_spanned! {Span::mixed_site()=>
        let __call = #p::MissedCall::look(__call, __share).await;
        let __load = #load;
        let __call = if #p::MissedCall::wants_a_task(&__call) {
            match #p::copied(|| (#(#keep,)*)) {
                ::core::option::Option::Some((#(#names,)*)) => {
                    let __task = { #copied #in_task };
                    let __task = #p::#in_a_task(__kind, __share, __task);
                    #second
                    #p::MissedCall::run_in_a_task(__call, __task).await
                }
                ::core::option::Option::None => #p::MissedCall::without_a_task(__call),
            }
        } else {
            __call
        };
        let __body = ::core::pin::pin!(#body);
        #run
    }
}

/// Returns the body as a closure that captures nothing. After the statements that take the old value, it captures the
/// kind of the function, which is `Copy`.
pub(super) fn load(
    task: &Task,
    item: &Item,
    output: &Output,
    named: &TokenStream,
    before: &TokenStream,
) -> TokenStream {
    let parameters = task.arguments.iter().map(|argument| {
        let Kept { mutable, ty, .. } = argument;
        let name = parameter(argument);
        quote_spanned!(Span::mixed_site()=> #mutable #name: #ty)
    });
    let pin_type = pin_type(&output.ty);
    let body = without_self(item.body(named));
    let before = without_self(before.clone());
    let (moves, offer) = match before.is_empty() {
        true => (None, None),
        false => (
            Some(quote_spanned!(Span::mixed_site()=> move)),
            Some(quote_spanned!(Span::mixed_site()=> __offer: _,)),
        ),
    };
    let asynchronous = (!item.is_blocking()).then(|| quote_spanned!(Span::mixed_site()=> async));
    quote_spanned!(Span::mixed_site()=> #asynchronous #moves |#offer #(#parameters),*| { #pin_type #before #body })
}

/// Returns the argument of a call in the task, made of the copy.
pub(super) fn lent(argument: &Kept) -> TokenStream {
    let name = name(argument);
    match argument.keeping {
        Keeping::Value => name.into_token_stream(),
        Keeping::Borrow => {
            quote_spanned!(Span::mixed_site()=> ::core::borrow::Borrow::borrow(&#name))
        }
    }
}

/// Returns a generated name for the copy of an argument.
pub(super) fn name(argument: &Kept) -> Ident {
    Ident::new(&format!("__kept_{}", bare(&argument.name)), Span::mixed_site())
}

fn bare(name: &Ident) -> String {
    use syn::ext::IdentExt as _;
    name.unraw().to_string()
}

/// Returns the name of an argument inside of the body.
fn parameter(argument: &Kept) -> Ident {
    if argument.name == "self" { me(argument.name.span()) } else { argument.name.clone() }
}

/// Returns the name for `self`, which cannot be a parameter of a closure.
pub(super) fn me(span: Span) -> Ident {
    Ident::new("__self_of_the_call", span.resolved_at(Span::mixed_site()))
}

pub(super) fn keep(p: &TokenStream, argument: &Kept) -> TokenStream {
    let place = here(argument.ty.span());
    let name = &argument.name;
    match argument.keeping {
        Keeping::Value => quote_spanned!(place=> #p::keep(&#name)),
        Keeping::Borrow => quote_spanned!(place=> #p::keep_borrowed(#name)),
    }
}

/// Returns the body with another name for `self`. Items in the body that have a `self` of their own stay
/// unchanged.
pub(super) fn without_self(body: TokenStream) -> TokenStream {
    let mut renamed = Vec::new();
    let mut in_item = false;
    let mut before: Option<TokenTree> = None;
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        in_item = in_item || begins_item(before.as_ref(), &token, tokens.peek());
        let ends = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        before = Some(token.clone());
        renamed.push(if in_item { token } else { rename(token) });
        in_item &= !ends;
    }
    renamed.into_iter().collect()
}

fn rename(token: TokenTree) -> TokenTree {
    match token {
        TokenTree::Ident(ident) if ident == "self" => TokenTree::Ident(me(ident.span())),
        TokenTree::Group(group) => {
            let mut inside = Group::new(group.delimiter(), without_self(group.stream()));
            inside.set_span(group.span());
            TokenTree::Group(inside)
        }
        token => token,
    }
}

/// Returns true if an item begins here that can have a `self` of its own: `fn name`, or an `impl` or
/// `trait` at the beginning of a statement.
fn begins_item(before: Option<&TokenTree>, token: &TokenTree, next: Option<&TokenTree>) -> bool {
    let TokenTree::Ident(word) = token else { return false };
    let starts = match before {
        None => true,
        Some(TokenTree::Punct(punct)) => punct.as_char() == ';',
        Some(TokenTree::Group(_)) => true,
        Some(TokenTree::Ident(word)) => word == "unsafe" || word == "pub",
        Some(TokenTree::Literal(_)) => false,
    };
    match word.to_string().as_str() {
        "fn" => matches!(next, Some(TokenTree::Ident(_))),
        "impl" | "trait" => starts,
        _ => false,
    }
}
