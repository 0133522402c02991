//! The diagnosis of a Redis server, with advice. It uses a connection of its own.

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ConnectionInfo, Value, cmd};
use tokio::time::timeout;

use super::RedisStore;
use super::connect;
use super::diagnostic::{Diagnostic, Severity};
use super::error::{Deadline, ReplyKind, ServerState, StoreError, StoreResult};
use super::identity::{check_version, field};
use super::notice;
use super::rights::{Need, OF_CLUSTER, RIGHTS, describe_all, rules};
use super::servers::Servers;
use super::shared::Shared;
use super::tls;
use super::topology::{self, Slots};
use crate::config::CacheConfig;
use crate::error::with_causes;
use crate::support::random;

/// The minimum difference of two clocks that is reported.
const APART: Duration = Duration::from_secs(5);
/// The maximum time of one command.
const PATIENCE: Duration = Duration::from_secs(5);

impl RedisStore {
    /// Tries everything that the cache needs from Redis, on each server.
    pub(crate) async fn diagnose(&self) -> Vec<Diagnostic> {
        let shared = &*self.0;
        let began = Instant::now();
        let (info, connection) = match shared
            .connector
            .within_connect_timeout(connect::reach(&shared.connector))
            .await
        {
            Ok(reached) => reached,
            Err(error) => return vec![unreachable(shared, &error)],
        };
        let mut server = DiagnosedServer { info, connection, shared, slots: None, lost: false };
        if let Err(error) = server.ask(&cmd("PING")).await
            && (server.lost || error.requires_password())
        {
            return vec![unreachable(shared, &error)];
        }
        let took = began.elapsed();
        let mut diagnostics = vec![
            Diagnostic::good(
                "connection",
                format!("{} answered after {took:.1?}", shared.settings.address),
            ),
            encryption(shared),
            namespace(shared),
        ];
        match server.all().await {
            Ok((topology, examined)) => {
                diagnostics.push(topology);
                let names: Vec<_> = examined.iter().map(|p| p.info.addr().to_string()).collect();
                let found = join_all(examined.into_iter().map(DiagnosedServer::examine)).await;
                diagnostics.extend(merge(&names, found));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
        diagnostics.push(pending_invalidations(shared));
        diagnostics
    }
}

/// Merges the results of several servers: the worst of each check, with its servers.
fn merge(names: &[String], found: Vec<Vec<Diagnostic>>) -> Vec<Diagnostic> {
    let mut order: Vec<&'static str> = Vec::new();
    for diagnostic in found.iter().flatten() {
        if !order.contains(&diagnostic.name) {
            order.push(diagnostic.name);
        }
    }
    let of_name = |name| {
        let diagnostics = names.iter().zip(&found).flat_map(move |(server, diagnostics)| {
            diagnostics
                .iter()
                .filter(move |diagnostic| diagnostic.name == name)
                .map(move |diagnostic| (server, diagnostic))
        });
        let worst = diagnostics.clone().map(|(_, diagnostic)| diagnostic.severity).max()?;
        let bad: Vec<_> =
            diagnostics.clone().filter(|(_, diagnostic)| diagnostic.severity == worst).collect();
        let mut merged = bad.first()?.1.clone();
        if names.len() > 1 && worst > Severity::Good {
            let each =
                bad.iter().map(|(server, diagnostic)| format!("{server}: {}", diagnostic.found));
            merged.found = each.collect::<Vec<_>>().join("; ");
        }
        Some(merged)
    };
    order.into_iter().filter_map(of_name).collect()
}

/// A server under diagnosis.
struct DiagnosedServer<'a> {
    info: ConnectionInfo,
    connection: MultiplexedConnection,
    shared: &'a Shared,
    /// In a cluster, the node of each slot, and the number of this node.
    slots: Option<(Slots, usize)>,
    /// True if it has stopped replying. No further command is then sent to it.
    lost: bool,
}

impl<'a> DiagnosedServer<'a> {
    /// Returns all servers that hold keys.
    async fn all(mut self) -> Result<(Diagnostic, Vec<DiagnosedServer<'a>>), Diagnostic> {
        const NAME: &str = "topology";
        let info = match self.text(cmd("INFO").arg("default")).await {
            Ok(info) => info,
            Err(error) => return Err(refused("server", "INFO", self.shared, &error)),
        };
        if field(&info, "cluster_enabled") != Some("1") {
            let found = match &self.shared.settings.servers.address.master {
                Some(master) => format!("`{master}` is {}, as sentinels say", self.info.addr()),
                None => "one server".to_owned(),
            };
            return Ok((Diagnostic::good(NAME, found), vec![self]));
        }
        if !cfg!(feature = "cluster") {
            let advice = "enable the feature `cluster`";
            return Err(Diagnostic::fault(NAME, "a node of a cluster", advice));
        }
        let servers = &self.shared.settings.servers;
        let asked = topology::masters(&mut self.connection, servers.are_encrypted());
        let masters = match self.shared.connector.within_connect_timeout(asked).await {
            Ok(masters) => masters,
            Err(error) => return Err(refused(NAME, "CLUSTER SHARDS", self.shared, &error)),
        };
        let slots = Slots::new(&masters);
        let mut examined = Vec::new();
        for (number, master) in masters.iter().enumerate() {
            let host = master.host.clone().or(self.info_host()).unwrap_or_default();
            let Some(info) = servers.at(&host, master.port) else { continue };
            match self
                .shared
                .connector
                .within_connect_timeout(self.shared.connector.open(&info))
                .await
            {
                Ok(connection) => examined.push(DiagnosedServer {
                    info,
                    connection,
                    shared: self.shared,
                    slots: Some((slots.clone(), number)),
                    lost: false,
                }),
                Err(error) => {
                    let found = format!("{}: {}", info.addr(), with_causes(&error));
                    let advice = "each master must be reachable at the address that it announces: check \
                                  cluster-announce-ip and the network";
                    return Err(Diagnostic::fault(NAME, found, advice));
                }
            }
        }
        let found = format!("a cluster of {} masters", masters.len());
        let diagnostic = if slots.has_gap() {
            Diagnostic::fault(
                NAME,
                format!("{found}; some slots have no master"),
                "assign the slots; CLUSTER SHARDS lists them",
            )
        } else {
            Diagnostic::good(NAME, found)
        };
        Ok((diagnostic, examined))
    }

