//! The calls that each of the four shops gets, with their results and the number of loads.

use std::fmt::Display;
use std::future::Future;

use futures_util::future::{join, join_all};

use crate::{Currency, Database, Product, Shop, ShopError};

/// The number of callers that call at once.
const CALLERS: usize = 8;

/// One or several calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The calls.
    pub calls: &'static str,
    /// The results, without repetitions.
    pub result: String,
    /// The number of queries that the database got.
    pub loads: u64,
    /// The reason, if not all shops load as often.
    pub reason: Option<&'static str>,
}

/// The steps so far.
struct Recorder<'a> {
    db: &'a Database,
    queries: u64,
    steps: Vec<Step>,
}

impl Recorder<'_> {
    fn new(db: &Database) -> Recorder<'_> {
        Recorder { db, queries: db.queries(), steps: Vec::new() }
    }

    /// Adds the calls since the last step.
    fn add(&mut self, calls: &'static str, results: impl IntoIterator<Item = String>) {
        let mut results: Vec<_> = results.into_iter().collect();
        results.dedup();
        let before = std::mem::replace(&mut self.queries, self.db.queries());
        let (result, loads) = (results.join(", "), self.queries - before);
        self.steps.push(Step { calls, result, loads, reason: None });
    }

    /// Adds a step in which not all shops load as often.
    fn add_because(
        &mut self,
        calls: &'static str,
        results: impl IntoIterator<Item = String>,
        reason: &'static str,
    ) {
        self.add(calls, results);
        if let Some(step) = self.steps.last_mut() {
            step.reason = Some(reason);
        }
    }
}

/// Returns the database at the beginning of the script.
pub fn database() -> Database {
    Database::new([
        product(1, "Trowel", "garden", 1_250),
        product(2, "Rake", "garden", 2_400),
        product(3, "Kettle", "kitchen", 3_500),
    ])
}

/// Calls the shop, which is over this database.
pub async fn run(shop: &impl Shop, db: &Database) -> Vec<Step> {
    let mut steps = Recorder::new(db);
    reads(shop, &mut steps).await;
    a_change(shop, &mut steps).await;
    an_addition(shop, &mut steps).await;
    many_callers(shop, &mut steps).await;
    steps.steps
}

async fn reads(shop: &impl Shop, steps: &mut Recorder<'_>) {
    let calls = [shop.product(1).await, shop.product(1).await, shop.product(1).await];
    steps.add("product(1), three times", calls.map(name));

    let calls = [shop.product(9).await, shop.product(9).await];
    steps.add("product(9), twice", calls.map(name));

    let calls = [shop.shelf("garden").await, shop.shelf("garden").await];
    steps.add("shelf(garden), twice", calls.map(names));

    let mut calls = Vec::new();
    for (id, currency) in [(1, Currency::Eur), (1, Currency::Usd), (2, Currency::Eur)] {
        calls.extend([shop.price(id, currency).await, shop.price(id, currency).await]);
    }
    let prices = calls.into_iter().map(amount);
    steps.add("price(1, EUR), price(1, USD), price(2, EUR), each twice", prices);

    let calls = [shop.with_barcode("104").await, shop.with_barcode("104").await];
    steps.add("with_barcode(104), twice", calls.map(number));
}

async fn a_change(shop: &impl Shop, steps: &mut Recorder<'_>) {
    let changed = product(1, "Hand trowel", "garden", 1_300);
    let call = shop.change(&changed).await;
    steps.add("change(product 1)", [call.map_or_else(text, |()| "done".to_owned())]);

    steps.add("product(1)", [name(shop.product(1).await)]);
    steps.add("shelf(garden)", [names(shop.shelf("garden").await)]);
    let calls = [shop.price(1, Currency::Eur).await, shop.price(1, Currency::Usd).await];
    steps.add("price(1, EUR), price(1, USD)", calls.map(amount));
    steps.add(
        "product(2), price(2, EUR)",
        [name(shop.product(2).await), amount(shop.price(2, Currency::Eur).await)],
    );
}

async fn an_addition(shop: &impl Shop, steps: &mut Recorder<'_>) {
    let added = product(4, "Hose", "garden", 1_900);
    steps.add("add(product 4)", [name(shop.add(added).await)]);

    steps.add("product(4)", [name(shop.product(4).await)]);
    steps.add("shelf(garden)", [names(shop.shelf("garden").await)]);
    let calls = [shop.with_barcode("104").await, shop.with_barcode("104").await];
    steps.add("with_barcode(104), twice", calls.map(number));
}

async fn many_callers(shop: &impl Shop, steps: &mut Recorder<'_>) {
    let calls = at_once(steps.db, || shop.product(3)).await;
    steps.add_because(
        "product(3), 8 callers at once",
        calls.into_iter().map(name),
        "with Redis by hand, each caller that finds nothing loads; the others share one load, \
         `cached` by `sync_writes = \"by_key\"`",
    );
    let calls = at_once(steps.db, || shop.shelf("kitchen")).await;
    steps.add_because(
        "shelf(kitchen), 8 callers at once",
        calls.into_iter().map(names),
        "as before; in addition, `cached` does not share the loads of a function without \
         `sync_writes`, which is the default",
    );
}

/// Calls at once: no load ends before every caller has begun.
///
/// A caller begins with its look-up: in memory, or by a request on the connection that all callers share. So
/// no look-up finds a value that the load of another caller has stored.
async fn at_once<F: Future>(db: &Database, call: impl Fn() -> F) -> Vec<F::Output> {
    let pause = db.pause().await;
    let callers = join_all((0..CALLERS).map(|_| call()));
    // `join` first polls the callers, then ends the pause.
    join(callers, async { drop(pause) }).await.0
}

/// Changes a product while a read is under way, and returns the product that a read after both finds.
pub async fn overlap(shop: &impl Shop, db: &Database) -> String {
    if let Err(error) = shop.change(&product(3, "Kettle", "kitchen", 3_500)).await {
        return text(error);
    }
    let pause = db.pause().await;
    let queries = db.queries();
    let change = async {
        // The database has answered the read, which has not received it yet.
        while db.queries() == queries {
            tokio::task::yield_now().await;
        }
        let changed = shop.change(&product(3, "Teapot", "kitchen", 3_500)).await;
        drop(pause);
        changed
    };
    match join(shop.product(3), change).await {
        (_, Ok(())) => name(shop.product(3).await),
        (_, Err(error)) => text(error),
    }
}

fn product(id: u64, name: &str, shelf: &str, cents: u64) -> Product {
    let barcode = format!("{}", 100 + id);
    Product { id, name: name.to_owned(), shelf: shelf.to_owned(), barcode, cents }
}

fn name(product: Result<Product, ShopError>) -> String {
    product.map_or_else(text, |product| product.name)
}

fn names(products: Vec<Product>) -> String {
    let names: Vec<_> = products.into_iter().map(|product| product.name).collect();
    names.join(", ")
}

fn amount(price: Result<u64, ShopError>) -> String {
    price.map_or_else(text, |price| format!("{}.{:02}", price / 100, price % 100))
}

fn number(id: Option<u64>) -> String {
    id.map_or_else(|| "none".to_owned(), text)
}

fn text(shown: impl Display) -> String {
    shown.to_string()
}
