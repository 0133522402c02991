//! From what is known to be good to tokens; nothing here can fail.
//!
//! Generated code names the runtime crate and `::core` by absolute path. Its locals have the
//! hygiene of `mixed_site`, so the user's expressions do not see them. Items have no such hygiene:
//! a `static` or `use` of ours never stands around the user's body, and since a pattern finds a
//! `const` of its name, every local of ours begins with `__`. So does every method that look-up has
//! to find in a trait: a trait of the user's may be implemented for all types.

mod cached;
mod invalidate;
mod put;
mod site;
mod task;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Path, Type};

use crate::item::Item;
use crate::spec::{Kind, Output, Piece, Template, When};

pub(crate) use cached::cached;
pub(crate) use invalidate::invalidate;
pub(crate) use put::put;

/// A place of the user's for tokens of ours: errors are shown there, but no name is found there.
fn here(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The same tokens at another place; each finds the names it found before.
fn placed(tokens: TokenStream, span: Span) -> TokenStream {
    let place = |token| match token {
        TokenTree::Group(group) => {
            let content = placed(group.stream(), span);
            TokenTree::Group(Group::new(group.delimiter(), content))
        }
        token => token,
    };
    let tokens = tokens.into_iter().map(place).map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    tokens.collect()
}

/// The path of what generated code may call.
pub(crate) fn private(runtime: &Path) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #runtime::__private)
}

/// An expression that says which part of the output is the value.
fn kind(p: &TokenStream, output: &Output) -> TokenStream {
    let ty = &output.ty;
    let recognised = || probe(p, ty, "__cache_kind", &["ProbePlain", "ProbeResult"]);
    match output.kind {
        Kind::Recognised => recognised(),
        // An output that is not a `Result` causes one error, and is then treated as a plain value.
        Kind::Result => {
            let kind = recognised();
            quote_spanned!(here(output.value)=> { #p::is_a_result::<#ty>(); #kind })
        }
        Kind::Plain => quote_spanned!(here(output.value)=> #p::kind_plain::<#ty>()),
    }
}

/// The kind again, if its value can be stored. The compiler says at the value's type if not, and says
/// nothing else then.
fn storable(p: &TokenStream, output: &Output) -> TokenStream {
    // All of it stands there, so that what the compiler says of it is said once.
    let p = placed(p.clone(), output.value);
    quote_spanned! {here(output.value)=> {
        use #p::ProbeValue as _;
        #p::storable((&&&&&#p::probe_value(__kind)).__cache_value())
    }}
}

/// A question that method look-up answers: the traits are in scope in a block of their own.
fn probe(p: &TokenStream, ty: &Type, question: &str, traits: &[&str]) -> TokenStream {
    let question = Ident::new(question, Span::mixed_site());
    let traits = traits.iter().map(|name| Ident::new(name, Span::mixed_site()));
    quote_spanned! {Span::mixed_site()=> {
        use #p::{#(#traits as _),*};
        (&&#p::Probe::<#ty>::new()).#question()
    }}
}

/// A block that passes calls to a method of the plan, each with what they return if that counts.
fn entries(p: &TokenStream, entries: &[Expr], with_kind: bool) -> TokenStream {
    let entries = entries.iter().map(|call| {
        let place = here(call.span());
        if !with_kind {
            return quote_spanned!(place=> __plan.entry(#call););
        }
        // A `match` keeps what the call borrows of its own expression.
        quote_spanned! {place=> match #call {
            __call => {
                let __kind = {
                    use #p::{ProbePlain as _, ProbeResult as _};
                    (&&#p::probe_of(&__call)).__cache_kind()
                };
                __plan.entry(__call, __kind);
            }
        }}
    });
    entries.collect()
}

/// `when` as the runtime knows it.
fn when(p: &TokenStream, when: When) -> TokenStream {
    match when {
        When::Before => quote_spanned!(Span::mixed_site()=> #p::When::Before),
        When::Success => quote_spanned!(Span::mixed_site()=> #p::When::Success),
        When::Always => quote_spanned!(Span::mixed_site()=> #p::When::Always),
    }
}

/// `if` as the runtime knows it.
fn condition(p: &TokenStream, condition: Option<&Expr>) -> TokenStream {
    match condition {
        Some(condition) => quote_spanned!(Span::mixed_site()=> #p::condition(__kind, #condition)),
        None => quote_spanned!(Span::mixed_site()=> #p::no_condition(__kind)),
    }
}

/// The user's body as a future of its own, so that `return` and `?` end it and not the call.
///
/// Nothing states the type of an async block, so a `return` that never runs does, before the body:
/// there it is known when the body's last expression is reached, which may need to be coerced.
///
/// `named` is what the attribute names.
fn body(item: &Item, output: &Output, named: &TokenStream) -> TokenStream {
    let pin_type = pin_type(&output.ty);
    let body = item.body(named);
    quote_spanned!(Span::mixed_site()=> async move { #pin_type #body })
}

fn pin_type(ty: &Type) -> Option<TokenStream> {
    if let Type::Infer(_) = ty {
        return None;
    }
    // The compiler points at this `return` where it says what it expected.
    let pin = quote_spanned!(here(ty.span())=> return __output);
    Some(quote_spanned! {Span::mixed_site()=>
        if let ::core::option::Option::Some(__output) = ::core::option::Option::None::<#ty> {
            #pin;
        }
    })
}

/// The arguments that templates name.
fn roots<'a>(templates: impl IntoIterator<Item = &'a Template>) -> TokenStream {
    let pieces = templates.into_iter().flat_map(|template| &template.pieces);
    let roots = pieces.filter_map(|piece| match piece {
        Piece::Place { root, .. } => Some(root.to_token_stream()),
        Piece::Text(_) => None,
    });
    roots.collect()
}

/// A closure that writes a name: `"v:{id}"` becomes `w.text("v:"); w.value(&id, "");`.
pub(crate) fn render(p: &TokenStream, template: &Template) -> TokenStream {
    let writer = Ident::new("__w", Span::mixed_site());
    let following = template.pieces.iter().skip(1).map(Some).chain([None]);
    let steps = template.pieces.iter().zip(following).map(|(piece, next)| match piece {
        Piece::Text(text) => quote_spanned!(Span::mixed_site()=> #writer.text(#text);),
        Piece::Place { root, fields } => {
            let stop = stop(next);
            let place = quote_spanned!(here(template.span)=> &#root #(.#fields)*);
            quote_spanned!(here(template.span)=> #writer.value(#place, #stop);)
        }
    });
    quote_spanned!(Span::mixed_site()=> |#writer: &mut #p::Renderer| { #(#steps)* })
}

/// The character that ends a value: it is escaped inside, so that no value can run into the text.
fn stop(next: Option<&Piece>) -> String {
    match next {
        Some(Piece::Text(text)) => text.chars().take(1).collect(),
        _ => String::new(),
    }
}
