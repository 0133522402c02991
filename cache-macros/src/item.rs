//! Stage one: the annotated function. Its body stays raw tokens, because it is not inspected.

use std::mem;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, Attribute, FieldPat, FnArg, GenericArgument, Ident, Pat,
    PatIdent, PatOr, PatType, Path, PathArguments, PathSegment, Receiver, ReturnType, Signature,
    Token, TraitItemFn, Type, TypeParamBound, Visibility, parse_quote, token,
};

use crate::mention::mentions;

pub(crate) struct Item {
    attrs: Vec<Attribute>,
    inner_attrs: Vec<Attribute>,
    vis: Visibility,
    pub(crate) sig: Signature,
    brace: token::Brace,
    form: FunctionForm,
}

/// The form of the function and its body.
enum FunctionForm {
    /// `async fn f() -> Output { body }`
    Native { body: TokenStream },
    /// `fn f() -> Output { body }`
    Blocking { body: TokenStream },
    /// `fn f() -> Pin<Box<dyn Future<Output = Output>>> { Box::pin(async move { body }) }`: the form that
    /// `#[async_trait]` makes of an `async fn`, because it expands before the attributes inside it.
    Boxed {
        /// Statements before the box.
        before: TokenStream,
        call: TokenStream,
        output: Box<Type>,
        body: TokenStream,
    },
    /// It returns a future in another form.
    Unknown,
}

/// Reads the item that `#[attribute]` is attached to.
pub(crate) fn parse(item: TokenStream, attribute: &str) -> syn::Result<Item> {
    syn::parse2(item.clone()).map_err(|_| {
        let place = place(item.clone());
        let message = format!("`#[{attribute}]` needs a function with a body{place}");
        syn::Error::new_spanned(item, message)
    })
}

/// Returns the place where the attribute belongs, as a part of the message; empty if the item does not show
/// it.
fn place(item: TokenStream) -> &'static str {
    let is_declaration =
        syn::parse2::<TraitItemFn>(item.clone()).is_ok_and(|method| method.default.is_none());
    if is_declaration {
        return ": on the method of the `impl`, not on its declaration in the trait";
    }
    match syn::parse2(item) {
        Ok(syn::Item::Impl(_) | syn::Item::Trait(_)) => ": put it on each method",
        _ => "",
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        let content;
        let brace = syn::braced!(content in input);
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let body: TokenStream = content.parse()?;
        let form = if sig.asyncness.is_some() {
            FunctionForm::Native { body }
        } else if returns_future(&sig.output) {
            boxed(&sig.output, body).unwrap_or(FunctionForm::Unknown)
        } else {
            FunctionForm::Blocking { body }
        };
        Ok(Self { attrs, inner_attrs, vis, sig, brace, form })
    }
}

impl Item {
    /// Returns true if the function itself is not `async`, and returns a box.
    pub(crate) fn is_boxed(&self) -> bool {
        matches!(self.form, FunctionForm::Boxed { .. })
    }

    /// Returns true if a function that returns a box contains more than the box.
    pub(crate) fn has_statements_before(&self) -> bool {
        matches!(&self.form, FunctionForm::Boxed { before, .. } if !before.is_empty())
    }

    pub(crate) fn vis(&self) -> &Visibility {
        &self.vis
    }

    /// Returns the attributes at the beginning of the body.
    pub(crate) fn inner_attrs(&self) -> &[Attribute] {
        &self.inner_attrs
    }

    /// Removes `mut` from the parameters, because the body has parameters of its own.
    pub(crate) fn unmoved(&self) -> Signature {
        let mut sig = self.sig.clone();
        for input in &mut sig.inputs {
            match input {
                FnArg::Receiver(receiver) => receiver.mutability = None,
                FnArg::Typed(typed) => Unmoved.visit_pat_mut(&mut typed.pat),
            }
        }
        sig
    }

    /// Returns true if the function is not async, and does not return a future.
    pub(crate) fn is_blocking(&self) -> bool {
        matches!(self.form, FunctionForm::Blocking { .. })
    }

