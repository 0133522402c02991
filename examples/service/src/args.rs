//! The command line. What a container is told by its environment has a variable too.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::load::Target;

/// A small web service on SQLite with cached queries. Its cache is configured by the environment:
/// REDIS_URL, CACHE_*, CACHE_ADMIN_KEY.
#[derive(Clone, Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The options of the service, if there is no command.
    #[command(flatten)]
    pub serve: Serve,
    /// The command to run instead of the service.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The options of the service.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The file of the database [default: a temporary one, filled with examples].
    #[arg(long, env = "DATABASE")]
    pub database: Option<PathBuf>,
    /// The time that the simulated API takes for an analysis.
    #[arg(long, env = "ANALYSIS_LATENCY_MS", default_value = "300", value_parser = millis)]
    pub analysis_latency_ms: Duration,
    /// Also send this number of requests per second to the service, until it ends.
    #[arg(long, value_name = "RATE", num_args = 0..=1, default_missing_value = "200", value_parser = rate)]
    pub load: Option<f64>,
}

/// The other commands of this program.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Measure a service under load and print a table.
    Load(Measure),
}

/// The parameters of a load test, and its limit.
#[derive(Clone, Debug, Args)]
pub struct Measure {
    /// The service, such as http://127.0.0.1:3000 [default: one is started on a free port].
    #[arg(long)]
    pub url: Option<Target>,
    /// The duration of the load.
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub seconds: Duration,
    /// The number of connections, each with one request at a time [default: 32, with a rate 256].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: Option<u16>,
    /// Requests per second over all connections [default: each connection waits for its answer].
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// Fail if a request fails, or if the 99th percentile of a cached endpoint is above this.
    #[arg(long, value_name = "MS", value_parser = millis)]
    pub limit_p99_ms: Option<Duration>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.1..=1e6).contains(&rate) => Ok(rate),
        _ => Err("requests in a second are a number from 0.1 to 1000000".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("seconds are a number from 0.1 to 86400".to_owned()),
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(millis @ 0..=600_000) => Ok(Duration::from_millis(millis)),
        _ => Err("milliseconds are a whole number from 0 to 600000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["cache-example-service"], words].concat())
    }

    #[test]
    fn load_takes_a_rate_or_has_one() {
        let load = |words: &[&str]| parsed(words).ok().and_then(|cli| cli.serve.load);
        assert_eq!(load(&[]), None);
        assert_eq!(load(&["--load"]), Some(200.0));
        assert_eq!(load(&["--load", "50"]), Some(50.0));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let error = |words: &[&str]| parsed(words).map(|_| ()).map_err(|error| error.to_string());
        for (words, reason) in [
            (["--load", "0"], "a number from 0.1 to 1000000"),
            (["--listen", "3000"], "invalid socket address"),
            (["load", "--url=https://example.org"], "http://"),
            (["load", "--seconds=no"], "from 0.1 to 86400"),
            (["load", "--connections=0"], "1..=4096"),
        ] {
            let refusal = error(&words).err().unwrap_or_default();
            assert!(refusal.contains(reason), "{words:?}: {refusal}");
        }
    }
}