    fn info_host(&self) -> Option<String> {
        super::node::place(&self.info).map(|(host, _)| host.to_owned())
    }

    async fn examine(mut self) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        match self.text(cmd("INFO").arg("default")).await {
            Err(error) => diagnostics.push(refused("server", "INFO", self.shared, &error)),
            Ok(info) => diagnostics.extend([version(&info), role(&info), eviction(&info)]),
        }
        diagnostics.push(self.latency().await);
        diagnostics.push(self.clock().await);
        diagnostics.push(self.permissions().await);
        diagnostics.push(self.feed().await);
        diagnostics
    }

    /// Returns a key for an experiment on this server.
    fn scratch_key(&self) -> String {
        let key = || format!("{}#doctor:{:016x}", self.shared.keys.value(""), random::word());
        match &self.slots {
            None => key(),
            Some((slots, own)) => std::iter::repeat_with(key)
                .take(100_000)
                .find(|key| slots.owner(key) == *own)
                .unwrap_or_default(),
        }
    }

    async fn ask(&mut self, command: &Cmd) -> StoreResult<Value> {
        let late = StoreError::Timeout(Deadline::Fixed, PATIENCE);
        if self.lost {
            return Err(late);
        }
        let answer = match timeout(PATIENCE, command.query_async(&mut self.connection)).await {
            Ok(answer) => answer.map_err(StoreError::from),
            Err(_) => Err(late),
        };
        self.lost = answer.as_ref().is_err_and(|error| !error.is_reply());
        answer
    }

    async fn text(&mut self, command: &Cmd) -> StoreResult<String> {
        StoreError::read(self.ask(command).await?)
    }

    async fn latency(&mut self) -> Diagnostic {
        let mut times = Vec::new();
        for _ in 0..5 {
            let asked = Instant::now();
            if let Err(error) = self.ask(&cmd("PING")).await
                && !error.is_reply()
            {
                return refused("latency", "PING", self.shared, &error);
            }
            times.push(asked.elapsed());
        }
        times.sort();
        let (median, deadline) = (times[times.len() / 2], self.shared.settings.deadline);
        let found = format!("a round trip takes {median:.1?}; the timeout is {deadline:?}");
        if median * 4 < deadline {
            return Diagnostic::good("latency", found);
        }
        Diagnostic::warning(
            "latency",
            found,
            "move Redis closer, or raise REDIS_TIMEOUT: an operation that takes longer counts as an \
             outage",
        )
    }

