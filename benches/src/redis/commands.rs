//! Counts the commands of a server.

use std::collections::BTreeMap;

use cache_tests::RedisServer;

/// The commands inside the scripts of an invalidation, which need no round trips of their own.
const IN_SCRIPTS: [&str; 5] = ["get", "getrange", "publish", "set", "unlink"];

/// The number of calls of each command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commands(BTreeMap<String, u64>);

impl Commands {
    /// Those of a server since its start.
    pub fn of(server: &RedisServer) -> Self {
        Commands::read(&server.cli::<String>(&["INFO", "commandstats"]))
    }

    fn read(info: &str) -> Self {
        let lines = info.lines().filter_map(|line| line.strip_prefix("cmdstat_"));
        let commands = lines.filter_map(|line| {
            let (name, numbers) = line.split_once(':')?;
            let calls = numbers.strip_prefix("calls=")?.split(',').next()?.parse().ok()?;
            (name != "info").then(|| (name.to_owned(), calls))
        });
        Commands(commands.collect())
    }

    /// Returns the number of commands since `before` that a client has sent, scripts included.
    pub fn sent_since(&self, before: &Commands) -> u64 {
        let with_scripts = self.number("evalsha") > before.number("evalsha");
        let sent = |name: &&String| !(with_scripts && IN_SCRIPTS.contains(&name.as_str()));
        let names = self.0.keys().filter(sent);
        names.map(|name| self.number(name) - before.number(name)).sum()
    }

    fn number(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Commands;

    #[test]
    fn what_a_script_does_was_not_sent() {
        let before = "# Commandstats\r\ncmdstat_get:calls=2,usec=9\r\n";
        let scan = "cmdstat_get:calls=2,usec=9\r\ncmdstat_unlink:calls=3,usec=1\r\n";
        let set = "cmdstat_set:calls=1,usec=1\r\n";
        let script =
            format!("{scan}{set}cmdstat_evalsha:calls=1,usec=1\r\ncmdstat_info:calls=1,usec=1");
        let [before, scan, script] = [before, scan, &script].map(Commands::read);
        assert_eq!(scan.sent_since(&before), 3);
        assert_eq!(script.sent_since(&before), 1);
    }
}
