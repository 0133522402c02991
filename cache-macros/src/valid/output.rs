//! The return type: what of it is stored, and whether it can be.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments, Token, Type,
    TypeFnPtr, TypeImplTrait, TypeInfer, TypeReference, TypeTraitObject,
};

use crate::error::Errors;
use crate::spec::{Kind, Output};

/// The output of a function whose results are stored.
pub(crate) fn stored(ty: Type, kind: Kind, errors: &mut Errors) -> Output {
    Opaque(errors).visit_type(&ty);
    let value = match kind {
        Kind::Plain => &ty,
        Kind::Recognised | Kind::Result => value_type(&ty),
    };
    Borrowed(errors).visit_type(value);
    Output { kind, value: value.span(), borrows: borrows(&ty), ty }
}

/// The output of a function whose results are only looked at.
pub(crate) fn passed_on(mut ty: Type) -> Output {
    Erase.visit_type_mut(&mut ty);
    let kind = match ty {
        Type::Infer(_) => Kind::Plain,
        _ => Kind::Recognised,
    };
    Output { kind, value: ty.span(), borrows: borrows(&ty), ty }
}

/// `T` of what is spelled like a `Result<T, E>`, else the whole type.
fn value_type(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => value_type(&group.elem),
        Type::Paren(paren) => value_type(&paren.elem),
        Type::Path(path) => {
            let result = path.path.segments.last().filter(|last| last.ident == "Result");
            result.and_then(|result| first_type(&result.arguments)).unwrap_or(ty)
        }
        _ => ty,
    }
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether a lifetime other than `'static` is written in the type, or left out of it.
fn borrows(ty: &Type) -> bool {
    let mut found = Lifetimes(false);
    found.visit_type(ty);
    found.0
}

struct Lifetimes(bool);

impl<'ast> Visit<'ast> for Lifetimes {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.0 |= lifetime.ident != "static";
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.0 |= reference.lifetime.is_none();
        visit::visit_type_reference(self, reference);
    }
}

/// Notes each `impl Trait`.
struct Opaque<'a>(&'a mut Errors);

impl<'ast> Visit<'ast> for Opaque<'_> {
    fn visit_type_impl_trait(&mut self, opaque: &'ast TypeImplTrait) {
        let message = "a cached value needs a type that can be named: write it in place of \
                       `impl Trait`";
        self.0.at(opaque, message);
    }
}

/// Notes each place that borrows. What a function pointer or a trait object takes is not borrowed.
struct Borrowed<'a>(&'a mut Errors);

const BORROWED: &str = "a cached value outlives the call, so it cannot borrow: return an owned \
                        type, such as `String` for `&str` or `Vec<T>` for `&[T]`";

impl<'ast> Visit<'ast> for Borrowed<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => {
                visit::visit_type_reference(self, reference);
            }
            _ => self.0.at(reference, BORROWED),
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.0.at(lifetime, BORROWED);
        }
    }

    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    fn visit_type_trait_object(&mut self, _: &'ast TypeTraitObject) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

/// Puts `_` in place of `impl Trait`, which cannot be named in an expression.
struct Erase;

impl VisitMut for Erase {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(opaque) = ty {
            let span: Span = opaque.impl_token.span;
            let underscore_token = Token![_](span);
            *ty = Type::Infer(TypeInfer { attrs: Vec::new(), underscore_token });
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}