    /// Returns true if the function returns a future in a form that cannot be rewritten.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.form, FunctionForm::Unknown)
    }

    /// Returns the attributes below this one.
    pub(crate) fn attrs(&self) -> &[Attribute] {
        &self.attrs
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.sig.receiver()
    }

    /// Returns the names that the parameters bind. The body can use the arguments only by these.
    pub(crate) fn arguments(&self) -> Vec<Argument> {
        self.sig.inputs.iter().flat_map(arguments_of).collect()
    }

    /// Returns the place of the parameter that binds this name.
    pub(crate) fn place_of(&self, name: &Ident) -> Option<usize> {
        let binds = |input: &FnArg| {
            arguments_of(input).iter().any(|argument| argument.name.unraw() == name.unraw())
        };
        self.sig.inputs.iter().position(binds)
    }

    /// Removes a parameter from the function, and returns it.
    pub(crate) fn take_input(&mut self, place: usize) -> Option<FnArg> {
        let mut inputs: Vec<FnArg> = mem::take(&mut self.sig.inputs).into_iter().collect();
        let taken = (place < inputs.len()).then(|| inputs.remove(place));
        self.sig.inputs = inputs.into_iter().collect();
        taken
    }

    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pat> {
        self.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&*typed.pat),
            FnArg::Receiver(_) => None,
        })
    }

    /// Returns the type of the output when the function is awaited.
    pub(crate) fn output(&self) -> Type {
        match (&self.form, &self.sig.output) {
            (FunctionForm::Boxed { output, .. }, _) => Type::clone(output),
            (FunctionForm::Unknown, ReturnType::Type(_, output)) => {
                opaque_output(output).unwrap_or(output).clone()
            }
            (_, ReturnType::Type(_, output)) => Type::clone(output),
            (_, ReturnType::Default) => parse_quote!(()),
        }
    }

    /// Returns the output of a returned `impl Future`.
    pub(crate) fn opaque_output(&self) -> Option<&Type> {
        match &self.sig.output {
            ReturnType::Type(_, output) => opaque_output(output),
            ReturnType::Default => None,
        }
    }

    /// Returns the body as a generated block at the place of the user's block, so that lints on needless
    /// braces ignore it. `named` are the arguments that the attribute uses.
    pub(crate) fn body(&self, named: &TokenStream) -> TokenStream {
        let body = match &self.form {
            FunctionForm::Native { body } | FunctionForm::Blocking { body } => body.clone(),
            FunctionForm::Boxed { body, .. } => with_uses(body.clone(), named),
            FunctionForm::Unknown => TokenStream::new(),
        };
        braced(body, self.brace.span.join().resolved_at(Span::mixed_site()))
    }

    /// Returns the function with another asynchronous body, which has parameters of its own.
    pub(crate) fn with_closure(&self, made: &TokenStream, body: TokenStream) -> TokenStream {
        self.with(&self.unmoved(), made, body)
    }

    /// Returns the function with another asynchronous body. `made` is run when a boxed future is made.
    pub(crate) fn with_body(&self, made: &TokenStream, body: TokenStream) -> TokenStream {
        self.with(&self.sig, made, body)
    }

    fn with(&self, sig: &Signature, made: &TokenStream, body: TokenStream) -> TokenStream {
        let Self { attrs, inner_attrs, vis, .. } = self;
        let body = match &self.form {
            FunctionForm::Boxed { before, call, .. } => {
                quote!(#before #made #call(async move { #body }))
            }
            FunctionForm::Native { .. } | FunctionForm::Blocking { .. } | FunctionForm::Unknown => {
                body
            }
        };
        let block = braced(quote!(#(#inner_attrs)* #body), self.brace.span.join());
        quote!(#(#attrs)* #vis #sig #block)
    }
}

/// Adds uses of the arguments. `#[async_trait]` begins the body with `let user = user;`. An argument that
/// only the attribute uses would be reported as unused there.
fn with_uses(body: TokenStream, named: &TokenStream) -> TokenStream {
    let mut rest: Vec<TokenTree> = body.into_iter().collect();
    let mut done = TokenStream::new();
    while let Some(end) = rest.iter().position(is_semicolon) {
        let after = rest.split_off(end + 1);
        let name = rebound(&rest).filter(|name| mentions(named, name));
        let used = name.map(|name| quote_spanned!(Span::mixed_site()=> _ = &#name;));
        done.extend(rest);
        done.extend(used);
        rest = after;
    }
    done.extend(rest);
    done
}

/// Returns `user` in `let user = user;`.
fn rebound(statement: &[TokenTree]) -> Option<Ident> {
    let statement: Vec<_> = statement.iter().filter(|token| !is_ident(token, "mut")).collect();
    match statement[..] {
        [
            ..,
            first,
            TokenTree::Ident(name),
            TokenTree::Punct(equals),
            TokenTree::Ident(same),
            _,
        ] if is_ident(first, "let") && equals.as_char() == '=' && name == same => {
            Some(name.clone())
        }
        _ => None,
    }
}

fn is_ident(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == text)
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';')
}

fn braced(content: TokenStream, span: Span) -> TokenStream {
    let mut group = Group::new(Delimiter::Brace, content);
    group.set_span(span);
    group.into_token_stream()
}

/// Recognises a body whose last expression is `Box::pin(async move { ... })`.
fn boxed(output: &ReturnType, body: TokenStream) -> Option<FunctionForm> {
    let ReturnType::Type(_, output) = output else {
        return None;
    };
    let output = Box::new(future_output(output)?.clone());
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let last = tokens.iter().rposition(is_semicolon).map_or(0, |semicolon| semicolon + 1);
    let (before, last) = tokens.split_at(last);
    let PinnedBlock { call, body } = syn::parse2(last.iter().cloned().collect()).ok()?;
    Some(FunctionForm::Boxed { before: before.iter().cloned().collect(), call, output, body })
}

/// Returns true if the return type is that of a future, as far as its text shows.
fn returns_future(output: &ReturnType) -> bool {
    let ReturnType::Type(_, output) = output else { return false };
    match &**output {
        Type::ImplTrait(opaque) => is_future(&opaque.bounds),
        Type::Path(path) if path.path.segments.last().is_some_and(is_boxed_future) => true,
        boxed => match only_type(boxed, "Pin").and_then(|boxed| only_type(boxed, "Box")) {
            Some(Type::TraitObject(object)) => is_future(&object.bounds),
            _ => false,
        },
    }
}

/// Returns true for the aliases of the crate `futures`.
fn is_boxed_future(name: &PathSegment) -> bool {
    name.ident == "BoxFuture" || name.ident == "LocalBoxFuture"
}

fn is_future(bounds: &Punctuated<TypeParamBound, Token![+]>) -> bool {
    bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Future")
        }
        _ => false,
    })
}

