//! The arguments.

use std::num::NonZeroUsize;
use std::time::Duration;

use cache_runtime::Ttl;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Shows and controls a cache of `cache-runtime` in Redis.
///
/// An invalidation has the same effect as one by the programs themselves: running instances notice it
/// at once.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER)]
pub(crate) struct Cli {
    /// The address of Redis, such as `redis://user:password@host:6379/0`. Other users of this machine can see
    /// arguments; use the variable REDIS_URL (or REDIS_HOST, REDIS_PASSWORD, ...) for a password.
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
    /// The namespace of the cache. The default is the variable CACHE_NAMESPACE, or `cache`.
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
    /// Prints JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The timeout of one command to Redis, of each step of a request to admin endpoints, and of connecting to a
    /// database.
    #[arg(long, global = true, default_value = "2s", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Exit codes: 0 done; 1 negative result: no such entry, a cache that is not healthy, a fault found; 2 wrong usage;
3 Redis, the admin endpoints or the database cannot be used, or Redis has not confirmed an invalidation.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the statistics of all processes, by call site.
    Stats {
        /// Resets the statistics to zero after showing them.
        #[arg(long)]
        reset: bool,
    },
    /// Shows the health of the cache, as seen from here.
    Health,
    /// Lists the names of entries.
    Ls(List),
    /// Shows one entry: its state, age, remaining life, size and tags.
    Inspect {
        /// Its name, without the namespace.
        name: String,
        /// Shows the value too, if it can be read without knowing its type.
        #[arg(long)]
        value: bool,
    },
    /// Invalidates entries by prefix, tag or name, in one step each.
    Invalidate(Invalidate),
    /// Removes every entry whose name matches a pattern.
    Clear {
        /// `*` is any text, `?` one byte, `[a-z]` one of a set, `\` takes the next character literally.
        pattern: String,
        /// Only lists the names that it would remove, including those of running loads.
        #[arg(long)]
        dry_run: bool,
    },
    /// Removes everything in the namespace.
    Flush {
        /// Confirms the removal; without it nothing is removed.
        #[arg(long)]
        yes: bool,
    },
    /// Shows the activity of all processes, live, until Ctrl-C.
    Watch {
        /// The interval of updates. Processes report every five seconds.
        #[arg(long, default_value = "2s", value_parser = duration)]
        every: Duration,
        /// Ends after this number of updates.
        #[arg(long)]
        times: Option<NonZeroUsize>,
    },
    /// Checks everything that the cache needs from this Redis, and suggests remedies.
    Doctor {
        /// Checks the outbox in this database, too; without an address, in that of the variable DATABASE_URL.
        #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
        database: Option<String>,
    },
    /// Prints the dependencies of the annotated functions of a running program, for Graphviz.
    ///
    /// An arrow leads from a function that invalidates or puts to those that it reaches, and from a cached function to
    /// those whose bodies call it. A dashed arrow does not pass invalidations on. Calls are those that this process
    /// of the program has made. A picture: `cachectl graph http://localhost:3000/cache | dot -Tsvg > graph.svg`.
    Graph(GraphSource),
    /// Shows how a running program uses its memory, and suggests changes.
    ///
    /// It says which hit rate twice and four times the memory would have, which functions take memory without hits,
    /// which TTLs are too short, and which functions cost more than they save.
    Advise(AdminSource),
    /// Shows how often the values of a running program equal those of their sources, by function.
    ///
    /// The program compares hits of functions with `verify = "1m"`, or with CACHE_VERIFY=1m. The exit code is 1 if a value
    /// was inconsistent.
    Verify(AdminSource),
    /// Shows the outbox: the table with the invalidations of transactions that have committed.
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Performs the invalidations in the outbox, until Ctrl-C or SIGTERM.
    ///
    /// A row is deleted when Redis has confirmed. Rows whose namespace is another one are left to its relay. Several
    /// relays may run at the same time, and a program may run one itself.
    Relay(DatabaseUrl),
    /// Prints triggers of PostgreSQL for a table, which write into the outbox what a change makes stale.
    ///
    /// They are for rows that are changed by programs that know nothing of the cache. A relay then invalidates. A template has
    /// columns in the place of values: with `--prefix 'video:{id}'`, a change of a row with the id 42 invalidates
    /// `video:42`. An UPDATE does so for the old and the new row, TRUNCATE for all. If the column is NULL, everything
    /// below the text before it is invalidated, and `{shelf?}` leaves out the template.
    ///
    /// The rows are for the relays of the namespace in `--namespace`; without it, for the next relay.
    ///
    /// Nothing is executed here: run the statement in a migration, or by
    /// `cachectl triggers --table videos --prefix 'video:{id}' | psql`.
    Triggers(TriggerOptions),
    /// Prints a script for the shell that completes the arguments of this program.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Lists only names below this prefix, and the name that equals it.
    #[arg(long, short, conflicts_with = "pattern")]
    pub(crate) prefix: Option<String>,
    /// Lists only names that match this pattern.
    #[arg(long)]
    pub(crate) pattern: Option<String>,
    /// Lists at most this number of names; 0 for all.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) limit: usize,
    /// Also shows state, age, remaining life and size, with one more command to Redis for each name.
    #[arg(long, short)]
    pub(crate) long: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdminSource {
    /// The address of the program's admin endpoints, such as `http://localhost:3000/cache`, or `-` to read their response
    /// from the standard input. The variable CACHE_ADMIN_KEY has the key.
    pub(crate) admin: String,
}

#[derive(Debug, Args)]
pub(crate) struct GraphSource {
    #[command(flatten)]
    pub(crate) source: AdminSource,
    /// Shows only this function, by its name or path, those on which it depends, and those that depend on it.
    #[arg(long)]
    pub(crate) function: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Prints the statements that make the table and its index.
    Sql(SqlDialect),
    /// Shows the number of invalidations that wait, the age of the oldest, and the number of those that cannot be
    /// performed.
    Lag(DatabaseUrl),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SqlDialect {
    /// For PostgreSQL.
    #[arg(long)]
    pub(crate) postgres: bool,
    /// For SQLite.
    #[arg(long)]
    pub(crate) sqlite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DatabaseUrl {
    /// The address of the database, such as `postgres://user@host/shop` or `sqlite:shop.db`. Other users of this machine
    /// can see arguments; use the variable DATABASE_URL for a password.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TriggerOptions {
    /// The table.
    #[arg(long)]
    pub(crate) table: String,
    #[command(flatten)]
    pub(crate) templates: Templates,
    /// The schema of the table, and of the function for it.
    #[arg(long, default_value = "public")]
    pub(crate) schema: String,
    /// The schema of the table `cache_outbox`.
    #[arg(long, default_value = "public")]
    pub(crate) outbox_schema: String,
    /// The beginning of the names of functions and triggers.
    #[arg(long, default_value = "cache_outbox_")]
    pub(crate) function_prefix: String,
    /// Does not wake the relays by NOTIFY, which makes the commits of all transactions with a NOTIFY wait for each other.
    /// A relay then sees a change at its next look, within a second.
    #[arg(long)]
    pub(crate) no_notify: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Templates {
    /// Invalidates everything below this prefix, such as `video:{id}`, and the entry whose name equals it.
    #[arg(long)]
    pub(crate) prefix: Vec<String>,
    /// Invalidates everything with this tag, such as `shelf:{shelf}`.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Invalidates one entry, such as `video:{id}:meta`.
    #[arg(long)]
    pub(crate) name: Vec<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Invalidate {
    /// Invalidates everything below this prefix, and the entry whose name equals it.
    #[arg(long)]
    pub(crate) prefix: Vec<String>,
    /// Invalidates everything with this tag.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Invalidates one entry.
    #[arg(long, conflicts_with = "soft")]
    pub(crate) name: Vec<String>,
    /// For this time, such as 30s, lets functions that may serve stale values serve the entries of prefixes and tags.
    #[arg(long, value_parser = duration)]
    pub(crate) soft: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(Ttl::For(duration)) if duration >= Duration::from_millis(1) => Ok(duration),
        _ => {
            Err("expected a duration of at least a millisecond, such as `500ms`, `2s` or `1m`"
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_duration_is_not_zero_and_not_for_ever() {
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        for text in ["0", "forever", "soon", ""] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