    /// Compares the clocks. The cache uses the server's clock alone, but logs are compared by both.
    async fn clock(&mut self) -> Diagnostic {
        let answer = self.ask(&cmd("TIME")).await;
        let here = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let there = match answer.and_then(StoreError::read::<(u64, u64)>) {
            Ok((seconds, micros)) => {
                Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros))
            }
            Err(error) => return refused("clock", "TIME", self.shared, &error),
        };
        let apart = here.abs_diff(there);
        let which = if there > here { "ahead of" } else { "behind" };
        let found = format!("the server is {apart:.1?} {which} this machine");
        if apart <= APART {
            return Diagnostic::good("clock", found);
        }
        Diagnostic::warning(
            "clock",
            found,
            "the cache uses the server's clock, so it works correctly; synchronise both clocks with NTP, so \
             that logs can be compared",
        )
    }

    /// Tries each command that the cache sends or its scripts run, on a key made for this.
    async fn permissions(&mut self) -> Diagnostic {
        const NAME: &str = "permissions";
        let (key, feed) = (self.scratch_key(), self.shared.keys.feed());
        let (mut lacks, mut failed) = (Vec::new(), None);
        let of_cluster = if self.slots.is_some() { &OF_CLUSTER[..] } else { &[] };
        for right in RIGHTS.iter().chain(of_cluster) {
            let Err(error) = self.ask(&right.command(&key, &feed)).await else { continue };
            match right.lack(&error) {
                Some(lack) => lacks.push(lack),
                // The key is a string, and a hash command would fail on it.
                None if error.is_wrong_type() => {}
                None => failed = failed.or(Some((right.words(), error))),
            }
        }
        // The diagnostic of the feed reports this one.
        lacks.retain(|lack| lack.need != Need::Feed || !lack.is_unknown());
        let namespace = &self.shared.settings.namespace;
        let found = describe_all(lacks.iter(), self.shared.settings.user(), namespace).join("; ");
        let rules = rules(lacks.iter(), namespace);
        match failed {
            _ if !rules.is_empty() => {
                let advice =
                    format!("ACL SETUSER {} {}", self.shared.settings.user(), rules.join(" "));
                Diagnostic::fault(NAME, found, advice)
            }
            _ if lacks.iter().any(|lack| lack.need == Need::All) => Diagnostic::fault(
                NAME,
                found,
                "the cache cannot use this server: values are kept in the memory of each process, which does \
                 not receive the invalidations of others",
            ),
            Some((name, error)) => refused(NAME, name, self.shared, &error),
            None if !lacks.is_empty() => Diagnostic::warning(
                NAME,
                found,
                "the cache works without it, as described; use a server that has it",
            ),
            None => Diagnostic::good(
                NAME,
                format!("all required commands are permitted under `{namespace}:`"),
            ),
        }
    }

    /// Tries the feed: copies in memory need the invalidations of other processes.
    async fn feed(&mut self) -> Diagnostic {
        let mut publish = cmd("PUBLISH");
        publish.arg(self.shared.keys.feed()).arg(notice::nothing());
        if let Err(error) = self.ask(&publish).await
            && error.is_unknown_command()
        {
            return no_feed(&error);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.shared.settings.connect_timeout))
            .set_response_timeout(Some(PATIENCE))
            .set_push_sender(|_| Ok::<(), redis::aio::SendError>(()));
        let info = Servers::speaking(&self.info);
        let open = self.shared.settings.servers.open(&info, &config);
        let subscribed = async {
            let mut connection = self.shared.connector.within_connect_timeout(open).await?;
            StoreResult::Ok(connection.subscribe(self.shared.keys.feed()).await?)
        };
        match subscribed.await {
            Ok(()) => Diagnostic::good("feed", "invalidations of other processes can be received"),
            Err(error) if error.is_unknown_command() => no_feed(&error),
            Err(error) => {
                let namespace = &self.shared.settings.namespace;
                let advice = format!(
                    "the feed needs RESP3 and `SUBSCRIBE {namespace}:#feed` (ACL: `+subscribe +hello \
                     &{namespace}:#feed`). Without it, nothing is kept in memory while Redis is \
                     used; CACHE_MODE=redis does not need it"
                );
                Diagnostic::fault("feed", with_causes(&error), advice)
            }
        }
    }
}

fn no_feed(error: &StoreError) -> Diagnostic {
    let found = format!("the server has no pub/sub: {}", with_causes(error));
    let advice = "while this Redis is used, nothing is kept in memory, and each value is read from Redis; set \
                  CACHE_MODE=redis if this is intended";
    Diagnostic::warning("feed", found, advice)
}

fn unreachable(shared: &Shared, error: &StoreError) -> Diagnostic {
    let found = format!("{}: {}", shared.settings.address, with_causes(error));
    if let Some(advice) = tls::advice(error, &shared.settings.servers.tls) {
        return Diagnostic::fault("connection", found, advice);
    }
    let advice = match error {
        _ if error.requires_password() => {
            "the server requires a password: set REDIS_PASSWORD (and REDIS_USERNAME, for a user of its ACL), or \
             put it into REDIS_URL"
        }
        StoreError::Login(_) => {
            "check user and password, in REDIS_URL or in REDIS_USERNAME and REDIS_PASSWORD"
        }
        _ if error.is_timeout() && shared.settings.servers.are_encrypted() => {
            "the server does not answer, or does not use TLS: check host, port and security groups"
        }
        _ if error.is_timeout() => {
            "packets are dropped on the way: check host, port, security groups and network \
             policies"
        }
        _ if error.is_connection_refused() => "no server listens there: check host and port",
        _ => "check host, port and credentials in REDIS_URL",
    };
    Diagnostic::fault("connection", found, advice)
}

