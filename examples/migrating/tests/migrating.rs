//! The four programs return the same, load as often as stated, and the README says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::process::Command;

use cache_example_migrating::comparison::{self, compare};
use cache_tests::RedisServer;

const README: &str = include_str!("../README.md");

/// The loads of `cached`, `moka`, Redis by hand and `cache-runtime`.
const LOADS: [(&str, [u64; 4]); 16] = [
    ("product(1), three times", [1, 1, 1, 1]),
    ("product(9), twice", [2, 2, 2, 2]),
    ("shelf(garden), twice", [1, 1, 1, 1]),
    ("price(1, EUR), price(1, USD), price(2, EUR), each twice", [3, 3, 3, 3]),
    ("with_barcode(104), twice", [2, 2, 2, 2]),
    ("change(product 1)", [0, 0, 0, 0]),
    ("product(1)", [1, 1, 1, 1]),
    ("shelf(garden)", [1, 1, 1, 1]),
    ("price(1, EUR), price(1, USD)", [2, 2, 2, 2]),
    ("product(2), price(2, EUR)", [1, 1, 1, 1]),
    ("add(product 4)", [0, 0, 0, 0]),
    ("product(4)", [0, 0, 0, 0]),
    ("shelf(garden)", [1, 1, 1, 1]),
    ("with_barcode(104), twice", [1, 1, 1, 1]),
    ("product(3), 8 callers at once", [1, 1, 8, 1]),
    ("shelf(kitchen), 8 callers at once", [8, 1, 8, 1]),
];

#[tokio::test]
async fn all_four_return_the_same_and_load_as_often_as_stated() {
    let server = RedisServer::start();
    let comparison = compare(Some(&server.url())).await.unwrap();
    let caches: Vec<_> = comparison.columns.iter().map(|column| column.cache).collect();
    assert_eq!(caches, ["cached", "moka", "Redis by hand", "cache-runtime"]);
    assert_eq!(comparison.differences(), [] as [&str; 0]);
    let rows = comparison.rows();
    let loads = rows.iter().map(|row| (row[0].calls, row.iter().map(|step| step.loads).collect()));
    let stated = LOADS.map(|(calls, loads)| (calls, loads.to_vec()));
    assert_eq!(loads.collect::<Vec<_>>(), stated);
    for row in rows {
        let differs = row.iter().any(|step| step.loads != row[0].loads);
        assert_eq!(row[0].reason.is_some(), differs, "{}", row[0].calls);
    }
    let overlaps: Vec<_> = comparison.columns.iter().map(|column| &*column.overlap).collect();
    assert_eq!(overlaps, ["Kettle", "Kettle", "Kettle", "Teapot"], "after a change during a read");
}

#[tokio::test]
async fn in_memory_and_in_redis_cache_runtime_does_the_same() {
    let server = RedisServer::start();
    let in_redis = comparison::cache_runtime(Some(&server.url())).await.unwrap();
    assert!(server.cli::<u64>(&["DBSIZE"]) > 0, "nothing was stored in Redis");
    assert_eq!(in_redis, comparison::cache_runtime(None).await.unwrap());
}

#[test]
fn the_annotations_have_no_mistake() {
    assert_eq!(cache_runtime::audit(), []);
}

#[test]
fn the_program_prints_the_table_of_the_readme() {
    let server = RedisServer::start();
    let printed = output(Some(&server.url()));
    let (_, rest) = README.split_once("<!-- output:begin -->\n\n").unwrap();
    let (table, _) = rest.split_once("<!-- output:end -->").unwrap();
    assert!(table.contains("| all loads"), "{table}");
    assert!(printed.contains(table), "the README says\n{table}\nand the program prints\n{printed}");
}

#[test]
fn without_redis_the_program_says_what_it_leaves_out() {
    let printed = output(None);
    assert!(!printed.contains("| Redis by hand |"), "{printed}");
    assert!(printed.contains("Redis by hand is left out"), "{printed}");
    assert!(printed.contains("set REDIS_URL"), "{printed}");
}

/// The output of the program, which has succeeded.
fn output(redis: Option<&str>) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_cache-example-migrating"));
    match redis {
        Some(url) => program.env("REDIS_URL", url),
        None => program.env_remove("REDIS_URL"),
    };
    let output = program.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_line_in_the_tables_of_the_readme_is_a_line_of_the_programs() {
    let programs = [
        ("## From `cached`", include_str!("../src/with_cached.rs")),
        ("## From moka", include_str!("../src/with_moka.rs")),
        ("## From Redis by hand", include_str!("../src/with_redis.rs")),
    ];
    let ours = without_spaces(include_str!("../src/with_cache_runtime.rs"));
    for (heading, program) in programs {
        let (_, part) = README.split_once(&format!("{heading}\n")).unwrap();
        let part = part.split("\n## ").next().unwrap();
        let lines: Vec<_> = part.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(lines.len() > 3, "{heading}: {lines:?}");
        let program = without_spaces(program);
        for line in lines {
            let cells: Vec<_> = line.split(" | ").collect();
            let [before, after] = cells[..] else { panic!("{line}") };
            for code in codes(before) {
                assert!(program.contains(&code), "{heading}: {code} is not in the program");
            }
            for code in codes(after) {
                assert!(ours.contains(&code), "{heading}: {code} is not in ours");
            }
        }
    }
}

/// The code of a cell: every second part between backticks.
fn codes(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(without_spaces)
}

/// The text without white space, and with plain `|`, which a table escapes.
fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect::<String>().replace("\\|", "|")
}
