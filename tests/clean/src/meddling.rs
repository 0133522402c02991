//! A module whose types have methods with the names that generated code calls.

use memo::{cache_invalidate, cache_put, cached};

macro_rules! meddle {
    ($($trait:ident { $($by_value:ident)* ; $($by_reference:ident)* })*) => {$(
        /// Methods of every type.
        #[allow(dead_code, reason = "they are not to be called")]
        pub trait $trait {
            $(
                /// Takes the value.
                fn $by_value(self)
                where
                    Self: Sized,
                {
                }
            )*
            $(
                /// Takes a reference.
                fn $by_reference(&self) {}
            )*
        }

        impl<T> $trait for T {}
    )*};
}

meddle! {
    ByValue { cache_if tags_of ttl_of optional codec run ; }
    ByReference { ; entry add add_text prefix rendered tag tag_text text unknown_entry unknown_prefix value }
    LikeAProbe { ; kind share_errors invalidate }
}

/// A cached number.
///
/// # Errors
///
/// If it is zero.
#[cached(
    crate = memo,
    tags = ["n:{n}", n],
    ttl = |n: &Option<u64>| std::time::Duration::from_secs(n.unwrap_or(1)),
    cache_none = true,
    cache_if = |n: &Option<u64>| n.is_some(),
    tags_of = |n: &Option<u64>| *n,
    codec = memo::MessagePack
)]
pub async fn number(n: u64) -> Result<Option<u64>, String> {
    if n == 0 {
        return Err("zero".to_owned());
    }
    Ok(Some(n))
}

/// Forgets a number.
#[cache_invalidate(crate = memo, prefix = "number", tags = ["n:{n}"], entry = number(n))]
pub async fn forget(n: u64) -> u64 {
    n
}

/// Sets a number.
///
/// # Errors
///
/// Never.
#[cache_put(crate = memo, entry = number(n), prefix = "number:{result?}-{n}", tags = [n + 100])]
pub async fn set(n: u64, to: u64) -> Result<Option<u64>, String> {
    Ok(Some(to))
}
