//! The reasons for missed goals, from `missed.md`.

/// Returns the reason for missing this goal: what stands below its name.
pub(super) fn reason<'a>(text: &'a str, goal: &str) -> Option<&'a str> {
    let mut sections = text.split("\n## ").skip(1);
    let section = sections.find_map(|section| section.strip_prefix(goal)?.strip_prefix('\n'))?;
    Some(section.trim())
}

#[cfg(test)]
mod tests {
    use super::super::GOALS;
    use super::reason;

    #[test]
    fn a_reason_stands_below_its_goal() {
        let text = "# Missed\n\n## a hit\n\nIt is\nslow.\n\n## a hit, cold\n\nToo.\n";
        assert_eq!(reason(text, "a hit"), Some("It is\nslow."));
        assert_eq!(reason(text, "a hit, cold"), Some("Too."));
        assert_eq!(reason(text, "a"), None);
    }

    #[test]
    fn every_reason_is_for_a_goal() {
        let names =
            include_str!("../../missed.md").lines().filter_map(|line| line.strip_prefix("## "));
        for name in names {
            assert!(GOALS.iter().any(|goal| goal.name == name), "no goal is called {name}");
        }
    }
}
