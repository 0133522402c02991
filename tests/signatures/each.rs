//! Functions of many keys: their lists of ids, their other arguments, their results, and whatever `self` is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;
use cache_runtime::{CacheValue, cached};
use serde::Serialize;

use crate::check::{load, shapes};

shapes! {
    a_slice_of_ids: of_slice(&[1, 2]).await => [2, 4], of_slice(&[3]).await => [6];
    a_vec_of_ids: of_vec(vec![1, 2]).await => [2, 4], of_vec(vec![3]).await => [6];
    a_mut_vec_of_ids: of_mut_vec(vec![2, 1]).await => map([(1, 10), (2, 20)]), of_mut_vec(vec![3]).await => map([(3, 30)]);
    a_borrowed_vec_of_ids: of_borrowed_vec(&vec![1, 2]).await => [2, 4], of_borrowed_vec(&vec![3]).await => [6];
    a_hash_set_of_ids: of_hash_set(HashSet::from([1, 2])).await => map([(1, 2), (2, 4)]), of_hash_set(HashSet::from([3])).await => map([(3, 6)]);
    a_borrowed_hash_set: of_borrowed_hash_set(&HashSet::from([1])).await => map([(1, 2)]), of_borrowed_hash_set(&HashSet::from([3])).await => map([(3, 6)]);
    a_b_tree_set_of_ids: of_b_tree_set(BTreeSet::from([1, 2])).await => BTreeMap::from([(1, 2), (2, 4)]), of_b_tree_set(BTreeSet::from([3])).await => BTreeMap::from([(3, 6)]);
    a_static_slice_of_ids: of_static(&[1, 2]).await => [2, 4], of_static(&[3]).await => [6];
    ids_that_borrow: of_strs(&["a", "bc"]).await => [1, 2], of_strs(&["d"]).await => [1];
    ids_with_a_lifetime: of_named(&[Cow::Borrowed("a")]).await => [1], of_named(&[Cow::Borrowed("bc")]).await => [2];
    ids_of_any_type: of_any(&[1_u8, 2]).await => map([(1, "1".to_owned()), (2, "2".to_owned())]), of_any(&['c']).await => map([('c', "c".to_owned())]);
    values_of_any_type: any_values(&[1], 5_u8).await => [5], any_values(&[2], 6_u8).await => [6];
    a_number_of_ids: of_array::<2>(&[[1, 2]]).await => [3], of_array::<3>(&[[1, 2, 3]]).await => [6];
    a_map_in_a_result: in_result(&[1]).await => Ok(map([(1, 2)])), in_result(&[2]).await => Ok(map([(2, 4)]));
    options_in_a_result: options_in_result(vec![1, 2]).await => Ok(vec![None, Some(2)]), options_in_result(vec![4]).await => Ok(vec![Some(4)]);
    an_alias_of_a_result: aliased(&[1]).await => Ok(vec![2]), aliased(&[2]).await => Ok(vec![4]);
    a_raw_name: raw(&[1]).await => [2], raw(&[2]).await => [4];
    no_name_in_the_body: unnamed(&[1], 1, 2).await => [1], unnamed(&[2], 1, 2).await => [2];
    owned_and_borrowed_arguments: other_arguments(&[1], "a".into(), "b", &3).await => ["ab31"], other_arguments(&[1], "a".into(), "c", &3).await => ["ac31"];
    a_mut_argument: mut_argument(&[1], 5).await => [7], mut_argument(&[1], 6).await => [8];
    a_destructured_argument: destructured(&[1], (2, vec![3])).await => [6], destructured(&[2], (2, vec![3])).await => [7];
    a_uniquely_borrowed_argument: uniquely_borrowed(&[1], &mut vec![]).await => [1], uniquely_borrowed(&[2], &mut vec![]).await => [1];
    an_opaque_argument: opaque(&[1], "a").await => ["a1"], opaque(&[2], "b").await => ["b2"];
    a_trait_object: of_object(&[1], &"a").await => ["a1"], of_object(&[2], &"a").await => ["a2"];
    a_key_of_an_expression: by_expression(&["A".to_owned()]).await => ["a"], by_expression(&["B".to_owned()]).await => ["b"];
    a_key_of_a_field: by_field(&[Id { n: 1 }]).await => [1], by_field(&[Id { n: 2 }]).await => [2];
    parts_of_the_ids: in_parts(vec![1]).await => [1], in_parts(vec![2]).await => [2];
    the_entries_of_a_function: of_one(&[1]).await => [Ok(2)], of_one(&[2]).await => [Ok(4)];
    a_refresh_in_the_background: refreshed(vec![1], "a").await => ["a1"], refreshed(vec![2], "a").await => ["a2"];
    a_refresh_with_borrowed_ids: refreshed_borrowed(&[1], "a".into()).await => ["a1"], refreshed_borrowed(&[2], "a".into()).await => ["a2"];
    a_refresh_of_the_entries_of_a_function: refreshed_of_one(HashSet::from([1])).await => map([(1, 2)]), refreshed_of_one(HashSet::from([2])).await => map([(2, 4)]);
    self_by_reference: Shop(1).prices(&[1]).await => [101], Shop(2).prices(&[1]).await => [201];
    self_by_unique_reference: Shop(1).sold(&[1]).await => [2], Shop(3).sold(&[2]).await => [5];
    self_by_value: Shop(1).closed(&[1]).await => [2], Shop(1).closed(&[2]).await => [3];
    self_by_value_and_mut: Shop(1).reopened(&[1]).await => [3], Shop(1).reopened(&[2]).await => [4];
    self_in_an_arc: Arc::new(Shop(1)).visited(&[1]).await => [101], Arc::new(Shop(2)).visited(&[1]).await => [201];
    self_in_an_arc_refreshed: Arc::new(Shop(1)).revisited(&[1]).await => [101], Arc::new(Shop(1)).revisited(&[2]).await => [102];
    self_in_an_arc_by_reference: Arc::new(Shop(1)).toured(&[1]).await => [101], Arc::new(Shop(2)).toured(&[1]).await => [201];
    the_entries_of_a_method: Shop(1).of_price(&[1]).await => [101], Shop(2).of_price(&[1]).await => [201];
    a_generic_type: Holder(1_u8).held(&[1]).await => ["11"], Holder('a').held(&[1]).await => ["a1"];
    async_trait_of_many: Shop(1).boxed(&[1], "a").await => ["a1"], Shop(1).boxed(&[2], "a").await => ["a2"];
    async_trait_with_a_unique_reference: Shop(1).boxed_mut(vec![1]).await => [2], Shop(1).boxed_mut(vec![2]).await => [2];
    async_trait_refreshed: Shop(1).boxed_again(vec![1]).await => [1], Shop(1).boxed_again(vec![2]).await => [2];
}

