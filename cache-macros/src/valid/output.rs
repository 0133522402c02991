//! Checks the return type: its stored part, and the reasons for which that cannot be stored.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, GenericArgument, Generics, Ident, Lifetime, ParenthesizedGenericArguments, Path,
    PathArguments, PathSegment, Token, Type, TypeFnPtr, TypeImplTrait, TypeInfer, TypeParam,
    TypeParamBound, TypeReference, TypeTraitObject, WherePredicate,
};

use crate::attr::Once;
use crate::error::Errors;
use crate::spec::{Form, Kind, Output};

/// Returns the output of a function whose results are stored.
pub(crate) fn stored(
    ty: Type,
    kind: Kind,
    form: Form,
    generics: &Generics,
    errors: &mut Errors,
) -> Output {
    Opaque(errors).visit_type(&ty);
    let value = match kind {
        Kind::Plain => &ty,
        Kind::Recognised | Kind::Result => value_type(&ty),
    };
    Borrowed { errors, is_read: form == Form::Serde }.visit_type(value);
    let form = if form == Form::Memory && is_static(value) { Form::Static } else { form };
    Output { kind, form, value: value.span(), borrows: borrows(&ty, generics), ty }
}

/// Returns the output of a function of many keys, and the place where the type of one value was written.
pub(crate) fn stored_each(
    ty: Type,
    kind: Kind,
    form: Form,
    generics: &Generics,
    errors: &mut Errors,
) -> (Output, Span) {
    Opaque(errors).visit_type(&ty);
    let all = match kind {
        Kind::Plain => &ty,
        Kind::Recognised | Kind::Result => value_type(&ty),
    };
    let one = item_type(all);
    Borrowed { errors, is_read: form == Form::Serde }.visit_type(one);
    let form = if form == Form::Memory && is_static(one) { Form::Static } else { form };
    let (all, one) = (all.span(), one.span());
    (Output { kind, form, value: all, borrows: borrows(&ty, generics), ty }, one)
}

/// Returns the output of a function whose results are inspected and not stored.
pub(crate) fn passed_on(ty: Type) -> Output {
    let mut ty = ungrouped(ty);
    Erase.visit_type_mut(&mut ty);
    let kind = match ty {
        Type::Infer(_) => Kind::Plain,
        _ => Kind::Recognised,
    };
    // Only cached functions share errors.
    Output { kind, form: Form::Memory, value: ty.span(), borrows: false, ty }
}

/// Returns the type without parentheses. This includes invisible ones, such as those around a macro's
/// `$output`.
fn ungrouped(ty: Type) -> Type {
    match ty {
        Type::Group(group) => ungrouped(*group.elem),
        Type::Paren(paren) => ungrouped(*paren.elem),
        ty => ty,
    }
}

/// Returns `T` of a type that is spelled like `Result<T, E>`, else the whole type.
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

/// Returns `V` of a type that is spelled like `HashMap<K, V>`, `BTreeMap<K, V>`, `Vec<V>` or `Vec<Option<V>>`, else
/// the whole type.
fn item_type(ty: &Type) -> &Type {
    let last = match ty {
        Type::Group(group) => return item_type(&group.elem),
        Type::Paren(paren) => return item_type(&paren.elem),
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let Some(PathSegment { ident, arguments }) = last else { return ty };
    let item = match ident.to_string().as_str() {
        "HashMap" | "BTreeMap" => types(arguments).nth(1),
        "Vec" => types(arguments).next().map(|item| match item {
            Type::Path(path) => {
                let option = path.path.segments.last().filter(|last| last.ident == "Option");
                option.and_then(|option| first_type(&option.arguments)).unwrap_or(item)
            }
            item => item,
        }),
        _ => None,
    };
    item.unwrap_or(ty)
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    types(arguments).next()
}

fn types(arguments: &PathArguments) -> impl Iterator<Item = &Type> {
    let arguments = match arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Returns true if the type may hold a borrow: it has a written or elided lifetime other than `'static`, or a
/// type parameter without the bound `'static`.
fn borrows(ty: &Type, generics: &Generics) -> bool {
    let short = generics.type_params().filter(|param| !outlives_everything(param, generics));
    let mut found = Borrows { short: short.map(|param| &param.ident).collect(), found: false };
    found.visit_type(ty);
    found.found
}

fn outlives_everything(param: &TypeParam, generics: &Generics) -> bool {
    let says_so = |bound: &TypeParamBound| matches!(bound, TypeParamBound::Lifetime(lifetime) if lifetime.ident == "static");
    let clauses = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let of_param = clauses.filter_map(|predicate| match predicate {
        WherePredicate::Type(bounded) => Some(bounded),
        _ => None,
    });
    let mut of_param = of_param.filter(
        |bounded| matches!(&bounded.bounded_ty, Type::Path(ty) if ty.path.is_ident(&param.ident)),
    );
    param.bounds.iter().any(says_so) || of_param.any(|bounded| bounded.bounds.iter().any(says_so))
}

/// Returns true if the type has a reference to static data.
fn is_static(ty: &Type) -> bool {
    let mut found = Static(false);
    found.visit_type(ty);
    found.0
}

struct Static(bool);

impl<'ast> Visit<'ast> for Static {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.0 |= reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
        visit::visit_type_reference(self, reference);
    }
}

struct Borrows<'a> {
    /// Type parameters that may not be `'static`.
    short: Vec<&'a Ident>,
    found: bool,
}

