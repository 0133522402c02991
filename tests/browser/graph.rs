//! The picture of the dependencies, with fifty functions.

use cache_runtime::{CacheManager, with};

use super::{ASKED, ENTER, FITS, KEY, serve};
use crate::browser::Browser;

/// Five functions: one that is cached, two that are computed from it, and two that invalidate.
macro_rules! shelf {
    ($name:ident, $prefix:literal, $entry:literal, $tag:literal) => {
        #[allow(dead_code, reason = "a mutation is known without a call")]
        mod $name {
            use cache_runtime::{cache_invalidate, cached};

            #[cached(ttl = "1m", key_prefix = $prefix, key = "{id}", tags = [$tag])]
            async fn load(id: u64) -> u64 {
                id
            }

            #[cached(ttl = "1m", key_prefix = $prefix)]
            async fn list_of_all_that_belong_to_an_owner(id: u64) -> u64 {
                load(id).await
            }

            #[cached(ttl = "1m", key_prefix = $prefix)]
            pub(super) async fn page(id: u64) -> u64 {
                list_of_all_that_belong_to_an_owner(id).await + load(id).await
            }

            #[cache_invalidate(prefix = $entry)]
            async fn change(id: u64) {
                _ = id;
            }

            #[cache_invalidate(tags = [$tag])]
            async fn remove(id: u64) {
                _ = id;
            }
        }
    };
}

shelf!(articles, "article", "article:{id}", "of-article:{id}");
shelf!(baskets, "basket", "basket:{id}", "of-basket:{id}");
shelf!(customers, "customer", "customer:{id}", "of-customer:{id}");
shelf!(deliveries, "delivery", "delivery:{id}", "of-delivery:{id}");
shelf!(employees, "employee", "employee:{id}", "of-employee:{id}");
shelf!(invoices, "invoice", "invoice:{id}", "of-invoice:{id}");
shelf!(offers, "offer", "offer:{id}", "of-offer:{id}");
shelf!(prices, "price", "price:{id}", "of-price:{id}");
shelf!(reviews, "review", "review:{id}", "of-review:{id}");
shelf!(stocks, "stock", "stock:{id}", "of-stock:{id}");

/// Calls each function, so that its calls are known.
async fn call_all() {
    articles::page(1).await;
    baskets::page(1).await;
    customers::page(1).await;
    deliveries::page(1).await;
    employees::page(1).await;
    invoices::page(1).await;
    offers::page(1).await;
    prices::page(1).await;
    reviews::page(1).await;
    stocks::page(1).await;
}

/// No two functions overlap, no title of a row is behind one, and each label is within its box and the picture.
const APART: &str = "
    const svg = document.getElementById('graph');
    const of = (element) => element.getBoundingClientRect();
    const within = (a, b) => a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
    const nodes = [...svg.querySelectorAll('.node')];
    const boxes = nodes.map((node) => of(node.querySelector('rect')));
    const fits = nodes.every((node, at) => within(of(node.querySelector('text')), boxes[at]) && within(boxes[at], of(svg)));
    const all = [...boxes, ...[...svg.querySelectorAll('.band-name')].map(of)];
    const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
    return nodes.length >= 50 && fits && all.every((a, at) => all.every((b, other) => at === other || apart(a, b)));";

/// Lines lead from the left to the right, and none of them behind a function that is not at its ends.
const LINES: &str = "
    const edges = [...document.querySelectorAll('#graph .edge')];
    const boxes = [...document.querySelectorAll('#graph .node')].map((group) => [group.node, group.querySelector('rect').getBBox()]);
    const holds = (box, { x, y }) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
    return edges.length >= 50 && edges.every((edge) => {
        const length = edge.getTotalLength();
        const points = Array.from({ length: 100 }, (_, at) => edge.getPointAtLength(length * at / 99));
        const others = boxes.filter(([node]) => !edge.ends.includes(node));
        return points[0].x < points[99].x && points.every((point) => others.every(([, box]) => !holds(box, point)));
    });";

/// Returns a script that tells whether these functions, and no others, are highlighted.
fn highlights(functions: &[&str]) -> String {
    format!(
        "const near = [...document.querySelectorAll('#graph.lit .node.near')].map((node) => node.dataset.function);
         return JSON.stringify(near.sort()) === JSON.stringify({:?}.sort());",
        functions.iter().map(|of| format!("{}::articles::{of}", module_path!())).collect::<Vec<_>>()
    )
}

/// Returns the selector of a function.
fn node(function: &str) -> String {
    format!("#graph [data-function='{}::{function}']", module_path!())
}

#[tokio::test]
async fn the_page_draws_the_dependencies_of_fifty_functions() {
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, call_all()).await;
    let url = serve(&manager).await;
    let page = Browser::start().await;
    page.goto(&url).await;
    page.wait_for("the dialog", ASKED).await;
    page.fill("#key", KEY).await;
    page.keys("#key", ENTER).await;

    page.wait_for_text("#graph-state", "dependencies").await;
    page.wait_for("functions that do not overlap", APART).await;
    page.wait_for("lines beside the functions", LINES).await;

    // A click highlights a function and its neighbours, until the next one.
    let (load, list) = (node("articles::load"), "list_of_all_that_belong_to_an_owner");
    page.click(&load).await;
    page.wait_for("the neighbours", &highlights(&["change", list, "load", "page", "remove"])).await;
    let chosen =
        "return document.querySelectorAll('#graph [aria-pressed=true].chosen').length === 1";
    page.wait_for("the chosen one", chosen).await;
    page.scroll_to("#graph-title").await;
    page.screenshot("graph-light").await;
    page.click(&load).await;
    page.wait_for("no highlight", "return !document.querySelector('#graph.lit')").await;
    // So does a key.
    page.keys(&node("articles::remove"), ENTER).await;
    page.wait_for("the neighbours by keyboard", &highlights(&["load", "remove"])).await;
    page.keys(&node("articles::remove"), ENTER).await;

    // The filter leaves what matches, with its neighbours, in the picture and in the table.
    page.fill("#graph-filter", "of-article").await;
    page.wait_for_text("#graph-state", "of 5").await;
    let five =
        |selector: &str| format!("return document.querySelectorAll('{selector}').length === 5");
    page.wait_for("five functions", &five("#graph .node")).await;
    page.wait_for("the five lines between them", &five("#graph .edge")).await;
    page.wait_for("five rows", &five("#graph-rows tr")).await;
    page.click("details summary").await;
    page.wait_for_text("#graph-rows", "invalidates articles::load (tag of-article:{id})").await;
    page.wait_for_text("#graph-rows", "calls articles::load (1 seen)").await;

    for (width, name) in [(1280, "wide"), (500, "phone")] {
        page.resize(width, 1400).await;
        page.dark(true).await;
        page.scroll_to("#graph-title").await;
        page.screenshot(&format!("graph-{name}-dark")).await;
        page.wait_for("a page as wide as the window", FITS).await;
    }
    assert_eq!(page.complaints().await, Vec::<String>::new());
    page.quit().await;
}
