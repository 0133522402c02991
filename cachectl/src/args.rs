//! What can be asked for.

use std::num::NonZeroUsize;
use std::time::Duration;

use cache_runtime::Ttl;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// See and steer a cache of `cache-runtime` in Redis.
///
/// What is invalidated here is invalidated as by the programs themselves: running instances notice at once.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER)]
pub(crate) struct Cli {
    /// The address of Redis, such as `redis://user:password@host:6379/0`. Others on this machine see what is
    /// given here; the variable REDIS_URL (or REDIS_HOST and its companions) is better for a password.
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
    /// The namespace of the cache; without it the variable CACHE_NAMESPACE, or `cache`.
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
    /// JSON in place of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long one question to Redis may take.
    #[arg(long, global = true, default_value = "2s", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Exit codes: 0 done; 1 the answer is no: no such entry, a cache that is not healthy, a fault found; 2 wrong usage;
3 Redis cannot be used, or has not confirmed an invalidation.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What all processes have done together, by call site.
    Stats {
        /// Starts it from zero after it has been shown.
        #[arg(long)]
        reset: bool,
    },
    /// How the cache is, seen from here.
    Health,
    /// The names of entries.
    Ls(List),
    /// One entry: its age, remaining life, size, tags, and whether it is valid.
    Inspect {
        /// Its name, without the namespace.
        name: String,
        /// Shows the value too, if it can be read without knowing its type.
        #[arg(long)]
        value: bool,
    },
    /// Makes entries stale, in one step each.
    Invalidate(Invalidate),
    /// Removes every entry whose name matches.
    Clear {
        /// `*` is any text, `?` one byte, `[a-z]` one of a set, `\` takes the next as it is.
        pattern: String,
        /// Only names what it would remove; running loads, which leave a mark there, are among them.
        #[arg(long)]
        dry_run: bool,
    },
    /// Removes everything in the namespace.
    Flush {
        /// Without this nothing is removed.
        #[arg(long)]
        yes: bool,
    },
    /// What all processes do, live, until Ctrl-C.
    Watch {
        /// How often it is looked at. Processes report every five seconds.
        #[arg(long, default_value = "2s", value_parser = duration)]
        every: Duration,
        /// Ends after so many looks.
        #[arg(long)]
        times: Option<NonZeroUsize>,
    },
    /// Tries everything that the cache needs of this Redis, and says what to do about what is wrong.
    Doctor,
    /// A script for the shell that completes this program's arguments.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those below this prefix, and the one that is the prefix.
    #[arg(long, short, conflicts_with = "pattern")]
    pub(crate) prefix: Option<String>,
    /// Only those that match.
    #[arg(long)]
    pub(crate) pattern: Option<String>,
    /// At most so many; 0 for all.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) limit: usize,
    /// With state, age, remaining life and size: one more question to Redis each.
    #[arg(long, short)]
    pub(crate) long: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Invalidate {
    /// Everything below this prefix, and the entry that is the prefix.
    #[arg(long)]
    pub(crate) prefix: Vec<String>,
    /// Everything with this tag.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// One entry.
    #[arg(long)]
    pub(crate) name: Vec<String>,
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
