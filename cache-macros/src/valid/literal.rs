//! Options whose value is a literal or a closure.

use cache_syntax::{NumberRange, SIZE, nearest, parse_size};
use syn::{Expr, ExprClosure, ExprUnary, Lit, LitInt, LitStr, UnOp};

use super::capture;
use super::scope::Scope;
use crate::attr::Written;
use crate::spec::Constant;

type Given = Written<Expr>;

pub(crate) fn string<'a>(given: &'a Given, accepted: &str) -> syn::Result<&'a LitStr> {
    as_string(&given.value).ok_or_else(|| wrong_kind(given, accepted))
}

pub(crate) fn as_string(expr: &Expr) -> Option<&LitStr> {
    match literal(expr) {
        Some(Lit::Str(text)) => Some(text),
        _ => None,
    }
}

pub(crate) fn boolean(given: &Given) -> syn::Result<bool> {
    match literal(&given.value) {
        Some(Lit::Bool(value)) => Ok(value.value),
        _ => Err(wrong_kind(given, "`true` or `false`")),
    }
}

pub(crate) fn integer(given: &Given, scope: &Scope) -> syn::Result<Constant<u64>> {
    let accepted = "a whole number";
    match literal(&given.value) {
        Some(Lit::Int(value)) => whole(value).map(Constant::Literal).ok_or_else(|| {
            let range = "from 0 to 18446744073709551615";
            at(given, format!("`{}` takes {accepted} {range}, not `{value}`", given.name))
        }),
        Some(_) => Err(wrong_kind(given, accepted)),
        None => expression(given, accepted, scope).map(Constant::Expression),
    }
}

/// Returns a number of things, at least one. The runtime checks the value of an expression.
pub(crate) fn count(given: &Given, scope: &Scope) -> syn::Result<Constant<u64>> {
    match integer(given, scope)? {
        Constant::Literal(0) => {
            Err(at(given, format!("`{}` takes a whole number of at least 1, not 0", given.name)))
        }
        count => Ok(count),
    }
}

/// Returns a number of bytes, at least one. The runtime checks the value of an expression.
pub(crate) fn size(given: &Given, scope: &Scope) -> syn::Result<Constant<u64>> {
    match as_string(&given.value) {
        Some(text) => match parse_size(&text.value()) {
            Some(bytes) if bytes > 0 => Ok(Constant::Literal(bytes)),
            _ => Err(at(given, format!("`{}` takes {SIZE}, not {:?}", given.name, text.value()))),
        },
        None => match literal(&given.value) {
            Some(Lit::Int(_)) | None => count(given, scope),
            Some(_) => Err(wrong_kind(given, SIZE)),
        },
    }
}

/// Returns an expression that is the same for all calls. Expressions of an obviously wrong kind are refused
/// with a message; the compiler checks the types of all others.
pub(crate) fn expression(given: &Given, accepted: &str, scope: &Scope) -> syn::Result<Expr> {
    let expr = of_any_type(given, accepted)?;
    let reason = format!("`{}` is the same for all calls", given.name);
    capture::refuse(expr, scope, &reason)?;
    Ok(expr.clone())
}

/// Returns the expression, unless it is obviously of a wrong kind.
pub(crate) fn of_any_type<'a>(given: &'a Given, accepted: &str) -> syn::Result<&'a Expr> {
    let expr = peel(&given.value);
    let is_wrong_kind = match expr {
        Expr::Unary(unary) => literal(&unary.expr).is_some(),
        Expr::Lit(_) | Expr::Array(_) | Expr::Closure(_) | Expr::Tuple(_) => true,
        _ => false,
    };
    if is_wrong_kind { Err(wrong_kind(given, accepted)) } else { Ok(expr) }
}

/// Returns a number of this range. The runtime checks the value of an expression.
pub(crate) fn number(
    given: &Given,
    range: NumberRange,
    scope: &Scope,
) -> syn::Result<Constant<f64>> {
    let accepted = range.accepted;
    let digits = match literal(&given.value) {
        Some(Lit::Int(value)) if is_number_suffix(value.suffix()) => value.base10_digits(),
        Some(Lit::Float(value)) if is_number_suffix(value.suffix()) => value.base10_digits(),
        Some(_) => return Err(wrong_kind(given, accepted)),
        None => return expression(given, accepted, scope).map(Constant::Expression),
    };
    match digits.parse() {
        Ok(value) if range.contains(value) => Ok(Constant::Literal(value)),
        _ => Err(at(given, format!("{}, not {digits}", range.rule))),
    }
}

