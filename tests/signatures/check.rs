//! Checks that every shape must pass.

use std::cell::Cell;

use cache_runtime::{CacheManager, with};

thread_local! {
    /// Each test has a thread of its own, and so a count of its own.
    static LOADS: Cell<usize> = const { Cell::new(0) };
}

/// Says that a body runs, and gives back what the body is to return.
pub fn load<T>(value: T) -> T {
    LOADS.set(LOADS.get() + 1);
    value
}

/// Calls twice, then otherwise, then as at first: two loads. Each call looks at its own value.
pub async fn check(call: impl AsyncFn(), another: impl AsyncFn()) {
    LOADS.set(0);
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, async {
        call().await;
        assert_eq!(LOADS.get(), 1, "the first call loads, once");
        call().await;
        assert_eq!(LOADS.get(), 1, "the second call is a hit");
        another().await;
        assert_eq!(LOADS.get(), 2, "another call is a miss");
        call().await;
        another().await;
        assert_eq!(LOADS.get(), 2, "both values are kept");
    })
    .await;
}

/// Declares the tests of a family, `name: call => value, another call => another value;`, and how
/// many there are.
macro_rules! shapes {
    ($($(#[$attribute:meta])* $name:ident: $call:expr => $value:expr, $another:expr => $other:expr;)*) => {
        pub const SHAPES: usize = [$(stringify!($name)),*].len();

        $(
            $(#[$attribute])*
            #[tokio::test]
            async fn $name() {
                $crate::check::check(
                    async || assert_eq!($call, $value),
                    async || assert_eq!($another, $other),
                )
                .await;
            }
        )*
    };
}
pub(crate) use shapes;
