//! Files that need each other.

use std::collections::HashMap;

use super::needs::Needs;

/// The circles, largest first: the strongly connected parts of more than one file.
pub(crate) fn find(needs: &Needs) -> Vec<Vec<String>> {
    let mut search = Search { needs, seen: HashMap::new(), open: Vec::new(), found: Vec::new() };
    for file in needs.files() {
        if !search.seen.contains_key(file) {
            search.visit(file);
        }
    }
    let mut found = search.found;
    found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    found
}

/// Tarjan's search.
struct Search<'a> {
    needs: &'a Needs,
    /// The order in which files were come upon; `usize::MAX` once their part is known.
    seen: HashMap<&'a str, usize>,
    open: Vec<&'a str>,
    found: Vec<Vec<String>>,
}

impl<'a> Search<'a> {
    /// The first file of the open ones that can be reached from this one.
    fn visit(&mut self, file: &'a str) -> usize {
        let (number, depth) = (self.seen.len(), self.open.len());
        self.seen.insert(file, number);
        self.open.push(file);
        let mut lowest = number;
        for (other, _) in self.needs.of_file(file) {
            let reached = match self.seen.get(other) {
                Some(&reached) => reached,
                None => self.visit(other),
            };
            lowest = lowest.min(reached);
        }
        if lowest == number {
            let part = self.open.split_off(depth);
            for file in &part {
                self.seen.insert(file, usize::MAX);
            }
            if part.len() > 1 {
                let mut part: Vec<_> = part.into_iter().map(str::to_owned).collect();
                part.sort();
                self.found.push(part);
            }
            return usize::MAX;
        }
        lowest
    }
}
