//! Functions in different places and by different authors: modules, blocks, macros.

use cache_runtime::cached;

use crate::check::{check, load, shapes};

shapes! {
    a_module: inner::get(1).await => "inner", inner::deeper::get(1).await => "deeper";
    a_path_to_the_attribute: by_path(1).await => 1, by_path(2).await => 2;
    a_renamed_attribute: by_another_name(1).await => 1, by_another_name(2).await => 2;
    an_impl_in_a_function: local_impl(1).await => 2, local_impl(2).await => 3;
    a_trait_in_a_function: local_trait(1).await => 2, local_trait(2).await => 3;
    a_generic_function_around_it: around::<u8>().await => 1, around::<u64>().await => 8;
    a_block: from_a_block(1).await => 2, from_a_block(2).await => 3;
    a_closure: from_a_closure(1).await => 1, from_a_closure(2).await => 2;
    a_constant_block: in_a_constant(1).await => 2, in_a_constant(2).await => 3;
    a_captured_name: captured_name(1).await => 1, captured_name(2).await => 2;
    a_captured_argument: captured_argument(1).await => 2, captured_argument(2).await => 3;
    types_captured: captured_types(1).await => Some(1), captured_types(2).await => Some(2);
    a_captured_result: captured_result(1).await => Ok(1), captured_result(2).await => Ok(2);
    a_captured_body: captured_body(1).await => 2, captured_body(2).await => 3;
    a_captured_expression_as_the_key: captured_key(12).await => 12, captured_key(22).await => 22;
    options_captured: captured_options(1).await => 1, captured_options(2).await => 2;
    a_captured_function: captured_function(1).await => 1, captured_function(2).await => 2;
    tokens_captured: captured_tokens(1).await => 1, captured_tokens(2).await => 2;
    a_captured_visibility: captured_visibility(1).await => 1, captured_visibility(2).await => 2;
    a_name_of_a_macro: names_of_a_macro(1).await => 2, names_of_a_macro(2).await => 3;
    methods_of_a_macro: Made(1).made(2).await => 3, Made(2).made(2).await => 4;
    lower_case_items_of_our_names: namesakes::get(1).await => 10, namesakes::get(2).await => 11;
    a_captured_self: Captured(1).captured(2).await => 3, Captured(2).captured(2).await => 4;
    arguments_of_one_name: same_names(1, 2).await => 12, same_names(1, 3).await => 13;
    one_macro_twice: first_of_two(1).await => 10, second_of_two(1).await => 20;
    a_macro_of_a_macro: by_two_macros(1).await => 1, by_two_macros(2).await => 2;
}

/// In the test itself.
#[tokio::test]
async fn a_test() {
    #[cached]
    async fn get(n: u64) -> u64 {
        load(n)
    }
    let call = async || assert_eq!(get(1).await, 1);
    check(call, async || assert_eq!(get(2).await, 2)).await;
}

mod inner {
    use super::{cached, load};

    #[cached]
    pub(super) async fn get(_n: u64) -> String {
        load("inner".to_owned())
    }

    pub(super) mod deeper {
        #[super::cached]
        pub(in crate::places) async fn get(_n: u64) -> String {
            super::load("deeper".to_owned())
        }
    }
}

/// Items that the pattern of a `let` would find.
#[allow(non_upper_case_globals, non_camel_case_types, reason = "it is the shape under test")]
mod namesakes {
    use super::{cached, load};

    const own: u64 = 1;
    const kind: u64 = 1;
    static begin: u64 = 1;
    static call: u64 = 1;
    const body: u64 = 1;
    const value: u64 = 1;
    const output: u64 = 1;
    const tags: u64 = 1;
    const w: u64 = 1;

    #[cached(tags = ["n:{n}"])]
    pub(super) async fn get(n: u64) -> u64 {
        load(n + own + kind + begin + call + body + value + output + tags + w)
    }
}

#[::cache_runtime::cached]
async fn by_path(n: u64) -> u64 {
    load(n)
}

use cache_runtime::cached as remembered;

#[remembered(ttl = "1m")]
async fn by_another_name(n: u64) -> u64 {
    load(n)
}

async fn local_impl(n: u64) -> u64 {
    struct Local(u64);
    impl Local {
        #[cached(key = (self.0, more))]
        async fn more(&self, more: u64) -> u64 {
            load(self.0 + more)
        }
    }
    Local(n).more(1).await
}

async fn local_trait(n: u64) -> u64 {
    trait Local {
        async fn more(self, more: u64) -> u64;
    }
    impl Local for u64 {
        #[cached(key = (self, more))]
        async fn more(self, more: u64) -> u64 {
            load(self + more)
        }
    }
    n.more(1).await
}

