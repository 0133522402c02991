use cache_tests::history::{Event, Watch};

use super::Record;

/// Up to when a process says that it has received everything, as it goes on.
#[derive(Debug)]
pub struct Received(Vec<(u64, u64)>);

impl Received {
    pub fn new(record: &Record) -> Self {
        let mut until = 0;
        let said = record.events.iter().filter_map(|event| match event {
            Event::Watch(Watch { span, received_until: Some(received), .. }) => {
                Some((span.end, *received))
            }
            _ => None,
        });
        Received(
            said.map(|(at, received)| {
                until = received.max(until);
                (at, until)
            })
            .collect(),
        )
    }

    /// Returns the last report before this moment, or 0 if there was none.
    pub fn until(&self, moment: u64) -> u64 {
        let said = self.0.partition_point(|(at, _)| *at < moment);
        said.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}