/// Returns one of the accepted words.
pub(crate) fn word<T: Copy>(given: &Given, words: &[(&str, T)]) -> syn::Result<T> {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let accepted = quoted.join(" or ");
    let text = string(given, &accepted)?.value();
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let hint = match nearest(&text, words.iter().map(|(word, _)| *word)) {
        Some(word) => format!("; did you mean \"{word}\"?"),
        None => String::new(),
    };
    Err(at(given, format!("`{}` takes {accepted}, not \"{text}\"{hint}", given.name)))
}

/// Returns a closure of one parameter that uses nothing else, or the name of such a function.
pub(crate) fn condition(given: &Given, parameter: &str, scope: &Scope) -> syn::Result<Expr> {
    closure(given, parameter, "a `bool`", scope)
}

/// Returns the bytes that a value takes.
pub(crate) fn weight(given: &Given, scope: &Scope) -> syn::Result<Expr> {
    closure(given, "value", "a number of bytes (`usize`)", scope)
}

/// Returns the tags that follow from a value.
pub(crate) fn tags_of(given: &Given, scope: &Scope) -> syn::Result<Expr> {
    closure(given, "value", "a list of tags, such as `[format!(\"user:{}\", value.author)]`", scope)
}

fn closure(given: &Given, parameter: &str, gives: &str, scope: &Scope) -> syn::Result<Expr> {
    let value = peel(&given.value);
    let accepted = format!("a closure `|{parameter}| ...` that returns {gives}, or a function");
    match value {
        Expr::Path(_) => {
            let reason = only(given, parameter);
            capture::refuse(value, scope, &reason)?;
        }
        Expr::Closure(closure) => of_one_parameter(given, closure, parameter, &accepted, scope)?,
        _ => return Err(wrong_kind(given, &accepted)),
    }
    Ok(value.clone())
}

/// Checks that a closure has one parameter and uses nothing else.
pub(crate) fn of_one_parameter(
    given: &Given,
    closure: &ExprClosure,
    parameter: &str,
    accepted: &str,
    scope: &Scope,
) -> syn::Result<()> {
    let name = &given.name;
    if closure.inputs.len() != 1 {
        let count = closure.inputs.len();
        let message = format!("`{name}` takes {accepted}, not a closure with {count} parameters");
        return Err(at(given, message));
    }
    if let Some(asyncness) = closure.asyncness {
        return Err(syn::Error::new_spanned(asyncness, format!("`{name}` cannot be async")));
    }
    capture::refuse(peel(&given.value), scope, &only(given, parameter))
}

fn only(given: &Given, parameter: &str) -> String {
    format!("`{}` gets only the {parameter}", given.name)
}

/// Returns an error such as "`jitter` takes a number from 0.0 to 0.5, not a string".
pub(crate) fn wrong_kind(given: &Given, accepted: &str) -> syn::Error {
    let found = describe(peel(&given.value));
    at(given, format!("`{}` takes {accepted}, not {found}", given.name))
}

pub(crate) fn at(given: &Given, message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new_spanned(&given.value, message)
}

/// Returns the expression without parentheses. This includes invisible ones, such as those around the value
/// of a `macro_rules!` variable.
pub(crate) fn peel(mut expr: &Expr) -> &Expr {
    loop {
        expr = match expr {
            Expr::Group(group) => &group.expr,
            Expr::Paren(paren) => &paren.expr,
            expr => return expr,
        };
    }
}

/// Returns the value of an integer, unless it has a suffix that is no integer type.
pub(crate) fn whole(value: &LitInt) -> Option<u64> {
    if !is_number_suffix(value.suffix()) {
        return None;
    }
    value.base10_digits().parse().ok()
}

fn literal(expr: &Expr) -> Option<&Lit> {
    match peel(expr) {
        Expr::Lit(expr) => Some(&expr.lit),
        _ => None,
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(literal(expr), Some(Lit::Int(_) | Lit::Float(_)))
}

fn is_number_suffix(suffix: &str) -> bool {
    const TYPES: [&str; 15] = [
        "", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64",
    ];
    TYPES.contains(&suffix)
}

pub(super) fn describe(expr: &Expr) -> &'static str {
    match expr {
        Expr::Lit(expr) => describe_literal(&expr.lit),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if is_number(expr) => {
            "a negative number"
        }
        Expr::Array(_) => "an array",
        Expr::Closure(_) => "a closure",
        Expr::Path(_) => "a name",
        Expr::Tuple(_) => "a tuple",
        _ => "an expression",
    }
}

fn describe_literal(literal: &Lit) -> &'static str {
    match literal {
        Lit::Str(_) => "a string",
        Lit::Int(_) => "an integer",
        Lit::Float(_) => "a decimal number",
        Lit::Bool(_) => "a boolean",
        Lit::Char(_) => "a character",
        _ => "a literal of another kind",
    }
}
