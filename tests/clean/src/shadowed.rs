//! A module in which the names of the prelude, of primitive types and of crates mean something else.
#![allow(dead_code, non_camel_case_types, non_upper_case_globals, non_snake_case)]
#![allow(missing_docs, missing_debug_implementations, unused_macros, clippy::upper_case_acronyms)]

pub struct Option;
pub struct Result;
pub struct String;
pub struct Vec;
pub struct Box;
pub struct Pin;
pub struct Some;
pub struct None;
pub struct Ok;
pub struct Err;
pub struct Duration;
pub struct Own;
pub struct Site;
pub struct bool;
pub struct str;
pub struct u64;
pub struct u32;
pub struct usize;
pub struct f64;

pub trait Clone {}
pub trait Copy {}
pub trait Send {}
pub trait Sync {}
pub trait Sized {}
pub trait Drop {}
pub trait Fn {}
pub trait FnOnce {}
pub trait Future {}
pub trait Into {}
pub trait From {}
pub trait Default {}
pub trait Iterator {}
pub trait IntoFuture {}

pub mod core {}
pub mod std {}
pub mod alloc {}
pub mod memo {}
pub mod cache_runtime {}
pub mod inventory {}
pub mod serde {}
pub mod tokio {}

pub fn drop() {}
pub fn identity() {}

macro_rules! shadow {
    ($($name:ident)*) => {$(
        macro_rules! $name {
            () => {};
        }
    )*};
}
shadow!(assert matches vec format concat stringify module_path file line column panic unreachable);

type Number = ::core::primitive::u64;
type Answer<T> = ::core::result::Result<T, Failure>;

#[derive(::core::fmt::Debug)]
pub struct Failure;

/// # Errors
///
/// If the number is zero.
#[::memo::cached(
    crate = ::memo,
    ttl = "5m",
    negative_ttl = "1s",
    jitter = 0.25,
    key_prefix = "shadowed",
    key = "{n}",
    tags = ["n:{n}"],
    version = 3,
    cache_none = true,
    cache_if = ::core::option::Option::is_some,
    tags_of = ::core::option::Option::as_slice,
    bypass_if = n == 9,
    codec = ::memo::MessagePack,
    cost = 2.5,
    tier = "tiered"
)]
pub async fn get(n: Number) -> Answer<::core::option::Option<Number>> {
    let n: Number = if n == 0 { Answer::<Number>::Err(Failure)? } else { n };
    Answer::Ok(::core::option::Option::Some(n))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opaque;

#[::memo::cached(crate = ::memo, tier = "memory")]
pub async fn kept(n: Opaque) -> ::std::vec::Vec<Opaque> {
    ::std::vec![n]
}

#[::memo::cached(crate = ::memo)]
pub async fn plain(n: Number, text: &::core::primitive::str) -> ::std::string::String {
    ::std::format!("{text} {n}")
}

#[::memo::cached(crate = ::memo, skip(cache), manager = cache)]
pub async fn own(cache: &::memo::CacheManager, n: Number) -> Number {
    n
}

#[::memo::cache_invalidate(crate = ::memo, entry = own(cache, n), manager = cache)]
#[::memo::cache_put(crate = ::memo, entry = own(cache, n + 1), manager = cache)]
pub async fn change_own(cache: &::memo::CacheManager, n: Number) -> Number {
    n
}

/// # Errors
///
/// Never.
#[::memo::cache_invalidate(
    crate = ::memo, prefix = "shadowed:{n}", tags = ["n:{n}"], entry = get(n), if = ::core::result::Result::is_ok
)]
pub async fn change(n: Number) -> Answer<Number> {
    Answer::Ok(n)
}

/// # Errors
///
/// Never.
#[::memo::cache_put(
    crate = ::memo, entry = get(n), if = ::core::result::Result::is_ok, prefix = "shadowed:{n}-{result?}"
)]
pub async fn put(n: Number) -> Answer<::core::option::Option<Number>> {
    Answer::Ok(::core::option::Option::Some(n + 1))
}

pub struct Shop;

impl Shop {
    #[::memo::cached(crate = ::memo, skip(self))]
    pub async fn price(&self, n: Number) -> Number {
        n * 100
    }

    #[::memo::cache_invalidate(crate = ::memo, entry = self.price(n))]
    pub async fn change(&self, n: Number) {}
}
