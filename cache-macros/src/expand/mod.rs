//! Expands a checked attribute to tokens. Nothing here can fail.
//!
//! Generated code names the runtime crate and `::core` by absolute path. Its locals have the hygiene of
//! `mixed_site`, so the user's expressions do not see them. Items have no such hygiene, so a `static` or
//! `use` of generated code never stands around the user's body. A pattern would find a `const` of the same
//! name, so every generated local begins with `__`. So does every method that is found by look-up in a trait,
//! because a trait of the user may be implemented for all types.

mod batch;
mod blocking;
mod cached;
mod invalidate;
mod owned_id;
mod parts;
mod put;
mod renewal;
mod site;
mod task;
mod within;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Path, Type};

use crate::item::Item;
use crate::spec::{Form, Kind, Output, Piece, Tag, Template, When};

pub(crate) use batch::gathering;
pub(crate) use cached::cached;
pub(crate) use invalidate::invalidate;
pub(crate) use put::put;

/// Returns the place of the user's code for generated tokens. Errors are shown there, but names are not
/// resolved there.
fn here(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// Returns the same tokens at another place. Their names are resolved as before.
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

/// Returns the path of the items that generated code may use.
pub(crate) fn private(runtime: &Path) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #runtime::__private)
}

/// Returns the statement that evaluates the option `manager`, and the argument that passes the manager on. Both
/// are empty without the option.
///
/// The expression has a statement of its own, so that a lock in it is released before the call goes on. It is the
/// field of a struct, so that the compiler reports another type at the expression, and nothing else.
fn manager(p: &TokenStream, given: Option<&Expr>) -> (TokenStream, TokenStream) {
    let Some(given) = given else { return Default::default() };
    let evaluated = quote_spanned! {Span::mixed_site()=>
        #[allow(clippy::used_underscore_binding)]
        let __manager = #p::GivenManager::kept(#p::GivenManager { manager: #given });
    };
    (evaluated, quote_spanned!(Span::mixed_site()=> &__manager,))
}

/// Returns an expression for the part of the output that is the value.
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

/// Returns the kind in this local again, if its value can be stored. If not, the compiler reports this at the type
/// of the value, and reports nothing else.
fn storable(p: &TokenStream, form: Form, kind: &str, value: Span) -> TokenStream {
    // All tokens have this place, so that the compiler reports one error.
    let (p, kind) = (placed(p.clone(), value), Ident::new(kind, here(value)));
    match form {
        Form::Serde => quote_spanned! {here(value)=> {
            use #p::ProbeValue as _;
            #p::storable((&&&&&#p::probe_value(#kind)).__cache_value())
        }},
        Form::Memory => quote_spanned! {here(value)=> {
            use #p::ProbeMemoryValue as _;
            #p::storable((&&&&#p::probe_value(#kind)).__cache_memory_value())
        }},
        // Look-up begins behind the trait of values with serde.
        Form::Static => quote_spanned! {here(value)=> {
            use #p::ProbeMemoryValue as _;
            #p::storable((&&&#p::probe_value(#kind)).__cache_memory_value())
        }},
    }
}