/// Returns `T` in `Pin<Box<dyn Future<Output = T> + Send + 'a>>`.
fn future_output(output: &Type) -> Option<&Type> {
    let Type::TraitObject(object) = only_type(only_type(output, "Pin")?, "Box")? else {
        return None;
    };
    bound_output(&object.bounds)
}

/// Returns `T` in `impl Future<Output = T> + Send`.
fn opaque_output(output: &Type) -> Option<&Type> {
    let Type::ImplTrait(opaque) = output else { return None };
    bound_output(&opaque.bounds)
}

fn bound_output(bounds: &Punctuated<TypeParamBound, Token![+]>) -> Option<&Type> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => associated_output(&bound.path),
        _ => None,
    })
}

fn associated_output(path: &Path) -> Option<&Type> {
    generics(path, "Future")?.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(&assoc.ty),
        _ => None,
    })
}

/// Returns `T` in `Wrapper<T>`.
fn only_type<'a>(ty: &'a Type, wrapper: &str) -> Option<&'a Type> {
    let Type::Path(ty) = ty else { return None };
    match generics(&ty.path, wrapper)?.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

fn generics<'a>(path: &'a Path, name: &str) -> Option<&'a AngleBracketedGenericArguments> {
    let last = path.segments.last().filter(|segment| segment.ident == name)?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    }
}

struct PinnedBlock {
    call: TokenStream,
    body: TokenStream,
}

impl Parse for PinnedBlock {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let call: Path = input.parse()?;
        if call.segments.last().is_none_or(|segment| segment.ident != "pin") {
            return Err(input.error("expected `Box::pin`"));
        }
        let argument;
        syn::parenthesized!(argument in input);
        argument.parse::<Token![async]>()?;
        argument.parse::<Token![move]>()?;
        let body;
        syn::braced!(body in argument);
        Ok(Self { call: call.into_token_stream(), body: body.parse()? })
    }
}

/// Returns the names that a parameter binds.
pub(crate) fn arguments_of(input: &FnArg) -> Vec<Argument> {
    let mut bound = Bound::default();
    bound.visit_fn_arg(input);
    bound.found
}

pub(crate) fn names_bound_by<'a>(patterns: impl IntoIterator<Item = &'a Pat>) -> Vec<Ident> {
    let mut bound = Bound::default();
    patterns.into_iter().for_each(|pattern| bound.visit_pat(pattern));
    bound.found.into_iter().map(|argument| argument.name).collect()
}

/// Removes `mut` from the names that a pattern binds by value.
struct Unmoved;

impl VisitMut for Unmoved {
    fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
        if pattern.by_ref.is_none() {
            pattern.mutability = None;
        }
        visit_mut::visit_pat_ident_mut(self, pattern);
    }
}

/// A name that a pattern binds.
#[derive(Clone)]
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// The `#[cfg]`s that it is under.
    pub(crate) cfg: Vec<Attribute>,
    /// Its `mut`, if it is bound by value.
    pub(crate) mutable: Option<Token![mut]>,
}

#[derive(Default)]
struct Bound<'ast> {
    found: Vec<Argument>,
    cfg: Vec<&'ast Attribute>,
}

impl<'ast> Bound<'ast> {
    fn under(&mut self, attrs: &'ast [Attribute], visit: impl FnOnce(&mut Self)) {
        let outside = self.cfg.len();
        self.cfg.extend(attrs.iter().filter(|attr| attr.path().is_ident("cfg")));
        visit(self);
        self.cfg.truncate(outside);
    }
}

impl<'ast> Visit<'ast> for Bound<'ast> {
    fn visit_pat_type(&mut self, typed: &'ast PatType) {
        self.under(&typed.attrs, |bound| bound.visit_pat(&typed.pat));
    }

    fn visit_field_pat(&mut self, field: &'ast FieldPat) {
        self.under(&field.attrs, |bound| bound.visit_pat(&field.pat));
    }

    fn visit_pat_or(&mut self, pattern: &'ast PatOr) {
        // All cases bind the same names.
        pattern.cases.first().into_iter().for_each(|case| self.visit_pat(case));
    }

    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        // Two of the same text are two arguments, if one comes from a macro.
        let cfg = self.cfg.iter().copied().cloned().collect();
        let mutable = pattern.mutability.filter(|_| pattern.by_ref.is_none());
        self.found.push(Argument { name: pattern.ident.clone(), cfg, mutable });
        visit::visit_pat_ident(self, pattern);
    }
}
