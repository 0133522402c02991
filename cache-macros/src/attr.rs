//! Stage one: the text between the parentheses of an attribute, with its tokens.

mod elsewhere;
#[cfg(test)]
mod tests;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Path, Token, Type, token};

use crate::error::Errors;
use elsewhere::{OF_CACHED, OF_CHANGES, unknown};

/// An option as written: its name, which may be an alias, and its value.
pub(crate) struct Written<T> {
    pub(crate) name: Ident,
    pub(crate) value: T,
}

/// The names in `skip(db, self)`.
pub(crate) struct Skip(pub(crate) Vec<Ident>);

/// The value of `inherit`, which may stand alone.
pub(crate) struct Inherited(pub(crate) Option<Expr>);

/// The value of `shed`, which may stand alone.
pub(crate) struct Sheds(pub(crate) Option<Expr>);

/// The tokens in `each(id in ids)`. They are read later, so that a mistake in them does not leave the templates
/// without the name of an id.
pub(crate) struct EachIn {
    pub(crate) tokens: TokenStream,
    pub(crate) in_parentheses: bool,
}

/// An option that can be given at most once.
pub(crate) type Once<T> = Option<Written<T>>;

/// An option that can be given repeatedly.
pub(crate) type Many<T> = Vec<Written<T>>;

/// Declares an attribute: a field for each option, its kind of value, and its names.
macro_rules! options {
    ($attribute:ident, $elsewhere:expr, { $($field:ident: $value:ty = $($name:literal)|+,)* }) => {
        #[derive(Default)]
        pub(crate) struct $attribute {
            $(pub(crate) $field: $value,)*
        }

        impl Options for $attribute {
            const NAMES: &'static [&'static str] = &[$($($name),+),*];

            fn read(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
                match name.unraw().to_string().as_str() {
                    $($($name)|+ => self.$field.put(name, input),)*
                    _ => Err(unknown(&name, Self::NAMES, $elsewhere)),
                }
            }
        }
    };
}

options!(CachedAttr, &[OF_CACHED], {
    ttl: Once<Expr> = "ttl",
    prefix: Once<Expr> = "key_prefix" | "prefix",
    key: Once<Expr> = "key",
    skip: Once<Skip> = "skip",
    tags: Once<Expr> = "tags",
    tags_of: Once<Expr> = "tags_of",
    version: Once<Expr> = "version",
    negative_ttl: Once<Expr> = "negative_ttl",
    cache_none: Once<Expr> = "cache_none",
    cache_if: Once<Expr> = "cache_if",
    weight: Once<Expr> = "weight",
    max_memory: Once<Expr> = "max_memory",
    max_entries: Once<Expr> = "max_entries",
    reserved: Once<Expr> = "reserved",
    bypass_if: Once<Expr> = "bypass_if",
    jitter: Once<Expr> = "jitter",
    tier: Once<Expr> = "tier",
    manager: Once<Expr> = "manager",
    within: Once<Expr> = "within",
    codec: Once<Type> = "codec",
    cost: Once<Expr> = "cost",
    stale_while_revalidate: Once<Expr> = "stale_while_revalidate",
    stale_if_error: Once<Expr> = "stale_if_error",
    serve_stale_if: Once<Expr> = "serve_stale_if",
    keep: Once<Expr> = "keep",
    still_current: Once<Expr> = "still_current",
    previous: Once<Expr> = "previous",
    load_timeout: Once<Expr> = "load_timeout",
    error_ttl: Once<Expr> = "error_ttl",
    early_refresh: Once<Expr> = "early_refresh",
    background: Once<Expr> = "background",
    detached: Once<Expr> = "detached",
    verify: Once<Expr> = "verify",
    coalesce: Once<Expr> = "coalesce",
    inherit: Once<Inherited> = "inherit",
    share_errors: Once<Expr> = "share_errors",
    source: Once<Expr> = "source",
    max_loads: Once<Expr> = "max_loads",
    shed: Once<Sheds> = "shed",
    entry_fn: Once<Path> = "entry_fn",
    each: Once<EachIn> = "each",
    max_batch: Once<Expr> = "max_batch",
    entry: Once<Expr> = "entry",
    output: Once<Expr> = "output",
    runtime: Once<Path> = "crate",
});

options!(InvalidateAttr, &[OF_CHANGES], {
    prefix: Once<Expr> = "prefix" | "key_prefix",
    tags: Once<Expr> = "tags",
    entries: Many<Expr> = "entry",
    each: Once<EachIn> = "each",
    when: Once<Expr> = "when",
    condition: Once<Expr> = "if",
    soft: Once<Expr> = "soft",
    manager: Once<Expr> = "manager",
    within: Once<Expr> = "within",
    runtime: Once<Path> = "crate",
});

