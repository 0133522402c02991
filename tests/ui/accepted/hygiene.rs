//! Names of the user's that generated code also uses, a renamed crate, and attributes from macros.

#![deny(warnings, unused_qualifications)]

use cache_runtime::cached;

#[allow(non_camel_case_types, dead_code)]
mod shadowed {
    pub struct Option;
    pub struct Result;
    pub enum Never {}
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct String;
    pub trait Send {}
    pub mod core {}
    pub mod std {}
    pub mod cache_runtime {}

    #[::cache_runtime::cached(ttl = "5m", key_prefix = "shadowed", jitter = 0.1, tags = ["a:{id}"])]
    pub async fn get(id: u64) -> u64 {
        id
    }
}

/// The locals of generated code, as arguments and in the body.
#[allow(clippy::too_many_arguments)]
#[cached(key = (site, kind, share, begin, call), bypass_if = bypass, tags = ["{tags}:{w}"])]
async fn locals(
    site: u8,
    kind: u8,
    share: u8,
    bypass: bool,
    begin: u8,
    call: u8,
    hooks: u8,
    body: u8,
    output: u8,
    tags: u8,
    w: u8,
) -> u8 {
    static __CACHE_RUNTIME_SITE: u8 = 1;
    let plan = u8::from(bypass);
    site + kind
        + share
        + begin
        + call
        + hooks
        + body
        + output
        + tags
        + w
        + plan
        + __CACHE_RUNTIME_SITE
}

static SITE: u8 = 1;

#[cached]
async fn item_outside() -> u8 {
    SITE
}

mod renamed {
    pub use cache_runtime as inner;

    #[cache_runtime::cached(crate = crate::renamed::inner, ttl = 5)]
    pub async fn get() -> u8 {
        1
    }

    #[cache_runtime::cache_invalidate(crate = crate::renamed::inner, tags = ["a"])]
    pub async fn change() -> u8 {
        1
    }
}

macro_rules! make {
    ($name:ident, $ttl:expr, $argument:ident, $output:ty) => {
        #[cached(ttl = $ttl, key = ($argument, item))]
        async fn $name(item: u8, $argument: u8) -> $output {
            item + $argument
        }
    };
}

make!(from_macro, "5m", other, u8);
make!(from_macro_expression, std::time::Duration::from_secs(5), item_too, u8);

fn main() {
    drop(shadowed::get(1));
    drop(locals(1, 1, 1, false, 1, 1, 1, 1, 1, 1, 1));
    drop(item_outside());
    drop(renamed::get());
    drop(renamed::change());
    drop(from_macro(1, 1));
    drop(from_macro_expression(1, 1));
}
