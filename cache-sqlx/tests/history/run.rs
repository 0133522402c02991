//! Runs a history: starts everything, lets it go wrong, and collects what was recorded.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cache_tests::{Postgres, PostgresDatabase, Proxy, RedisServer, unique_namespace};
use tempfile::TempDir;

use crate::checker::{self, Record, Verdict, Violation};
use crate::children::{Child, Role, Setting};
use crate::disturber::{Disturber, Fault};
use crate::item::{self, Item};
use crate::plan::Plan;

/// The time after which every function must return what the database holds.
const SETTLING: Duration = Duration::from_secs(20);

/// The outcome of a history.
pub struct Outcome {
    pub plan: Plan,
    pub records: Vec<Record>,
    pub faults: BTreeMap<Fault, u64>,
    pub operations: u64,
    pub lasted: Duration,
    pub verdict: Verdict,
}

pub fn run(plan: &Plan) -> Outcome {
    let (redis, database) = (RedisServer::start(), Postgres::shared().database());
    fill(&database);
    let proxy = Proxy::before(Postgres::shared().port());
    let folder = TempDir::new().expect("a temporary directory");
    let setting = Setting {
        plan,
        database: database.url(),
        proxied: database.url_by(proxy.port()),
        redis: redis.url(),
        namespace: unique_namespace(),
        folder: folder.path(),
    };
    let began = Instant::now();
    let start = |number| Child::new(&setting, number, Role::of(number));
    let mut children: Vec<Child> = (1..=plan.processes).map(start).collect();
    children.iter_mut().for_each(|child| child.obey("start", "started"));
    let mut disturber = Disturber::new(plan, &redis, &database, &proxy);
    let mut operations = 0;
    while operations < plan.operations || !disturber.is_complete() {
        assert!(
            began.elapsed() < plan.patience(),
            "{operations} operations in {:?}",
            began.elapsed()
        );
        disturber.calm();
        disturber.disturb(&setting, &mut children);
        operations = disturber.lost_operations;
        operations += children.iter_mut().map(Child::operations).sum::<u64>();
    }
    children.iter_mut().for_each(|child| child.obey("stop", "stopped"));
    let lasted = began.elapsed();
    let mut at_end = at_rest(&mut children, &database);
    if !plan.is_calm {
        disturber.kill_without_redis(&setting, &mut children);
        at_end.extend(at_rest(&mut children, &database));
        disturber.cut_commits(&mut children);
        at_end.extend(at_rest(&mut children, &database));
    }
    children.iter_mut().for_each(|child| child.obey("finish", "finished"));
    let mut records = disturber.killed;
    records.extend(children.iter().map(|child| child.record(&setting)));
    let mut verdict = checker::check(&records, plan.bounds());
    verdict.violations.extend(at_end);
    let (plan, faults) = (plan.clone(), disturber.done);
    Outcome { plan, records, faults, operations, lasted, verdict }
}

fn fill(database: &PostgresDatabase<'_>) {
    database.psql(item::SCHEMA);
    let rows = item::SHELVES * item::ROWS;
    database.psql(&format!(
        "insert into items select id, 0, 1, 0 from generate_series(0, {rows} - 1) as id"
    ));
    database.psql(cache_sqlx::outbox::schema::<sqlx::Postgres>());
}

/// Waits until the processes are idle, and returns what is wrong then.
fn at_rest(children: &mut [Child], database: &PostgresDatabase<'_>) -> Vec<Violation> {
    let unsettled = children.iter_mut().filter_map(Child::settle).map(Violation::Unsettled);
    let mut wrong: Vec<_> = unsettled.collect();
    wrong.extend(stale(children, database));
    wrong
}

/// Returns what is still not as in the database when it should be.
fn stale(children: &mut [Child], database: &PostgresDatabase<'_>) -> Vec<Violation> {
    let rows = rows(database);
    let deadline = Instant::now() + SETTLING;
    loop {
        let mut wrong = Vec::new();
        for child in children.iter_mut() {
            let process = child.number;
            let all = child.look().into_iter().map(|(how, seen)| (how, seen, rows[&seen.id]));
            let differing = all.filter(|(_, seen, is)| seen != is);
            wrong.extend(differing.map(|(how, seen, is)| Violation::Stale {
                process,
                how,
                seen,
                is,
            }));
        }
        if wrong.is_empty() || Instant::now() > deadline {
            return wrong;
        }
        sleep(Duration::from_millis(50));
    }
}

fn rows(database: &PostgresDatabase<'_>) -> BTreeMap<i32, Item> {
    let rows = database.psql(
        "select json_build_object('id', id, 'owner', owner, 'version', version, 'writer', writer) \
         from items",
    );
    let item = |row| serde_json::from_str::<Item>(row).expect("a row");
    rows.lines().map(item).map(|item| (item.id, item)).collect()
}
