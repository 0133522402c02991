//! Up to when a process says that it has received everything.

use super::Record;
use crate::event::Event;

#[derive(Debug)]
pub struct Received(Vec<(u64, u64)>);

impl Received {
    pub fn new(record: &Record) -> Self {
        let mut latest = 0;
        let said = record.events.iter().filter_map(|event| match event {
            Event::Received { at, until } => Some((*at, *until)),
            _ => None,
        });
        Received(
            said.map(|(at, until)| {
                latest = until.max(latest);
                (at, latest)
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
