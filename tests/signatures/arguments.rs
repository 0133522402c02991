//! Arguments: patterns, names, types, and what the body does with them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use cache_runtime::cached;
use serde::Serialize;

use crate::check::{load, shapes};

shapes! {
    none: nothing().await => 1, double(1).await => 2;
    impl_trait: into_number(1_u8).await => 1, into_number(2_u8).await => 2;
    impl_trait_of_another_type: into_number(1_u8).await => 1, into_number(1_u16).await => 1;
    impl_fn: computed(|n| n + 1, 1).await => 2, computed(|n| n + 1, 2).await => 3;
    impl_fn_with_a_lifetime: trimmed(|text| text.trim(), " a").await => "a", trimmed(|text| text.trim(), "b ").await => "b";
    a_function_pointer: pointed(u8::count_ones, 3).await => 2, pointed(u8::count_ones, 7).await => 3;
    a_tuple_pattern: tuple((1, 2)).await => 12, tuple((1, 3)).await => 13;
    a_struct_pattern: point(Point { x: 1, y: 2 }).await => 12, point(Point { x: 1, y: 3 }).await => 13;
    a_tuple_struct_pattern: identified(Id(1)).await => 1, identified(Id(2)).await => 2;
    a_unit_struct_pattern: marked(Marker, 1).await => 1, marked(Marker, 2).await => 2;
    a_raw_field_pattern: typed(Typed { r#type: 1 }).await => 1, typed(Typed { r#type: 2 }).await => 2;
    a_nested_pattern: line(((1, Point { x: 2, y: 9 }), [3, 9])).await => 123, line(((1, Point { x: 2, y: 9 }), [4, 9])).await => 124;
    a_reference_pattern: dereferenced(&1).await => 2, dereferenced(&2).await => 3;
    a_ref_pattern: by_ref(1, vec![2]).await => 4, by_ref(1, vec![3]).await => 5;
    a_bound_pattern: whole((1, 2)).await => (1, 2), whole((1, 3)).await => (1, 3);
    a_rest_pattern: ends([1, 2, 3]).await => [1, 3], ends([1, 2, 4]).await => [1, 4];
    an_or_pattern: either(Ok(1)).await => 1, either(Err(2)).await => 2;
    a_mut_argument: incremented(1).await => 2, incremented(2).await => 3;
    a_mut_pattern: mut_tuple((1, 2)).await => 13, mut_tuple((2, 2)).await => 23;
    an_unnamed_argument: unnamed("a", 1).await => 1, unnamed("a", 2).await => 2;
    a_raw_name: raw(1, 2).await => 12, raw(1, 3).await => 13;
    a_raw_name_in_a_template: raw_template(1, 2).await => 12, raw_template(1, 3).await => 13;
    names_of_generated_code: names(1, 2, 3, 4, 5, 6, 7, 8).await => 36, names(1, 2, 3, 4, 5, 6, 7, 9).await => 37;
    more_names_of_generated_code: more_names(1, 2, 3, 4, 5, 6, 7, 8).await => 36, more_names(1, 2, 3, 4, 5, 6, 7, 9).await => 37;
    a_function_with_a_raw_name: r#match(1).await => 1, r#match(2).await => 2;
    many_arguments: many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18).await => 171, many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19).await => 172;
    names_of_items: upper_names(1, 2).await => 3, upper_names(1, 3).await => 4;
    names_of_crates_and_types: namesakes(1, 2, 3).await => 6, namesakes(1, 2, 4).await => 7;
    a_moved_argument: moved("a".to_owned()).await => ["a"], moved("b".to_owned()).await => ["b"];
    a_dropped_argument: dropped(vec![1]).await => 1, dropped(vec![1, 2]).await => 2;
    a_mutated_argument: mutated(vec![1]).await => [1, 1], mutated(vec![2]).await => [2, 2];
    a_shadowed_argument: shadowed("ab").await => 2, shadowed("abc").await => 3;
    an_argument_captured_by_a_format: formatted(1, 2.5).await => "1 2.5", formatted(1, 3.5).await => "1 3.5";
    an_attribute_on_an_argument: with_attributes(1, 2).await => 1, with_attributes(2, 2).await => 2;
    an_argument_that_is_configured_out: configured(1).await => 1, configured(2).await => 2;
    numbers_of_all_kinds: numbers(1, -1, u128::MAX, 1.5).await => 0, numbers(1, -1, u128::MAX, 1.25).await => 0;
    text_and_bytes: texts('a', "b".into(), b"c").await => 3, texts('a', "b".into(), b"cd").await => 4;
    vectors_and_options: lists(vec![Some(1), None], None).await => 2, lists(vec![Some(1)], Some(vec![])).await => 1;
    a_hash_map: map(HashMap::from([(1, "a")])).await => 1, map(HashMap::from([(1, "b")])).await => 1;
    a_tree_map: tree(BTreeMap::from([(1, (2, 3))])).await => 5, tree(BTreeMap::from([(1, (2, 4))])).await => 6;
    nested_enums: drawn(&Shape::Many(vec![Shape::Dot])).await => 2, drawn(&Shape::Many(vec![Shape::Line { to: 1 }])).await => 2;
    a_duration_and_a_unit: waited(Duration::from_secs(1), ()).await => 1, waited(Duration::from_secs(2), ()).await => 2;
    a_pool_without_any_trait: queried(&Pool(Cell::new(5)), 1).await => 6, queried(&Pool(Cell::new(5)), 2).await => 7;
    a_pool_by_value: queried_once(Pool(Cell::new(5)), 1).await => 6, queried_once(Pool(Cell::new(5)), 2).await => 7;
    a_part_of_an_argument: named_user(Account { id: 1, pool: Pool(Cell::new(5)) }).await => 6, named_user(Account { id: 2, pool: Pool(Cell::new(5)) }).await => 7;
    patterns_under_async_trait: Plan.scaled((1, 2), 3).await => 9, Plan.scaled((1, 3), 3).await => 12;
}

