//! Spreads the calls of a turn over tasks.

use std::future::Future;

use tokio::task::JoinSet;

use super::ids::{Cursor, Ids, Log};

/// Makes this many calls on this many tasks, each of which makes its part one after another.
pub async fn spread<F>(
    tasks: usize,
    calls: usize,
    cursor: &Cursor,
    log: Option<&Log>,
    ask: impl Fn(Ids) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let of_task = |task| Ids::new(cursor, (calls + task) / tasks, log);
    let tasks: JoinSet<()> = (0..tasks).map(|task| ask(of_task(task))).collect();
    tasks.join_all().await;
}
