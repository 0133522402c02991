//! The place in a file where the report goes.

use std::fmt;

/// Above and below it.
const MARKERS: [&str; 2] = ["<!-- bench:begin -->", "<!-- bench:end -->"];

/// There is no place for it.
#[derive(Debug, PartialEq, Eq)]
pub struct NoPlace;

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [begin, end] = MARKERS;
        write!(f, "the file has no place for the report: add the lines\n\n{begin}\n{end}\n")
    }
}

impl std::error::Error for NoPlace {}

/// Returns the file with this report in the place of what stands between the markers.
///
/// # Errors
///
/// If the markers are not there.
pub fn with_report(file: &str, report: &str) -> Result<String, NoPlace> {
    let [begin, end] = MARKERS;
    let (before, rest) = file.split_once(begin).ok_or(NoPlace)?;
    let (_, after) = rest.split_once(end).ok_or(NoPlace)?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", report.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_markers_is_replaced() {
        let file = "a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n";
        let expected = "a\n<!-- bench:begin -->\n\nnew\n\n<!-- bench:end -->\nb\n";
        assert_eq!(with_report(file, "new\n").as_deref(), Ok(expected));
        assert_eq!(with_report(expected, "new\n").as_deref(), Ok(expected));
    }

    #[test]
    fn a_file_without_them_is_left_alone() {
        assert_eq!(with_report("a\n<!-- bench:begin -->\n", "new"), Err(NoPlace));
        assert!(NoPlace.to_string().contains("<!-- bench:end -->"));
    }
}
