//! The sections of the report, in Markdown.

use super::goal::Outcome;
use super::machine::machine;
use super::pivot::{row, table};
use super::reasons::reason;
use super::{Figures, GOALS, Plot};

/// A table and what stands above it.
struct Section {
    title: &'static str,
    /// A note on the section; may be empty.
    note: &'static str,
    /// The files of the pictures in it.
    plots: &'static [&'static str],
    /// The common beginnings of the names of its groups. Each beginning has a table.
    groups: &'static [&'static str],
}

const SECTIONS: &[Section] = &[
    Section {
        title: "Memory hit",
        note: "One call, polled directly; in brackets, over the bare `quick_cache` table, which has no TTL, \
               no tags and no statistics. With 2 threads the time is that of each thread's call; where what \
               shares nothing gets less than twice as much done, other programs were at work, too.",
        plots: &["memory-hit.svg"],
        groups: &["memory hit, ", "throughput of 2 threads over 1, "],
    },
    Section {
        title: "Redis hit",
        note: "Hits that are misses in memory: wall time over calls, of which many are under way at once \
               with several tasks; p50 is the median of single calls.",
        plots: &["redis-hit.svg", "redis-throughput.svg"],
        groups: &[
            "Redis hit, tiered, ",
            "Redis hit p50, tiered, ",
            "Redis hit, mode redis, ",
            "Redis hot key, ",
        ],
    },
    Section {
        title: "Connections",
        note: "Hits of 100 B by 64 tasks in mode `redis`, with 1, 2 or 4 connections; beside large values 8 of \
               the tasks ask for those or store them. Medians of turns; in brackets, over one connection. The slow \
               network lets 64 KiB pass in 2 ms; there small values are asked for at a moderate rate, large ones in \
               bursts of 8.",
        plots: &[],
        groups: &["connections, "],
    },
    Section {
        title: "Cluster and failover",
        note: "A cluster of three masters with a replica each beside one server, all on this machine, which the \
               seven processes share. Then masters are killed while 16 tasks in each mode call for 200 values, with \
               5 ms between their calls; Sentinel calls a server down after 500 ms, the cluster after 1 s.",
        plots: &[],
        groups: &["hit on a cluster, ", "failover, "],
    },
    Section {
        title: "Miss and stampede",
        note: "A miss with a body that does nothing, and 1,000 callers at once of a load that takes \
               20 ms: the time until all are answered, and how many loads that took.",
        plots: &[],
        groups: &["miss, ", "stampede, "],
    },
    Section {
        title: "Cold start",
        note: "100,000 callers at once of as many cold keys in memory; the source bears 32 loads at once, of which each \
               takes a millisecond. The time until all are answered with the limit of the cache, over a semaphore in \
               the body; the longest wait of a caller; the most loads that ran at once.",
        plots: &[],
        groups: &["cold start, "],
    },
    Section {
        title: "Many keys",
        note: "One call of a function of many keys for 100 ids (`cargo bench --manifest-path benches/Cargo.toml \
               --bench batch`); in brackets, over the first of the table. In memory the values are `u64`, and the \
               futures are polled directly; in Redis the values have 100 B, and the p50 is the median of single \
               calls. `entry`: with the entries of a function of one key. The `DataLoader` has a `HashMapCache`, which \
               has no TTL, no bound and no statistics, and it loads without delay. A cold load takes no time, or 20 ms \
               for the 50 callers, each of which has one id that those before it do not have. A read of a master is \
               one arrival of bytes, with any number of commands. The ratios depend on the machine and its load.",
        plots: &[],
        groups: &[
            "100 ids in memory, ",
            "100 ids in Redis, ",
            "100 cold ids, ",
            "50 callers of 100 cold ids, ",
            "100 ids on a cluster, ",
            "requests for 100 ids on a cluster, ",
        ],
    },
    Section {
        title: "Invalidation",
        note: "Everything below a prefix or with a tag, by the direct API and by an annotated function. The peers \
               look at each entry.",
        plots: &["invalidation.svg", "redis-invalidation.svg"],
        groups: &[
            "memory invalidation, ",
            "Redis invalidation, ",
            "round trips of a Redis invalidation, ",
        ],
    },
    Section {
        title: "Transactions",
        note: "A transaction of PostgreSQL that changes one row and invalidates one prefix in Redis (`cargo bench \
               --manifest-path benches/transactions/Cargo.toml`): the time until its commit returns, in \
               brackets over sqlx alone; and the requests, those after the commit included. PostgreSQL does not wait \
               for its disk (`fsync = off`), so the ratios are larger than with a disk.",
        plots: &[],
        groups: &["transaction, ", "requests of a transaction to "],
    },
    Section {
        title: "Memory in use",
        note: "Resident memory, as the system counts it; the bound is that of `cache-runtime`.",
        plots: &["memory-per-entry.svg"],
        groups: &["memory per entry, ", "memory in use, "],
    },
    Section {
        title: "Hit ratio",
        note: "With room for 10,000 of 1,000,000 keys. The optimum knows the future.",
        plots: &["hit-ratio.svg"],
        groups: &["hit ratio, "],
    },
    Section {
        title: "Outage of Redis",
        note: "Calls one after another, each of a key of its own, so that every body is run.",
        plots: &[],
        groups: &["outage, ", "peer without Redis, "],
    },
    Section {
        title: "Admin endpoints",
        note: "A process with 1,000 call sites and Redis, asked over HTTP on a connection that is kept: the time until \
               an answer is read.",
        plots: &[],
        groups: &["admin, "],
    },
    Section {
        title: "Build",
        note: "A program of one cached function, built for the first time; and what 200 functions add.",
        plots: &[],
        groups: &["crates", "cold build time", "binary size", "expansion, "],
    },
];

