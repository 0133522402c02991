//! Tests of the parts of a graph and its text for Graphviz.

use serde_json::json;

use super::Graph;
use super::dot::Dot;

fn function(path: &str, kind: &str, prefix: Option<&str>) -> serde_json::Value {
    let (module, function) = path.rsplit_once("::").unwrap_or_default();
    json!({
        "kind": kind, "module": module, "function": function, "path": path, "file": "src/shop.rs",
        "line": 7, "package": "shop", "prefix": prefix, "tags": [],
    })
}

/// Two chains: `change` invalidates `price`, which `offer` calls; `set` puts `stock`.
fn graph() -> Graph {
    let graph = json!({
        "functions": [
            function("shop::price", "cached", Some("price")),
            function("shop::offer", "cached", Some("offer:short")),
            function("shop::stock", "cached", Some("stock")),
            function("shop::change", "invalidate", Some("price:{id}")),
            function("shop::set", "put", None),
        ],
        "edges": [
            { "from": 3, "to": 0, "kind": "invalidates", "by": [{ "option": "tags", "text": "of \"{id}\" \\N" }] },
            { "from": 4, "to": 2, "kind": "puts", "by": [{ "option": "entry", "text": "stock(id)" }] },
            { "from": 1, "to": 0, "kind": "calls", "count": 12, "inherits": false },
        ],
    });
    Graph::read(&graph.to_string()).unwrap_or_else(|failure| unreachable!("{failure}"))
}

fn names(graph: &Graph) -> Vec<&str> {
    graph.functions.iter().map(|of| of.function.as_str()).collect()
}

#[test]
fn the_text_for_graphviz_has_clusters_by_prefix_and_escaped_labels() {
    let dot = Dot(&graph()).to_string();
    let cluster = |title: &str| {
        let (_, rest) = dot.split_once(&format!("label=\"{title}\";")).unwrap_or_default();
        let lines = rest.split("  }\n").next().unwrap_or_default().lines();
        lines.filter_map(|line| line.split_whitespace().next()).collect::<Vec<_>>()
    };
    assert_eq!(cluster("price"), ["n0", "n3"]);
    assert_eq!(cluster("offer"), ["n1"]);
    assert_eq!(cluster("stock"), ["n2", "n4"]);
    for line in [
        "n0 [label=\"shop::price\", tooltip=\"shop::price (src/shop.rs:7)\\nprice\", fillcolor=\"#dff3e3\"];",
        "n3 -> n0 [label=\"tag of \\\"{id}\\\" \\\\N\", color=\"#cf222e\"];",
        "n4 -> n2 [label=\"entry stock(id)\", color=\"#9a6700\"];",
        "n0 -> n1 [label=\"12 calls seen\", color=\"#5a6675\", style=dashed];",
    ] {
        assert!(dot.lines().any(|known| known.trim() == line), "{line} is not in {dot}");
    }
}

#[test]
fn a_function_is_shown_with_those_above_and_below_it() {
    for (name, expected) in [
        ("price", vec!["price", "offer", "change"]),
        ("shop::offer", vec!["price", "offer", "change"]),
        ("change", vec!["price", "offer", "change"]),
        ("stock", vec!["stock", "set"]),
    ] {
        let connected = graph().connected_with(name);
        let connected = connected.unwrap_or_else(|failure| unreachable!("{failure}"));
        assert_eq!(names(&connected), expected, "{name}");
        let edges = connected.edges.iter().map(|edge| {
            let name = |place: usize| connected.functions[place].function.clone();
            (name(edge.from), name(edge.to))
        });
        assert!(edges.eq(graph_edges(&expected)), "{name}");
    }
}

/// The edges of the whole graph between these functions.
fn graph_edges(between: &[&str]) -> impl Iterator<Item = (String, String)> {
    let all = [("change", "price"), ("set", "stock"), ("offer", "price")];
    let kept = all.into_iter().filter(|(from, to)| between.contains(from) && between.contains(to));
    kept.map(|(from, to)| (from.to_owned(), to.to_owned())).collect::<Vec<_>>().into_iter()
}

#[test]
fn an_unknown_function_is_refused_with_the_nearest() {
    let refused = graph().connected_with("prise").map(|graph| graph.functions.len());
    let reason = refused.map_err(|failure| failure.to_string());
    let expected = "the program has no annotated function \"prise\", did you mean \"price\"?";
    assert_eq!(reason, Err(expected.to_owned()));
}

#[test]
fn another_text_is_refused() {
    for (text, part) in [
        ("<html>", "this is not a response of `GET /graph`: expected value"),
        ("{}", "missing field `functions`"),
        (
            r#"{"functions":[],"edges":[{"from":0,"to":1,"kind":"puts","by":[]}]}"#,
            "there is no function 1",
        ),
    ] {
        let reason = Graph::read(text).map(|_| ()).map_err(|failure| failure.to_string());
        assert!(reason.as_ref().is_err_and(|reason| reason.contains(part)), "{reason:?}");
    }
}
