use cache_tests::history::{Event, How, Span, Watch};

use super::Record;

/// The spans in which a process was connected to Redis.
#[derive(Debug)]
pub struct Steady {
    /// The spans in which nothing failed, in order.
    untroubled: Vec<Span>,
    /// The spans in which an invalidation of this process was pending although nothing failed, so that
    /// it did without Redis. One that was dropped half-way is sent after its caller has continued.
    pending: Vec<Span>,
}

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
        let pending = super::own_changes(record)
            .filter(|change| change.how == How::CacheInvalidateDropped)
            .map(|change| Span { end: change.confirmed.unwrap_or(u64::MAX), ..change.span });
        Steady { untroubled: spans, pending: pending.collect() }
    }

    /// Returns whether the process was connected during all of the span.
    pub fn covers(&self, span: Span) -> bool {
        let next = self.untroubled.partition_point(|steady| steady.begin <= span.begin);
        let untroubled =
            next.checked_sub(1).is_some_and(|last| span.end <= self.untroubled[last].end);
        let owes = |pending: &Span| pending.begin <= span.end && span.begin <= pending.end;
        untroubled && !self.pending.iter().any(owes)
    }
}

/// From the first of these looks to the last but one: a trouble may be counted a moment after it
/// has had its effect.
fn span_of(row: &[Watch]) -> Option<Span> {
    let [first, .., last, _] = row else { return None };
    Some(Span { begin: first.span.end, end: last.span.begin })
}
