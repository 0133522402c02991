//! What the attributes accept, and what they say of mistakes: a folder per kind of mistake.
//!
//! `TRYBUILD=overwrite` writes the messages anew.

#[test]
fn attributes_accept_and_refuse() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/accepted/*.rs");
    for mistakes in ["options", "values", "template", "signature", "types"] {
        cases.compile_fail(format!("ui/{mistakes}/*.rs"));
    }
}
