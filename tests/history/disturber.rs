//! Causes the faults of a history.

use std::thread::sleep;
use std::time::Duration;

use cache_tests::Dice;
use cache_tests::history::{Span, now_us};

use crate::checker::Record;
use crate::processes::{Process, Setting};
use crate::redis::{Redis, wait};

/// Something that went wrong.
#[derive(Clone, Debug)]
pub struct Disturbance {
    pub span: Span,
    pub what: String,
}

/// Makes things go wrong, one after the other, as the dice will have it.
pub struct Disturber<'a> {
    dice: Dice,
    redis: &'a mut dyn Redis,
    pub done: Vec<Disturbance>,
    /// The records of processes that were killed, and the number of operations that they had done.
    pub killed: Vec<Record>,
    pub lost_operations: u64,
    next_process: u64,
}

impl<'a> Disturber<'a> {
    pub fn new(seed: u64, redis: &'a mut dyn Redis, next_process: u64) -> Self {
        Disturber {
            dice: Dice::of(seed, 0),
            redis,
            done: Vec::new(),
            killed: Vec::new(),
            lost_operations: 0,
            next_process,
        }
    }

    /// One thing goes wrong, and is well again when this returns.
    pub fn disturb(&mut self, setting: &Setting<'_>, processes: &mut [Process]) {
        let begin = now_us();
        let what = if self.dice.percent(12) {
            self.disturb_process(setting, processes)
        } else {
            self.redis.disturb(&mut self.dice, processes)
        };
        self.done.push(Disturbance { span: Span { begin, end: now_us() }, what });
    }

    /// A time in which nothing goes wrong, mostly a short one.
    pub fn calm(&mut self) {
        let millis = if self.dice.percent(20) { 500..1_500 } else { 20..400 };
        sleep(Duration::from_millis(self.dice.within(millis)));
    }

    fn disturb_process(&mut self, setting: &Setting<'_>, processes: &mut [Process]) -> String {
        let chosen = self.dice.below(processes.len() as u64) as usize;
        let process = &mut processes[chosen];
        let number = process.number;
        if self.dice.percent(50) {
            // Also for longer than it may believe its memory without having asked.
            let long = Duration::from_millis(self.dice.within(2_000..3_000));
            let is_long = self.dice.percent(30);
            process.pause(|| if is_long { sleep(long) } else { wait(&mut self.dice) });
            return format!("PauseProcess {number}");
        }
        self.next_process += 1;
        let (record, operations) = process.replace(setting, self.next_process);
        self.killed.push(record);
        self.lost_operations += operations;
        format!("KillProcess {number}, then came {}", self.next_process)
    }
}
