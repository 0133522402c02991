use cache_tests::history::{Event, Span, Watch};

use super::Record;

/// When a process was in touch with Redis all the time, in order.
#[derive(Debug)]
pub struct Steady(Vec<Span>);

impl Steady {
    pub fn new(record: &Record) -> Self {
        let looks = record.events.iter().filter_map(|event| match event {
            Event::Watch(watch) => Some(*watch),
            _ => None,
        });
        let mut spans = Vec::new();
        let mut row: Vec<Watch> = Vec::new();
        for look in looks {
            if row.last().is_some_and(|last| last.troubles != look.troubles || !look.healthy) {
                spans.extend(span_of(&row));
                row.clear();
            }
            if look.healthy {
                row.push(look);
            }
        }
        spans.extend(span_of(&row));
        Steady(spans)
    }

    /// Whether it was all through a span.
    pub fn covers(&self, span: Span) -> bool {
        let next = self.0.partition_point(|steady| steady.begin <= span.begin);
        next.checked_sub(1).is_some_and(|last| span.end <= self.0[last].end)
    }
}

/// From the first of these looks to the last but one: a trouble may be counted a moment after it
/// has had its effect.
fn span_of(row: &[Watch]) -> Option<Span> {
    let [first, .., last, _] = row else { return None };
    Some(Span { begin: first.span.end, end: last.span.begin })
}