fn refused(name: &'static str, command: &str, shared: &Shared, error: &StoreError) -> Diagnostic {
    let advice = match error.reply() {
        Some(ReplyKind::Denied(_)) => format!("ACL SETUSER <user> +{}", command.to_lowercase()),
        Some(ReplyKind::State(ServerState::OutOfMemory)) => {
            "the server is out of memory and evicts nothing: raise maxmemory, or set \
                        maxmemory-policy to allkeys-lru"
                .to_owned()
        }
        Some(ReplyKind::State(ServerState::ReadOnly)) => {
            "this is a replica: connect to its master".to_owned()
        }
        _ => format!("{command} must work at {}", shared.settings.address),
    };
    Diagnostic::fault(name, format!("{command}: {}", with_causes(error)), advice)
}

fn encryption(shared: &Shared) -> Diagnostic {
    if shared.settings.servers.are_encrypted() {
        return Diagnostic::good("encryption", "TLS, and the server's certificate is valid");
    }
    if shared.settings.servers.are_local() {
        return Diagnostic::good("encryption", "none, and the server is on this machine");
    }
    Diagnostic::warning(
        "encryption",
        "none: values and the password are sent in plain text",
        "use rediss:// (feature `tls`), or keep Redis in a private network",
    )
}

/// Checks that the namespace is not the default, which all programs share that do not set one.
fn namespace(shared: &Shared) -> Diagnostic {
    let namespace = &shared.settings.namespace;
    if *namespace != CacheConfig::default().namespace {
        return Diagnostic::good("namespace", namespace);
    }
    Diagnostic::warning(
        "namespace",
        format!(
            "`{namespace}`, the default, which is shared with every other program or environment that uses this Redis without a namespace of its own"
        ),
        "set CACHE_NAMESPACE to a name for this program and environment, such as `shop-production`: \
         programs in the same namespace clear each other's entries, and share values with the same name",
    )
}

fn version(info: &str) -> Diagnostic {
    let valkey = field(info, "valkey_version").map(|version| format!("Valkey {version}"));
    let found = valkey.unwrap_or_else(|| {
        format!("Redis {}", field(info, "redis_version").unwrap_or("of unknown version"))
    });
    match check_version(info) {
        Ok(()) => Diagnostic::good("version", found),
        Err(_) => Diagnostic::fault("version", found, "Redis 7.0 or Valkey 7.2 is the minimum"),
    }
}

fn role(info: &str) -> Diagnostic {
    match field(info, "role") {
        Some("master") | None => Diagnostic::good("role", "master"),
        Some(role) => Diagnostic::fault(
            "role",
            role,
            "the cache needs to write: use the address of the master",
        ),
    }
}

fn eviction(info: &str) -> Diagnostic {
    const NAME: &str = "eviction";
    let limit: u64 = field(info, "maxmemory").and_then(|text| text.parse().ok()).unwrap_or(0);
    let policy = field(info, "maxmemory_policy").unwrap_or("unknown");
    if limit == 0 {
        let used = field(info, "used_memory_human").unwrap_or("an unknown amount");
        return Diagnostic::warning(
            NAME,
            format!("no memory limit; {used} in use"),
            "set maxmemory, and maxmemory-policy to allkeys-lru: without a limit, Redis grows until the \
             machine is out of memory",
        );
    }
    let found = format!("{policy}, with {} MiB", limit >> 20);
    match policy {
        "noeviction" => Diagnostic::warning(
            NAME,
            found,
            "set maxmemory-policy to allkeys-lru or allkeys-lfu: a full Redis that evicts nothing refuses \
             writes, and the cache then works without it",
        ),
        "volatile-ttl" => Diagnostic::warning(
            NAME,
            found,
            "set maxmemory-policy to allkeys-lru or allkeys-lfu: this policy evicts the placeholders of running \
             loads first, so that their values are not stored",
        ),
        _ => Diagnostic::good(NAME, found),
    }
}

fn pending_invalidations(shared: &Shared) -> Diagnostic {
    match shared.journal.len() {
        0 => Diagnostic::good("invalidations", "this process has no pending invalidations"),
        pending => Diagnostic::warning(
            "invalidations",
            format!("this process has {pending} pending invalidations"),
            "they are sent until Redis confirms them; until then, this process does not read what they affect from Redis",
        ),
    }
}