#[cached]
async fn nothing() -> u8 {
    load(1)
}

#[cached]
async fn double(n: u8) -> u8 {
    load(n * 2)
}

#[cached]
async fn into_number(n: impl Into<u64> + Serialize) -> u64 {
    load(n.into())
}

#[cached(skip(compute))]
async fn computed(compute: impl Fn(u8) -> u8, n: u8) -> u8 {
    load(compute(n))
}

#[cached(skip(trim))]
async fn trimmed(trim: impl Fn(&str) -> &str, text: &str) -> String {
    load(trim(text).to_owned())
}

#[cached(skip(function))]
async fn pointed(function: fn(u8) -> u32, n: u8) -> u32 {
    load(function(n))
}

#[cached]
async fn tuple((a, b): (u8, u8)) -> u8 {
    load(a * 10 + b)
}

#[derive(Serialize)]
struct Point {
    x: u8,
    y: u8,
}

#[cached]
async fn point(Point { x, y: height }: Point) -> u8 {
    load(x * 10 + height)
}

struct Id(u64);

#[cached]
async fn identified(Id(id): Id) -> u64 {
    load(id)
}

#[derive(Serialize)]
struct Marker;

#[cached]
async fn marked(Marker: Marker, n: u8) -> u8 {
    load(n)
}

struct Typed {
    r#type: u8,
}

