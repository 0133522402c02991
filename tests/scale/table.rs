//! Rows of what has been found, for people.

/// Prints a title.
pub(crate) fn title(text: &str) {
    println!("\n## {text}");
}

/// Prints what was measured beside what the paper uses.
///
/// # Panics
///
/// If they differ by more than this part of the latter.
pub(crate) fn within(what: &str, measured: f64, paper: f64, tolerance: f64) {
    println!("  {what:62} {:>12}   paper {:>10}", number(measured), number(paper));
    assert!(
        (measured - paper).abs() <= paper.abs() * tolerance,
        "{what}: {measured} is not {paper} within {tolerance}: bring docs/capacity.md up to date"
    );
}

/// Prints what was simulated beside what the closed form says.
///
/// # Panics
///
/// If they differ by more than a tenth; parts of a whole may also differ by a hundredth of that.
pub(crate) fn agree(what: &str, simulated: f64, predicted: f64) {
    println!("  {what:46} {:>12} {:>12}", number(simulated), number(predicted));
    let is_part = predicted < 1.0;
    let tolerance = (predicted / 10.0).max(if is_part { 0.01 } else { 0.0 });
    assert!(
        (simulated - predicted).abs() <= tolerance,
        "{what}: {simulated} simulated, {predicted} predicted"
    );
}

/// Prints one number.
pub(crate) fn say(what: &str, value: f64, unit: &str) {
    println!("  {what:62} {:>12} {unit}", number(value));
}

/// With as many digits as are worth it.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 1e7 => format!("{:.2}M", value / 1e6),
        size if size >= 1e5 => format!("{:.1}k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