fn map<K: Hash + Eq, V, const N: usize>(entries: [(K, V); N]) -> HashMap<K, V> {
    HashMap::from(entries)
}

#[cached(each(id in ids))]
async fn of_slice(ids: &[u64]) -> Vec<u64> {
    load(ids.iter().map(|id| id * 2).collect())
}

#[cached(each(id in ids))]
async fn of_vec(ids: Vec<u64>) -> Vec<u64> {
    load(ids.into_iter().map(|id| id * 2).collect())
}

#[cached(each(id in ids))]
async fn of_mut_vec(mut ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.sort_unstable();
    load(ids.into_iter().map(|id| (id, id * 10)).collect())
}

#[cached(each(id in ids))]
async fn of_borrowed_vec(ids: &Vec<u64>) -> Vec<u64> {
    load(ids.iter().map(|id| id * 2).collect())
}

#[cached(each(id in ids))]
async fn of_hash_set(ids: HashSet<u64>) -> HashMap<u64, u64> {
    load(ids.into_iter().map(|id| (id, id * 2)).collect())
}

#[cached(each(id in ids))]
async fn of_borrowed_hash_set(ids: &HashSet<u64>) -> HashMap<u64, u64> {
    load(ids.iter().map(|id| (*id, id * 2)).collect())
}

#[cached(each(id in ids))]
async fn of_b_tree_set(ids: BTreeSet<u64>) -> BTreeMap<u64, u64> {
    load(ids.into_iter().map(|id| (id, id * 2)).collect())
}

#[cached(each(id in ids))]
async fn of_static(ids: &'static [u64]) -> Vec<u64> {
    load(ids.iter().map(|id| id * 2).collect())
}