/// Returns a probe for method look-up: its traits are in scope in a block of their own.
fn probe(p: &TokenStream, ty: &Type, question: &str, traits: &[&str]) -> TokenStream {
    let question = Ident::new(question, Span::mixed_site());
    let traits = traits.iter().map(|name| Ident::new(name, Span::mixed_site()));
    quote_spanned! {Span::mixed_site()=> {
        use #p::{#(#traits as _),*};
        (&&#p::Probe::<#ty>::new()).#question()
    }}
}

/// Returns a block that passes calls to a method of the plan, each with the kind of its output if that is
/// needed.
fn entries(p: &TokenStream, entries: &[Expr], with_kind: bool) -> TokenStream {
    let entries = entries.iter().map(|call| {
        let place = here(call.span());
        if !with_kind {
            return quote_spanned!(place=> __plan.entry(#call););
        }
        // A `match` keeps the temporaries alive that the expression of the call borrows.
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

/// Returns the value of `when` for the runtime.
fn when(p: &TokenStream, when: When) -> TokenStream {
    match when {
        When::Before => quote_spanned!(Span::mixed_site()=> #p::When::Before),
        When::Success => quote_spanned!(Span::mixed_site()=> #p::When::Success),
        When::Always => quote_spanned!(Span::mixed_site()=> #p::When::Always),
    }
}

/// Returns the value of `if` for the runtime.
fn condition(p: &TokenStream, condition: Option<&Expr>) -> TokenStream {
    match condition {
        Some(condition) => quote_spanned!(Span::mixed_site()=> #p::condition(__kind, #condition)),
        None => quote_spanned!(Span::mixed_site()=> #p::no_condition(__kind)),
    }
}

/// Returns the user's body as a future of its own, so that `return` and `?` end the body and not the call. That of
/// a function that is not async is a closure.
///
/// The type of an async block cannot be stated. So a `return` that never runs states it, before the body. The
/// type is then known when the body's last expression is reached, which may need to be coerced.
///
/// `named` are the arguments that the attribute uses.
fn body(p: &TokenStream, item: &Item, output: &Output, named: &TokenStream) -> TokenStream {
    body_after(p, item, output, named, &TokenStream::new())
}

/// Returns the same after these statements.
fn body_after(
    p: &TokenStream,
    item: &Item,
    output: &Output,
    named: &TokenStream,
    before: &TokenStream,
) -> TokenStream {
    let pin_type = pin_type(&output.ty);
    let body = item.body(named);
    if item.is_blocking() {
        return quote_spanned!(Span::mixed_site()=> #p::once(move || { #pin_type #before #body }));
    }
    quote_spanned!(Span::mixed_site()=> async move { #pin_type #before #body })
}

/// Returns the check that the output of a function that is not async is no future.
fn finished(p: &TokenStream, output: &Output) -> Option<TokenStream> {
    if let Type::Infer(_) = output.ty {
        return None;
    }
    let answer = probe(p, &output.ty, "__cache_future", &["ProbeFuture", "ProbeNoFuture"]);
    let p = placed(p.clone(), output.value);
    let answer = placed(answer, output.value);
    Some(quote_spanned!(here(output.value)=> #p::finished(#answer);))
}

fn pin_type(ty: &Type) -> Option<TokenStream> {
    if let Type::Infer(_) = ty {
        return None;
    }
    // For a mismatch, the compiler points at this `return`, where it names the expected type.
    let pin = quote_spanned!(here(ty.span())=> return __output);
    Some(quote_spanned! {Span::mixed_site()=>
        if let ::core::option::Option::Some(__output) = ::core::option::Option::None::<#ty> {
            #pin;
        }
    })
}

/// Returns the arguments that templates use.
fn roots<'a>(templates: impl IntoIterator<Item = &'a Template>) -> TokenStream {
    let pieces = templates.into_iter().flat_map(|template| &template.pieces);
    let roots = pieces.filter_map(|piece| match piece {
        Piece::Place { root, .. } if !piece.is_of_result() => Some(root.to_token_stream()),
        _ => None,
    });
    roots.collect()
}

/// Returns the parts of tags that use arguments.
fn used_by(tags: &[Tag]) -> TokenStream {
    let used = tags.iter().map(|tag| match tag {
        Tag::Template(template) => roots([template]),
        Tag::Value(value) => value.to_token_stream(),
    });
    used.collect()
}

/// Returns a closure that writes a name: `"v:{id}"` becomes `w.text("v:"); w.value(&id, "");`.
pub(crate) fn render(p: &TokenStream, template: &Template) -> TokenStream {
    let writer = Ident::new("__w", Span::mixed_site());
    let following = template.pieces.iter().skip(1).map(Some).chain([None]);
    let pieces = template.pieces.iter().enumerate().zip(following);
    let steps = pieces.map(|((number, piece), next)| match piece {
        Piece::Text(text) => quote_spanned!(Span::mixed_site()=> #writer.text(#text);),
        Piece::Place { .. } => step(template, number, next),
    });
    quote_spanned!(Span::mixed_site()=> |#writer: &mut #p::Renderer| { #(#steps)* })
}

/// Returns the statement that writes the value of a placeholder.
fn step(template: &Template, number: usize, next: Option<&Piece>) -> TokenStream {
    let writer = Ident::new("__w", Span::mixed_site());
    let (place, stop) = (here(template.span), stop(next));
    let value = match &template.pieces[number] {
        Piece::Place { root, fields, optional: false } => {
            quote_spanned!(place=> &#root #(.#fields)*)
        }
        _ => present(template, number).to_token_stream(),
    };
    quote_spanned!(place=> #writer.value(#value, #stop);)
}

/// Returns the statement, which runs only if all optional values of the template are there.
fn unless_absent(p: &TokenStream, template: &Template, statement: TokenStream) -> TokenStream {
    let pieces = template.pieces.iter().enumerate().rev();
    pieces.fold(statement, |statement, (number, piece)| match piece {
        Piece::Place { root, fields, optional: true } => {
            let (present, p) = (present(template, number), placed(p.clone(), template.span));
            quote_spanned! {here(template.span)=>
                if let ::core::option::Option::Some(#present) = #p::present(&#root #(.#fields)*) {
                    #statement
                }
            }
        }
        _ => statement,
    })
}

/// Returns the name of an optional value that is there.
fn present(template: &Template, number: usize) -> Ident {
    format_ident!("__present_{number}", span = here(template.span))
}

/// Returns the text of an expression in `tags`, as a closure.
fn tag_text(p: &TokenStream, value: &Expr) -> TokenStream {
    let (place, p) = (here(value.span()), placed(p.clone(), value.span()));
    quote_spanned!(place=> || #p::tag_text(&(#value)))
}

/// Returns the character that ends a value: it is escaped inside, so that no value can run into the text.
fn stop(next: Option<&Piece>) -> String {
    match next {
        Some(Piece::Text(text)) => text.chars().take(1).collect(),
        _ => String::new(),
    }
}