async fn around<T>() -> usize {
    #[cached]
    async fn size<T>() -> usize {
        load(size_of::<T>())
    }
    size::<T>().await
}

async fn from_a_block(n: u64) -> u64 {
    let future = {
        #[cached]
        async fn get(n: u64) -> u64 {
            load(n + 1)
        }
        get(n)
    };
    future.await
}

async fn from_a_closure(n: u64) -> u64 {
    let call = |n| {
        #[cached]
        async fn get(n: u64) -> u64 {
            load(n)
        }
        get(n)
    };
    call(n).await
}

trait InAConstant {
    fn in_a_constant(self) -> impl Future<Output = u64>;
}

const _: () = {
    impl InAConstant for u64 {
        #[cached(key = self)]
        async fn in_a_constant(self) -> u64 {
            load(self + 1)
        }
    }
};

async fn in_a_constant(n: u64) -> u64 {
    n.in_a_constant().await
}

macro_rules! function {
    (name: $name:ident) => {
        #[cached]
        async fn $name(n: u64) -> u64 {
            load(n)
        }
    };
    (argument: $name:ident, $argument:ident, $body:expr) => {
        #[cached(key = "{n}")]
        async fn $name($argument: u64) -> u64 {
            load($body)
        }
    };
    (types: $name:ident, $argument:ty, $output:ty) => {
        #[cached]
        async fn $name(n: $argument) -> $output {
            load(n.try_into()).map_err(|_| ()).map(|n| n).ok()
        }
    };
    (result: $name:ident, $output:ty) => {
        #[cached]
        async fn $name(n: u64) -> $output {
            let n = Ok::<u64, String>(n)?;
            load(Ok(n))
        }
    };
    (body: $name:ident, $n:ident, $body:block) => {
        #[cached]
        async fn $name($n: u64) -> u64 $body
    };
    (key: $name:ident, $n:ident, $key:expr) => {
        #[cached(key = $key)]
        async fn $name($n: u64) -> u64 {
            load($n)
        }
    };
    (options: $name:ident, $ttl:literal, $prefix:literal, $tag:literal, $codec:ty, $number:literal) => {
        #[cached(ttl = $ttl, prefix = $prefix, tags = [$tag], codec = $codec, version = $number)]
        async fn $name(n: u64) -> u64 {
            load(n)
        }
    };
    (item: $function:item) => {
        #[cached]
        $function
    };
    (tokens: $($function:tt)*) => {
        #[cached]
        $($function)*
    };
    (visibility: $visibility:vis $name:ident) => {
        #[cached]
        $visibility async fn $name(n: u64) -> u64 {
            load(n)
        }
    };
    (names: $name:ident, $n:ident) => {
        #[cached(tags = ["n:{n}"], key = n)]
        async fn $name(n: u64) -> u64 {
            // The macro's own `n` is the argument; the caller's is another.
            let $n = 1;
            load(n + $n)
        }
    };
    (methods: $type:ident, $name:ident) => {
        struct $type(u64);
        impl $type {
            #[cached(key = (self.0, n))]
            async fn $name(&self, n: u64) -> u64 {
                load(self.0 + n)
            }
        }
    };
    (receiver: $type:ident, $name:ident, $self:ident, $id:expr) => {
        struct $type(u64);
        impl $type {
            #[cached(key = "{self.0}:{n}", tags = ["n:{n}"])]
            async fn $name(&$self, n: u64) -> u64 {
                load($id + n)
            }
        }
    };
    (same: $name:ident, $n:ident) => {
        #[cached]
        async fn $name(n: u64, $n: u64) -> u64 {
            load(n * 10 + $n)
        }
    };
    (times: $name:ident, $factor:expr) => {
        #[cached]
        async fn $name(n: u64) -> u64 {
            load(n * $factor)
        }
    };
    (twice: $name:ident) => {
        function!(name: $name);
    };
}

function!(name: captured_name);
function!(argument: captured_argument, n, n + 1);
function!(types: captured_types, u8, Option<u64>);
function!(result: captured_result, Result<u64, String>);
function!(body: captured_body, n, { load(n + 1) });
function!(key: captured_key, n, n % 20);
function!(options: captured_options, "1m", "captured", "all", cache_runtime::MessagePack, 3);
function!(item: async fn captured_function(n: u64) -> u64 { load(n) });
function!(tokens: async fn captured_tokens(n: u64) -> u64 { load(n) });
function!(visibility: pub(super) captured_visibility);
function!(names: names_of_a_macro, n);
function!(methods: Made, made);
function!(receiver: Captured, captured, self, self.0);
function!(same: same_names, n);
function!(times: first_of_two, 10);
function!(times: second_of_two, 20);
function!(twice: by_two_macros);
