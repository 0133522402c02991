//! An invalidation by a template reaches every entry that is cached under the same template.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use proptest::prelude::*;

use super::*;
use crate::key::name::Name;
use crate::memory::Memory;
use crate::tiers::key::{CallKey, named};

/// A template: a literal beginning, then placeholders with the text that follows each.
#[derive(Clone, Debug)]
struct Template {
    start: String,
    places: Vec<(String, String)>,
}

/// Returns true if the attributes take this text for a template.
fn is_accepted(text: &str) -> bool {
    !text.contains("::")
        && !text.starts_with([':', '#', ' '])
        && !text.ends_with([':', ' '])
        && !text.contains(['*', '?', '['])
}

fn templates() -> impl Strategy<Value = Template> {
    let text = "[-a-z:%^~.{}# 3A]{1,4}";
    let long = (any::<String>(), 1..400_usize).prop_map(|(text, times)| text.repeat(times));
    let value = prop_oneof![any::<String>(), "[-:%^*?\\[ #~a]{0,5}", long];
    let place = (value, text);
    let start = prop_oneof![Just(String::new()), text.prop_map(String::from)];
    (start, prop::collection::vec(place, 0..9), any::<bool>()).prop_filter_map(
        "the attribute refuses it",
        |(start, mut places, ends_with_place)| {
            if let Some((_, last)) = places.last_mut().filter(|_| ends_with_place) {
                last.clear();
            }
            let template = Template { start, places };
            let literal = template.text(&|_| "x".to_owned());
            (!literal.is_empty() && is_accepted(&literal)).then_some(template)
        },
    )
}

impl Template {
    fn render(&self, into: &mut Renderer) {
        into.text(&self.start);
        for (value, after) in &self.places {
            into.value(value, after);
            into.text(after);
        }
    }

    fn text(&self, value: &dyn Fn(&str) -> String) -> String {
        let places = self.places.iter().map(|(given, after)| value(given) + after);
        places.fold(self.start.clone(), |text, place| text + &place)
    }

    /// Returns the templates of the prefixes that lie in this one, and itself.
    fn cut(&self) -> Vec<Template> {
        let mut all = vec![self.clone()];
        all.extend(
            self.start.match_indices(':').map(|(end, _)| Template {
                start: self.start[..end].to_owned(),
                places: Vec::new(),
            }),
        );
        for (number, (_, after)) in self.places.iter().enumerate() {
            for (end, _) in after.match_indices(':') {
                let mut places = self.places[..=number].to_vec();
                places[number].1.truncate(end);
                all.push(Template { start: self.start.clone(), places });
            }
        }
        all.retain(|template| template.text(&|_| "x".to_owned()).matches(':').count() < 5);
        all
    }
}

/// Returns the name and the tags of an entry that a function with this `key` and these `tags` caches.
fn cached(key: &Template, tags: &[&Template]) -> CallKey {
    let text = |prefix: &str, template: &Template| {
        let mut renderer = Renderer::new();
        renderer.text(prefix);
        template.render(&mut renderer);
        renderer.finish().unwrap().as_str().to_owned()
    };
    let tags: Vec<_> = tags.iter().map(|tag| text("", tag)).collect();
    named(&Memory::new(1 << 20, 1 << 20, 2), Name::new(text("p:", key)), &tags)
}

fn targets(add: fn(&mut Targets, &str), prefix: &str, template: &Template) -> Targets {
    let mut targets = Targets::default();
    let rendered = Renderer::run(|renderer| {
        renderer.text(prefix);
        template.render(renderer);
    });
    add(&mut targets, rendered.unwrap().as_str());
    targets
}

/// Returns true if an invalidation makes an entry stale: in Redis, where texts count, and in memory.
fn reaches(targets: &Targets, key: &CallKey) -> bool {
    let by_name = targets.names.iter().any(|name| name == key.name().as_str());
    let by_tag = targets.tags.iter().any(|tag| key.tags().contains(tag));
    let in_memory = targets.slots().any(|slot| key.slots().contains(&slot));
    assert_eq!(by_name || by_tag, in_memory, "{targets:?}");
    in_memory
}

proptest! {
    #[test]
    fn what_is_cached_under_a_template_is_invalidated_by_it(
        key in templates(), tag in templates(),
    ) {
        let entry = cached(&key, &[&tag]);
        for prefix in key.cut() {
            let targets = targets(Targets::add_prefix, "p:", &prefix);
            prop_assert!(reaches(&targets, &entry), "{prefix:?}");
        }
        prop_assert!(reaches(&targets(Targets::add_tag, "", &tag), &entry));
        prop_assert!(targets(Targets::add_tag, "", &tag).tags[0].len() <= 200);
    }

    #[test]
    fn a_name_that_is_rendered_can_be_given_directly(key in templates()) {
        let entry = cached(&key, &[]);
        prop_assert!(Name::direct(entry.name().as_str()).is_ok(), "{:?}", entry.name());
    }
}
