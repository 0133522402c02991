//! The attributes that compile, and the error messages of the others: a folder for each kind of
//! mistake.
//!
//! The messages in `ui/types` and some in `ui/template` are the compiler's own, so they are those of
//! the current stable release. `TRYBUILD=overwrite` rewrites them; read them as advice then.

#[test]
fn what_is_right_compiles() {
    trybuild::TestCases::new().pass("ui/accepted/*.rs");
}

/// Apart from the above, so that all cases are compiled in one go.
#[test]
fn mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    let folders = [
        "options",
        "values",
        "template",
        "signature",
        "entry",
        "types",
        "memory",
        "background",
        "body",
        "blocking",
        "each",
    ];
    for mistakes in folders {
        cases.compile_fail(format!("ui/{mistakes}/*.rs"));
    }
}