options!(PutAttr, &[OF_CHANGES], {
    prefix: Once<Expr> = "prefix" | "key_prefix",
    tags: Once<Expr> = "tags",
    entries: Many<Expr> = "entry",
    each: Once<EachIn> = "each",
    when: Once<Expr> = "when",
    condition: Once<Expr> = "if",
    manager: Once<Expr> = "manager",
    within: Once<Expr> = "within",
    runtime: Once<Path> = "crate",
});

/// The options that one attribute takes.
pub(crate) trait Options: Default {
    const NAMES: &'static [&'static str];

    /// Reads the value of the option called `name`, and keeps it.
    fn read(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()>;

    /// Reads all options. An option that cannot be read is noted and left out.
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = read_one(&mut options, input) {
                    errors.push(error);
                    skip_to_next(input)?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        options
    }
}

fn read_one(options: &mut impl Options, input: ParseStream<'_>) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected an option, `name = value`, such as `tags = [\"users\"]`"));
    }
    options.read(input.call(Ident::parse_any)?, input)?;
    if input.is_empty() {
        return Ok(());
    }
    if !input.peek(Token![,]) {
        return Err(input.error("expected `,` between options"));
    }
    input.parse::<Token![,]>().map(drop)
}

/// Continues after a mistake, at the next comma that an option follows.
fn skip_to_next(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        let is_comma = matches!(input.parse()?, TokenTree::Punct(punct) if punct.as_char() == ',');
        if is_comma && at_option(input) {
            break;
        }
    }
    Ok(())
}

fn at_option(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && (input.peek2(Token![=]) || input.peek2(token::Paren))
}

/// The values of an option.
trait Slot {
    fn put(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()>;
}

impl<T: Value> Slot for Once<T> {
    fn put(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let value = T::parse(&name, input)?;
        if let Some(first) = self {
            return Err(twice(&first.name, &name));
        }
        *self = Some(Written { name, value });
        Ok(())
    }
}

impl<T: Value> Slot for Many<T> {
    fn put(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let value = T::parse(&name, input)?;
        self.push(Written { name, value });
        Ok(())
    }
}

fn twice(first: &Ident, second: &Ident) -> syn::Error {
    let message = if first == second {
        format!("`{second}` is given twice")
    } else {
        format!("`{second}` is another name of `{first}`, which is given already: remove one")
    };
    syn::Error::new_spanned(second, message)
}

/// A kind of value that an option can have.
trait Value: Sized {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self>;
}

impl Value for Expr {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        equals(option, input)?;
        input.parse()
    }
}

impl Value for Type {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        equals(option, input)?;
        input.parse().map_err(|error| {
            syn::Error::new(error.span(), format!("`{option}` takes the name of a type"))
        })
    }
}

impl Value for Path {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        equals(option, input)?;
        input
            .call(Path::parse_mod_style)
            .map_err(|error| syn::Error::new(error.span(), format!("`{option}` takes a path")))
    }
}

impl Value for Skip {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(token::Paren) {
            let message = "`skip` takes argument names in parentheses: `skip(db, self)`";
            return Err(syn::Error::new_spanned(option, message));
        }
        let list;
        syn::parenthesized!(list in input);
        match Punctuated::<Ident, Token![,]>::parse_terminated_with(&list, Ident::parse_any) {
            Ok(names) => Ok(Self(names.into_iter().collect())),
            Err(error) => {
                // The rest is consumed; otherwise it would be reported as a second mistake.
                list.parse::<TokenStream>()?;
                let message = "`skip` takes argument names, separated by commas";
                Err(syn::Error::new(error.span(), message))
            }
        }
    }
}

impl Value for Inherited {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Token![=]) {
            return Ok(Self(None));
        }
        <Expr as Value>::parse(option, input).map(|value| Self(Some(value)))
    }
}

impl Value for Sheds {
    fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Token![=]) {
            return Ok(Self(None));
        }
        <Expr as Value>::parse(option, input).map(|value| Self(Some(value)))
    }
}

impl Value for EachIn {
    fn parse(_: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(token::Paren) {
            let inside;
            syn::parenthesized!(inside in input);
            return Ok(Self { tokens: inside.parse()?, in_parentheses: true });
        }
        input.parse::<Option<Token![=]>>()?;
        let mut tokens = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) {
            tokens.extend([input.parse::<TokenTree>()?]);
        }
        Ok(Self { tokens, in_parentheses: false })
    }
}

fn equals(option: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return Ok(());
        }
    }
    let message = format!("`{option}` needs a value: `{option} = ...`");
    Err(syn::Error::new_spanned(option, message))
}