#[cached]
async fn typed(Typed { r#type }: Typed) -> u8 {
    load(r#type)
}

#[cached]
async fn line(((a, Point { x, .. }), [b, _]): ((u8, Point), [u8; 2])) -> u8 {
    load(a * 100 + x * 10 + b)
}

#[cached]
async fn dereferenced(&n: &u8) -> u8 {
    load(n + 1)
}

#[cached]
#[allow(clippy::toplevel_ref_arg, reason = "it is the shape under test")]
async fn by_ref(ref n: u8, ref mut list: Vec<u8>) -> u8 {
    list.push(1);
    load(n + list.iter().sum::<u8>())
}

#[cached]
async fn whole(both @ (_, second): (u8, u8)) -> (u8, u8) {
    load((both.0, second))
}

#[cached]
async fn ends([first, .., last]: [u8; 3]) -> [u8; 2] {
    load([first, last])
}

#[cached]
async fn either((Ok(n) | Err(n)): Result<u8, u8>) -> u8 {
    load(n)
}

#[cached]
async fn incremented(mut n: u8) -> u8 {
    n += 1;
    load(n)
}

#[cached]
async fn mut_tuple((a, mut b): (u8, u8)) -> u8 {
    b += 1;
    load(a * 10 + b)
}

#[cached]
async fn unnamed(_: &str, n: u8) -> u8 {
    load(n)
}

#[cached]
async fn raw(r#type: u8, r#match: u8) -> u8 {
    load(r#type * 10 + r#match)
}

#[cached(key = "{type}:{r#match}")]
async fn raw_template(r#type: u8, r#match: u8) -> u8 {
    load(r#type * 10 + r#match)
}

#[allow(clippy::too_many_arguments, reason = "each is a name of its own")]
#[cached]
async fn names(
    site: u8,
    kind: u8,
    share: u8,
    begin: u8,
    call: u8,
    hooks: u8,
    body: u8,
    plan: u8,
) -> u8 {
    load(site + kind + share + begin + call + hooks + body + plan)
}

#[allow(clippy::too_many_arguments, reason = "each is a name of its own")]
#[cached(tags = ["{tags}", "{w}"], bypass_if = key == 0)]
async fn more_names(
    output: u8,
    tags: u8,
    w: u8,
    key: u8,
    own: u8,
    value: u8,
    boxed: u8,
    condition: u8,
) -> u8 {
    load(output + tags + w + key + own + value + boxed + condition)
}

#[cached]
async fn r#match(n: u8) -> u8 {
    load(n)
}

#[allow(clippy::too_many_arguments, reason = "it is the shape under test")]
#[cached]
#[rustfmt::skip]
async fn many(
    a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64,
    j: u64, k: u64, l: u64, m: u64, n: u64, o: u64, p: u64, q: u64, r: u64,
) -> u64 {
    load(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r)
}

#[allow(non_snake_case, reason = "the names of items")]
#[cached]
async fn upper_names(SITE: u8, P: u8) -> u8 {
    static __CACHE_RUNTIME_SITE: u8 = 0;
    load(SITE + P + __CACHE_RUNTIME_SITE)
}

#[cached]
async fn namesakes(core: u8, cache_runtime: u8, u64: u8) -> u8 {
    load(core + cache_runtime + u64)
}

#[cached]
async fn moved(text: String) -> Vec<String> {
    load(vec![text])
}

#[cached]
async fn dropped(list: Vec<u8>) -> usize {
    let length = list.len();
    drop(list);
    tokio::task::yield_now().await;
    load(length)
}

#[cached]
async fn mutated(mut list: Vec<u8>) -> Vec<u8> {
    list.extend_from_within(..);
    load(list)
}

#[cached]
async fn shadowed(text: &str) -> usize {
    let text = text.len();
    load(text)
}

#[cached]
async fn formatted(n: u8, x: f64) -> String {
    load(format!("{n} {x:?}"))
}

#[cached]
async fn with_attributes(#[allow(unused_mut)] mut n: u8, #[allow(unused)] unused: u8) -> u8 {
    load(n)
}

#[cached]
async fn configured(#[cfg(any())] missing: Missing, #[cfg(test)] n: u8) -> u8 {
    load(n)
}

#[cached]
async fn numbers(_: u8, a: i64, b: u128, c: f64) -> u8 {
    load(u8::from(a > 0 || b == 0 || c < 0.0))
}

#[cached]
async fn texts(letter: char, text: Box<str>, bytes: &[u8]) -> usize {
    load(letter.len_utf8() + text.len() + bytes.len())
}

#[cached]
async fn lists(list: Vec<Option<u8>>, more: Option<Vec<u8>>) -> usize {
    load(list.len() + more.map_or(0, |more| more.len()))
}

#[cached]
async fn map(map: HashMap<u8, &str>) -> usize {
    load(map.len())
}

#[cached]
async fn tree(tree: BTreeMap<u8, (u8, u8)>) -> u8 {
    load(tree.values().map(|(a, b)| a + b).sum())
}

#[derive(Serialize)]
enum Shape {
    Dot,
    Line { to: u8 },
    Many(Vec<Shape>),
}

impl Shape {
    fn count(&self) -> usize {
        match self {
            Shape::Dot | Shape::Line { .. } => 1,
            Shape::Many(shapes) => 1 + shapes.iter().map(Shape::count).sum::<usize>(),
        }
    }
}

#[cached]
async fn drawn(shape: &Shape) -> usize {
    load(shape.count())
}

#[cached]
async fn waited(time: Duration, _nothing: ()) -> u64 {
    load(time.as_secs())
}

/// Not even `Sync`.
struct Pool(Cell<u64>);

#[cached(skip(pool))]
async fn queried(pool: &Pool, id: u64) -> u64 {
    load(pool.0.get() + id)
}

#[cached(skip(pool))]
async fn queried_once(pool: Pool, id: u64) -> u64 {
    load(pool.0.take() + id)
}

struct Account {
    id: u64,
    pool: Pool,
}

#[cached(key = "{account.id}")]
async fn named_user(account: Account) -> u64 {
    load(account.pool.0.into_inner() + account.id)
}

struct Plan;

#[async_trait]
trait Scaled {
    async fn scaled(&self, pair: (u64, u64), factor: u64) -> u64;
}

#[async_trait]
impl Scaled for Plan {
    #[cached(skip(self))]
    async fn scaled(&self, (a, b): (u64, u64), mut factor: u64) -> u64 {
        factor *= a + b;
        load(factor)
    }
}
