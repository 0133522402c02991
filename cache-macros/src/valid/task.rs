//! Checks that the body can run in a task of its own. The call may end before the task, so the task has its
//! own copies of the arguments.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    FnArg, Ident, Lifetime, ParenthesizedGenericArguments, Pat, PatType, Receiver, ReceiverKind,
    Signature, Type, TypeFnPtr, TypeImplTrait, TypeReference, TypeTraitObject, parse_quote,
    parse_quote_spanned,
};

use crate::error::Errors;
use crate::item::Item;
use crate::spec::{Keeping, Kept, Task};

const REMEDY: &str = "and a load in the background outlives the call";

/// Finds the way in which the arguments are copied for a task. `option` is the one that needs the task.
pub(crate) fn task(item: &Item, option: &Ident, borrows: bool, errors: &mut Errors) -> Task {
    if borrows {
        let message =
            format!("the error type may borrow, {REMEDY}: return one that owns its contents");
        errors.at(&item.sig.output, message);
    }
    if item.has_statements_before() {
        let message = format!(
            "`{option}` runs the body in a task, which cannot see the statements before `Box::pin`: \
             move them into the `async move` block"
        );
        errors.at(option, message);
    }
    Task { arguments: arguments(&item.sig, errors) }
}

fn arguments(signature: &Signature, errors: &mut Errors) -> Vec<Kept> {
    let kept = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(receiver) => errors.keep(of_receiver(receiver)),
        FnArg::Typed(typed) => {
            if let Pat::Wild(_) = &*typed.pat {
                return None;
            }
            errors.keep(of_pattern(typed))
        }
    });
    kept.collect()
}

fn of_receiver(receiver: &Receiver) -> syn::Result<Kept> {
    let span = receiver.self_token.span;
    let ty: Type = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => parse_quote_spanned!(span=> &#mutability Self),
        ReceiverKind::Typed(_, ty) => Type::clone(ty),
        _ => parse_quote_spanned!(span=> Self),
    };
    let (ty, keeping) = kept(&ty, receiver.self_token, "self")?;
    Ok(Kept { name: Ident::new("self", span), mutable: receiver.mutability, ty, keeping })
}

fn of_pattern(typed: &PatType) -> syn::Result<Kept> {
    let Pat::Ident(pattern) = &*typed.pat else {
        let message = format!(
            "this argument is destructured, {REMEDY}: give it a name, and destructure it in the body"
        );
        return Err(syn::Error::new_spanned(&typed.pat, message));
    };
    if let Some(attr) = typed.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
        let message = format!("an argument with `#[cfg]` cannot be copied, {REMEDY}");
        return Err(syn::Error::new_spanned(attr, message));
    }
    if pattern.by_ref.is_some() || pattern.subpat.is_some() {
        let message = format!("this argument is more than a name, {REMEDY}: use only a name");
        return Err(syn::Error::new_spanned(pattern, message));
    }
    let name = pattern.ident.clone();
    let (ty, keeping) = kept(&typed.ty, &typed.ty, &name.to_string())?;
    Ok(Kept { name, mutable: pattern.mutability, ty, keeping })
}

/// Returns the type in the form for the parameter of a closure, and the way in which its value is copied.
fn kept(ty: &Type, place: impl ToTokens, name: &str) -> syn::Result<(Type, Keeping)> {
    let refused = |problem: &str, remedy: &str| {
        let message = format!("`{name}` {problem}, {REMEDY}: {remedy}");
        Err(syn::Error::new_spanned(place, message))
    };
    if has_opaque(ty) {
        return refused(
            "has a type without a name",
            "give it one, as a type parameter of the function",
        );
    }
    match ungrouped(ty) {
        Type::Reference(reference) if is_static(reference.lifetime.as_ref()) => {
            Ok((ty.clone(), Keeping::Value))
        }
        Type::Reference(reference) if reference.mutability.is_some() => refused(
            "is a `&mut` borrow",
            "take the value, or a shared handle such as an `Arc<Mutex<_>>`",
        ),
        Type::Reference(reference) => {
            let mut found = ShortLived::default();
            found.visit_type(&reference.elem);
            if found.object {
                return refused(
                    "is a borrowed trait object",
                    "take an `Arc<dyn ...>`, or a generic `T: Clone`",
                );
            }
            if found.lifetime {
                return refused("contains a borrow", "take a type that owns its contents");
            }
            let elem = &reference.elem;
            Ok((parse_quote!(&#elem), Keeping::Borrow))
        }
        ty => {
            let mut found = ShortLived::default();
            found.visit_type(ty);
            if found.lifetime {
                return refused(
                    "holds a borrow",
                    "take a type that owns its contents, such as `Option<String>` instead of `Option<&str>`",
                );
            }
            Ok((ty.clone(), Keeping::Value))
        }
    }
}

/// Returns the type without parentheses, invisible ones among them.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        ty => ty,
    }
}

fn is_static(lifetime: Option<&Lifetime>) -> bool {
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

/// Finds the parts of a type that do not outlive the call.
#[derive(Default)]
struct ShortLived {
    lifetime: bool,
    object: bool,
}

impl<'ast> Visit<'ast> for ShortLived {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.lifetime |= lifetime.ident != "static";
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.lifetime |= !is_static(reference.lifetime.as_ref());
        visit::visit_type_reference(self, reference);
    }

    fn visit_type_trait_object(&mut self, object: &'ast TypeTraitObject) {
        self.object = true;
        visit::visit_type_trait_object(self, object);
    }

    // A reference in the signature of a function pointer is not a borrow of the argument.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

/// Returns true if there is an `impl Trait` in a type.
pub(crate) fn has_opaque(ty: &Type) -> bool {
    let mut opaque = ImplTrait(false);
    opaque.visit_type(ty);
    opaque.0
}

struct ImplTrait(bool);

impl<'ast> Visit<'ast> for ImplTrait {
    fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
        self.0 = true;
    }
}