impl<'ast> Visit<'ast> for Borrows<'_> {
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.found |= lifetime.ident != "static";
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.found |= reference.lifetime.is_none();
        visit::visit_type_reference(self, reference);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let first = path.segments.first().map(|segment| &segment.ident);
        self.found |= first.is_some_and(|first| self.short.contains(&first));
        visit::visit_path(self, path);
    }
}

/// Notes each `impl Trait`.
struct Opaque<'a>(&'a mut Errors);

impl<'ast> Visit<'ast> for Opaque<'_> {
    fn visit_type_impl_trait(&mut self, opaque: &'ast TypeImplTrait) {
        let message = "a cached value needs a type that can be named: write that type instead of \
                       `impl Trait`";
        self.0.at(opaque, message);
    }
}

/// Notes each borrow in a type. The parameters of a function pointer or a trait object are not borrows.
struct Borrowed<'a> {
    errors: &'a mut Errors,
    /// True if the type is a part of the value. For the parameters of other types, this is unknown.
    is_read: bool,
}

const BORROWED: &str = "a cached value outlives the call, so it cannot borrow: return an owned \
                        type, such as `String` for `&str` or `Vec<T>` for `&[T]`";

const LIFETIME: &str = "a cached value outlives the call, so it cannot borrow: write `'static` here if it \
                        owns its contents, or return an owned type";

const STATIC: &str = "a cached value is also read from Redis, which returns an owned value: return an \
                      owned type, such as `String` for `&'static str` or `Vec<T>` for `&'static [T]`; or keep it in this process alone, with `tier = \
                      \"memory\"`";

/// Containers of the standard library. Their contents are parts of the value.
const CONTAINERS: [&str; 14] = [
    "Option",
    "Result",
    "Vec",
    "VecDeque",
    "LinkedList",
    "Box",
    "Arc",
    "Rc",
    "HashMap",
    "BTreeMap",
    "HashSet",
    "BTreeSet",
    "BinaryHeap",
    "Mutex",
];

impl<'ast> Visit<'ast> for Borrowed<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" && self.is_read => {
                self.errors.at(reference, STATIC);
            }
            Some(lifetime) if lifetime.ident == "static" => {
                visit::visit_type_reference(self, reference);
            }
            _ => self.errors.at(reference, BORROWED),
        }
    }

    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        let outside = self.is_read;
        self.is_read &= CONTAINERS.iter().any(|container| segment.ident == container);
        visit::visit_path_segment(self, segment);
        self.is_read = outside;
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.errors.at(lifetime, LIFETIME);
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

/// Refuses the options for errors, if an error is stored like any other value.
pub(super) fn plain_without_errors(
    of_errors: &[&Once<Expr>],
    output: &Output,
    errors: &mut Errors,
) {
    if !matches!(output.kind, Kind::Plain) {
        return;
    }
    for given in of_errors.iter().copied().flatten() {
        let message = format!(
            "`{}` is for errors, but with `output = \"plain\"` an `Err` is stored like any \
             other value: remove one of them",
            given.name
        );
        errors.at(&given.name, message);
    }
}
