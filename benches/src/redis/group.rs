//! Contenders who ask the same server for values.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use tokio::runtime::Runtime;

use super::ids::{Cursor, Ids, Log};
use super::series::{self, Series};
use super::spread::spread;
use crate::{Contender, Effort, compare, median};

/// A comparison that is being put together.
#[derive(Debug)]
pub struct Group<'a> {
    runtime: &'a Runtime,
    tasks: usize,
    effort: Effort,
    contenders: Vec<Contender<'a>>,
    /// The median time of a call, turn by turn: with one task.
    medians: Vec<Rc<RefCell<Series>>>,
}

impl<'a> Group<'a> {
    /// Returns an empty group; `tasks` tasks make the calls of a turn.
    pub fn new(runtime: &'a Runtime, tasks: usize, effort: Effort) -> Self {
        Group { runtime, tasks, effort, contenders: Vec::new(), medians: Vec::new() }
    }

    /// Adds a contender, which requests the values of the cursor.
    #[must_use]
    pub fn with<F>(
        mut self,
        name: &'static str,
        cursor: &Cursor,
        ask: impl Fn(Ids) -> F + 'a,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (runtime, tasks, calls) = (self.runtime, self.tasks, self.effort.calls);
        let (cursor, log) = (cursor.clone(), (tasks == 1).then(Log::default));
        let medians = Rc::new(RefCell::new(Series::new(name)));
        self.medians.push(Rc::clone(&medians));
        self.contenders.push(Contender::new(name, move || {
            runtime.block_on(spread(tasks, calls, &cursor, log.as_ref(), &ask));
            if let Some(log) = &log {
                medians.borrow_mut().rounds.push(median(log.take()));
            }
        }));
        self
    }

    /// Lets them take turns. With one task, the medians of the times of single calls are another
    /// group.
    pub fn compare(self, benchmark: &str, title: &str, title_of_medians: &str) {
        compare(benchmark, title, self.effort, self.contenders);
        if self.tasks == 1 {
            let medians = self.medians.iter().map(|medians| medians.borrow().clone());
            series::publish(benchmark, title_of_medians, "ns", &medians.collect::<Vec<_>>());
        }
    }
}
