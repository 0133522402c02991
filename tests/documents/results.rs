//! The documents that the benchmarks write into.

use std::fs;

use crate::files::root;

#[test]
fn the_results_of_the_benchmarks_have_a_place_in_two_documents() {
    for document in ["README.md", "benches/RESULTS.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let begin = text.find("<!-- bench:begin -->");
        let end = text.find("<!-- bench:end -->");
        assert!(begin.is_some() && begin < end, "{document} has no place for the report");
        assert!(text.contains("| goal | limit | measured |"), "{document} has no goals");
    }
}