/// Returns the machine, and below it the goals as a table.
pub(super) fn goals(figures: &Figures) -> String {
    let machine = machine();
    let mut text = format!("{machine}. Medians of one run in which all contenders take turns.\n\n");
    text += "| goal | limit | measured | |\n|---|---|---|---|\n";
    for goal in GOALS {
        let [measured, verdict] = goal.outcome_text(goal.outcome(figures));
        text += &row(goal.name, [goal.limit_text(), measured, verdict].into_iter());
    }
    text
}

/// Returns the reasons for the goals that are missed, as a list; `None` if all are met.
fn misses(figures: &Figures, reasons: &str) -> Option<String> {
    let missed = GOALS.iter().filter(|goal| matches!(goal.outcome(figures), Outcome::Missed(_)));
    let lines: String = missed
        .filter_map(|goal| Some((goal.name, reason(reasons, goal.name)?)))
        .map(|(name, reason)| format!("- {name}: {}\n", reason.replace('\n', " ")))
        .collect();
    (!lines.is_empty()).then(|| format!("Why goals are missed:\n\n{lines}"))
}

/// Everything; the pictures are in this folder, as seen from the report.
pub(super) fn whole(figures: &Figures, reasons: &str, plots: &[Plot], folder: &str) -> String {
    let sections = SECTIONS.iter().filter_map(|section| section.text(figures, plots, folder));
    let head = [goals(figures)].into_iter().chain(misses(figures, reasons));
    head.chain(sections).collect::<Vec<_>>().join("\n")
}

impl Section {
    /// Returns `None` if nothing of it was measured.
    fn text(&self, figures: &Figures, plots: &[Plot], folder: &str) -> Option<String> {
        let note = Some(self.note).filter(|note| !note.is_empty()).map(|note| format!("{note}\n"));
        let plots = plots.iter().filter(|plot| self.plots.contains(&plot.file));
        let plots = plots.map(|plot| format!("![{}]({folder}/{})\n", plot.title, plot.file));
        let tables: Vec<_> =
            self.groups.iter().filter_map(|prefix| table(figures, prefix)).collect();
        let measured = !tables.is_empty();
        let head = format!("## {}\n", self.title);
        let parts = [head].into_iter().chain(note).chain(plots).chain(tables);
        measured.then(|| parts.collect::<Vec<_>>().join("\n"))
    }
}
