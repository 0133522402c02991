//! A module without anything in scope: no prelude, no imports.
#![no_implicit_prelude]

/// The reason why a call fails.
#[derive(::core::fmt::Debug)]
pub struct Failure;

/// The stored value.
#[derive(
    ::core::clone::Clone,
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::core::cmp::Eq,
    ::serde::Serialize,
    ::serde::Deserialize,
)]
pub struct Value {
    /// Its number.
    pub number: u64,
}

/// A type with methods.
#[derive(::core::fmt::Debug)]
pub struct Shop;

/// A function with options of each kind.
///
/// # Errors
///
/// If the number is zero.
#[::memo::cached(
    crate = ::memo,
    ttl = |_| ::memo::Ttl::Forever,
    negative_ttl = 5,
    jitter = 0.5,
    key_prefix = "bare",
    key = "{number}",
    tags = ["number:{number}", "all", number % 10],
    version = 1,
    cache_if = ::core::option::Option::is_some,
    tags_of = |value| match value {
        ::core::option::Option::Some(value) => [value.number],
        ::core::option::Option::None => [0],
    },
    bypass_if = number == 9,
    tier = "redis",
    codec = ::memo::Bincode,
    cost = 1
)]
pub async fn value(number: u64) -> ::core::result::Result<::core::option::Option<Value>, Failure> {
    if number == 0 {
        return ::core::result::Result::Err(Failure);
    }
    ::core::result::Result::Ok(::core::option::Option::Some(Value { number }))
}

/// A function whose arguments are its key.
#[::memo::cached(crate = ::memo, inherit)]
pub async fn text(number: u64, text: &str) -> ::std::string::String {
    ::std::format!("{text} {number}")
}

/// A function in a cache of its own.
#[::memo::cached(crate = ::memo, skip(cache), manager = cache)]
pub async fn own(cache: &::memo::CacheManager, number: u64) -> u64 {
    number
}

/// A function that forgets, and puts, in a cache of its own.
#[::memo::cache_invalidate(crate = ::memo, entry = own(cache, number), manager = cache)]
#[::memo::cache_put(crate = ::memo, entry = own(cache, number + 1), manager = cache)]
pub async fn change_own(cache: &::memo::CacheManager, number: u64) -> u64 {
    number
}

/// A function that returns nothing, and forgets.
#[::memo::cache_invalidate(
    crate = ::memo,
    prefix = "bare:{number}",
    tags = ["number:{number}"],
    entry = value(number),
    when = "always",
    if = |()| true
)]
pub async fn forget(number: u64) {}

/// A function whose error is looked at.
///
/// # Errors
///
/// If the number is zero.
#[::memo::cache_invalidate(crate = ::memo, prefix = "bare")]
pub async fn change(number: u64) -> ::core::result::Result<u64, Failure> {
    let value = value(number).await?;
    ::core::result::Result::Ok(::core::option::Option::map_or(value, 0, |value| value.number))
}

/// A function whose result names what is forgotten.
///
/// # Errors
///
/// Never.
#[::memo::cache_invalidate(crate = ::memo, prefix = "bare:{number}:{result?}", entry = text(result.unwrap_or(number), ""))]
pub fn named(number: u64) -> ::core::result::Result<::core::option::Option<u64>, Failure> {
    ::core::result::Result::Ok(::core::option::Option::Some(number))
}

/// A function whose value is stored.
///
/// # Errors
///
/// Never.
#[::memo::cache_put(crate = ::memo, entry = value(number), when = "success", tags = ["put:{number}"])]
pub async fn put(number: u64) -> ::core::result::Result<::core::option::Option<Value>, Failure> {
    ::core::result::Result::Ok(::core::option::Option::Some(Value { number: number + 1 }))
}

impl Shop {
    /// A method.
    #[::memo::cached(crate = ::memo, skip(self))]
    pub async fn price(&self, article: u64) -> u64 {
        article * 100
    }

    /// A method that forgets.
    #[::memo::cache_invalidate(crate = ::memo, entry = self.price(article))]
    pub async fn change(&self, article: u64) -> u64 {
        article
    }

    /// A method whose value is stored.
    #[::memo::cache_put(crate = ::memo, entry = self.price(article))]
    pub async fn set_price(&self, article: u64, price: u64) -> u64 {
        price
    }
}