#[cached(each(id in ids))]
async fn of_strs(ids: &[&str]) -> Vec<usize> {
    load(ids.iter().map(|id| id.len()).collect())
}

#[cached(each(id in ids))]
async fn of_named<'a>(ids: &[Cow<'a, str>]) -> Vec<usize> {
    load(ids.iter().map(|id| id.len()).collect())
}

#[cached(each(id in ids))]
async fn of_any<K>(ids: &[K]) -> HashMap<K, String>
where
    K: Clone + Eq + Hash + Display + Serialize,
{
    load(ids.iter().map(|id| (id.clone(), id.to_string())).collect())
}

#[cached(each(id in ids))]
async fn any_values<V: CacheValue>(ids: &[u64], value: V) -> Vec<V> {
    load(ids.iter().map(|_| value.clone()).collect())
}

#[cached(key = &id[..], each(id in ids))]
async fn of_array<const N: usize>(ids: &[[u64; N]]) -> Vec<u64> {
    load(ids.iter().map(|id| id.iter().sum()).collect())
}

#[cached(each(id in ids))]
async fn in_result(ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    if ids.is_empty() {
        return Err("nothing".to_owned());
    }
    Ok(load(ids.iter().map(|id| (*id, id * 2)).collect()))
}

#[cached(each(id in ids))]
async fn options_in_result(ids: Vec<u64>) -> Result<Vec<Option<u64>>, String> {
    let even = |id: u64| -> Result<Option<u64>, String> { Ok(Some(id).filter(|id| id % 2 == 0)) };
    load(ids.into_iter().map(even).collect())
}

type Answer<T> = Result<T, String>;

#[cached(each(id in ids))]
async fn aliased(ids: &[u64]) -> Answer<Vec<u64>> {
    Ok(load(ids.iter().map(|id| id * 2).collect()))
}

