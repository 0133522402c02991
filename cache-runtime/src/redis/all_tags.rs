//! The tags of several loads.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Life;

/// The tags of several loads, each once.
pub(super) struct AllTags<'a> {
    /// Sorted.
    pub(super) tags: Vec<&'a str>,
    /// The longest lives of the entries with the root, which are all, and with each of the tags.
    pub(super) lives: Vec<Life>,
}

impl<'a> AllTags<'a> {
    pub(super) fn of(loads: impl Iterator<Item = (&'a [impl AsRef<str> + 'a], Life)>) -> Self {
        let mut longest = Life::For(Duration::ZERO);
        let mut tags: BTreeMap<&str, Life> = BTreeMap::new();
        for (own, life) in loads {
            longest = longest.max(life);
            for tag in own {
                let known = tags.entry(tag.as_ref()).or_insert(life);
                *known = life.max(*known);
            }
        }
        let (tags, lives): (_, Vec<_>) = tags.into_iter().unzip();
        AllTags { tags, lives: std::iter::once(longest).chain(lives).collect() }
    }

    /// Returns the tokens of the root and of a load's tags. `tokens` are those of the root and of all tags.
    pub(super) fn pick<T: Clone>(&self, own: &[String], tokens: &[T]) -> Vec<T> {
        let place = |tag: &String| self.tags.partition_point(|known| *known < tag.as_str()) + 1;
        let places = std::iter::once(0).chain(own.iter().map(place));
        places.filter_map(|place| tokens.get(place)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_is_noted_once_for_the_longest_life_of_its_loads() {
        let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>();
        let (first, second) = (tags(&["b", "c"]), tags(&["a", "b"]));
        let [short, long] = [1, 2].map(|seconds| Life::For(Duration::from_secs(seconds)));
        let all = AllTags::of([(&first[..], long), (&second[..], short)].into_iter());
        assert_eq!(all.tags, ["a", "b", "c"]);
        assert_eq!(all.lives, [long, short, long, long]);
        let all = AllTags::of([(&first[..], long), (&second[..], Life::Forever)].into_iter());
        assert_eq!(all.lives, [Life::Forever, Life::Forever, Life::Forever, long]);
    }

    #[test]
    fn a_load_gets_its_own_tokens_in_the_order_of_its_tags() {
        let tags = ["b", "a"].map(str::to_owned);
        let other = ["c".to_owned()];
        let life = Life::Forever;
        let all = AllTags::of([(&tags[..], life), (&other[..], life)].into_iter());
        assert_eq!(all.pick(&tags, &["root", "a", "b", "c"]), ["root", "b", "a"]);
        assert_eq!(all.pick(&other, &["root", "a", "b", "c"]), ["root", "c"]);
    }
}
