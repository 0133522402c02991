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
    ByValue { cache_if optional codec run ; }
    ByReference { ; entry add prefix tag text value }
    LikeAProbe { ; kind share_errors invalidate }
}

/// A cached number.
///
/// # Errors
///
/// If it is zero.
#[cached(
    crate = memo,
    tags = ["n:{n}"],
    cache_none = true,
    cache_if = |n: &Option<u64>| n.is_some(),
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
#[cache_put(crate = memo, entry = number(n))]
pub async fn set(n: u64, to: u64) -> Result<Option<u64>, String> {
    Ok(Some(to))
}