#[cached(key = "{type}", each(r#type in r#move))]
async fn raw(r#move: &[u64]) -> Vec<u64> {
    load(r#move.iter().map(|id| id * 2).collect())
}

#[cached(key = "{id}:{_user}", each(id in ids))]
async fn unnamed(ids: &[u64], _user: u64, _: u64) -> Vec<u64> {
    load(ids.to_vec())
}

#[cached(each(id in ids))]
async fn other_arguments(ids: &[u64], a: String, b: &str, c: &u64) -> Vec<String> {
    load(ids.iter().map(|id| format!("{a}{b}{c}{id}")).collect())
}

#[cached(each(id in ids))]
async fn mut_argument(ids: &[u64], mut more: u64) -> Vec<u64> {
    more += 1;
    load(ids.iter().map(|id| id + more).collect())
}

#[cached(each(id in ids))]
async fn destructured(ids: &[u64], (first, mut rest): (u64, Vec<u64>)) -> Vec<u64> {
    rest.push(first);
    load(ids.iter().map(|id| id + rest.iter().sum::<u64>()).collect())
}

#[cached(skip(log), each(id in ids))]
async fn uniquely_borrowed(ids: &[u64], log: &mut Vec<u64>) -> Vec<usize> {
    log.extend(ids);
    load(vec![log.len()])
}

#[cached(each(id in ids))]
async fn opaque(ids: &[u64], text: impl Display + Serialize + Clone) -> Vec<String> {
    load(ids.iter().map(|id| format!("{text}{id}")).collect())
}

#[cached(key = "{text}:{id}", each(id in ids))]
async fn of_object(ids: &[u64], text: &(dyn Display + Sync)) -> Vec<String> {
    load(ids.iter().map(|id| format!("{text}{id}")).collect())
}

#[cached(key = id.to_lowercase(), tags = ["of:{id}"], bypass_if = id.is_empty(), each(id in ids))]
async fn by_expression(ids: &[String]) -> Vec<String> {
    load(ids.iter().map(|id| id.to_lowercase()).collect())
}

#[derive(Clone)]
struct Id {
    n: u64,
}

#[cached(key = "{id.n}", each(id in ids))]
async fn by_field(ids: &[Id]) -> Vec<u64> {
    load(ids.iter().map(|id| id.n).collect())
}

#[cached(each(id in ids), max_batch = 1)]
async fn in_parts(ids: Vec<u64>) -> Vec<u64> {
    assert_eq!(ids.len(), 1);
    load(ids)
}

#[cached]
async fn one(id: u64) -> u64 {
    load(id * 2)
}

#[cached(entry = one(id), each(id in ids))]
async fn of_one_loaded(ids: &[u64]) -> Vec<u64> {
    load(ids.iter().map(|id| id * 2).collect())
}

async fn of_one(ids: &[u64]) -> Vec<Result<u64, String>> {
    of_one_loaded(ids).await.into_iter().map(Ok).collect()
}

#[cached(stale_while_revalidate = "1m", each(id in ids))]
async fn refreshed(ids: Vec<u64>, text: &str) -> Vec<String> {
    load(ids.iter().map(|id| format!("{text}{id}")).collect())
}

#[cached(early_refresh = 1.0, each(id in ids))]
async fn refreshed_borrowed(ids: &[u64], text: String) -> Vec<String> {
    load(ids.iter().map(|id| format!("{text}{id}")).collect())
}

#[cached(entry = one(id), background = true, each(id in ids))]
async fn refreshed_of_one(ids: HashSet<u64>) -> HashMap<u64, u64> {
    load(ids.into_iter().map(|id| (id, id * 2)).collect())
}

#[derive(Clone, Debug)]
struct Shop(u64);

impl Shop {
    fn all(&self, articles: &[u64]) -> Vec<u64> {
        load(articles.iter().map(|article| self.0 * 100 + article).collect())
    }

    #[cached(key = "{self.0}:{article}", each(article in articles))]
    async fn prices(&self, articles: &[u64]) -> Vec<u64> {
        self.all(articles)
    }

    #[cached(key = (self.0, article), each(article in articles))]
    async fn sold(&mut self, articles: &[u64]) -> Vec<u64> {
        let this = self;
        this.0 += articles[0];
        load(vec![this.0])
    }

    #[cached(skip(self), each(article in articles))]
    async fn closed(self, articles: &[u64]) -> Vec<u64> {
        let Shop(number) = self;
        load(vec![number + articles[0]])
    }

    #[cached(skip(self), each(article in articles))]
    async fn reopened(mut self, articles: &[u64]) -> Vec<u64> {
        self.0 += 1;
        load(vec![self.0 + articles[0]])
    }

    #[cached(key = (self.0, article), each(article in articles))]
    async fn visited(self: Arc<Self>, articles: &[u64]) -> Vec<u64> {
        self.all(articles)
    }

    #[cached(skip(self), stale_while_revalidate = "1m", each(article in articles))]
    async fn revisited(self: Arc<Self>, articles: &[u64]) -> Vec<u64> {
        self.all(articles)
    }

    #[cached(key = (self.0, article), each(article in articles))]
    async fn toured(self: &Arc<Self>, articles: &[u64]) -> Vec<u64> {
        self.all(articles)
    }

    #[cached(key = (self.0, article))]
    async fn price(&self, article: u64) -> u64 {
        load(self.0 * 100 + article)
    }

    #[cached(entry = self.price(article), each(article in articles))]
    async fn of_price(&self, articles: &[u64]) -> Vec<u64> {
        self.all(articles)
    }
}

struct Holder<T>(T);

impl<T: Display + Sync> Holder<T> {
    #[cached(key = "{self.0}:{id}", each(id in ids))]
    async fn held(&self, ids: &[u64]) -> Vec<String> {
        load(ids.iter().map(|id| format!("{}{id}", self.0)).collect())
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, articles: &[u64], text: &str) -> Vec<String>;
    async fn boxed_mut(&mut self, articles: Vec<u64>) -> Vec<u64>;
    async fn boxed_again(&self, articles: Vec<u64>) -> Vec<u64>;
}

#[async_trait]
impl Boxed for Shop {
    #[cached(skip(self), each(article in articles))]
    async fn boxed(&self, articles: &[u64], text: &str) -> Vec<String> {
        load(articles.iter().map(|article| format!("{text}{article}")).collect())
    }

    #[cached(skip(self), each(article in articles))]
    async fn boxed_mut(&mut self, articles: Vec<u64>) -> Vec<u64> {
        self.0 += articles.len() as u64;
        load(vec![self.0])
    }

    #[cached(skip(self), stale_while_revalidate = "1m", each(article in articles))]
    async fn boxed_again(&self, articles: Vec<u64>) -> Vec<u64> {
        load(articles)
    }
}
