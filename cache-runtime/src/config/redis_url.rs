//! The address of Redis, which may hold a password.

use std::fmt;
use std::str::FromStr;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use serde::{Deserialize, Serialize};

use super::mask::mask_url;
use crate::error::Error;

const EXPECTED: &str = "a URL such as `redis://user:password@host:6379/0`, \
                        `redis+unix:///run/redis.sock?db=0` or \
                        `redis-sentinel://host:26379,host:26379/master`, or several of a cluster: \
                        `redis://host:6379,redis://host:6379`";
const SCHEMES: [&str; 4] = ["redis", "rediss", "redis+unix", "unix"];
const SENTINEL: &str = "redis-sentinel";
const SENTINEL_TLS: &str = "rediss-sentinel";

/// The address of Redis:
///
/// - One server: `redis://[user:password@]host[:port][/db]`, `rediss://..` for an encrypted connection
///   (feature `tls`), or `redis+unix:///path/to/socket[?db=0&user=..&pass=..]` (also `unix://`).
/// - A cluster (feature `cluster`): the URL of any node, or of several separated by commas:
///   `redis://host:6379,redis://host:6379`. The other nodes are discovered.
/// - A master monitored by Sentinel: `redis-sentinel://[user:password@]host[:26379][,host..]/name[/db]`
///   with the hosts of the sentinels and the name of the master; with `rediss-sentinel://..`, all connections
///   use TLS. User and password are those of the master; those of the sentinels, if needed, are
///   `?sentinel_user=..&sentinel_password=..`.
///
/// With `?protocol=resp3`, commands use that protocol too; invalidations of other processes always do.
///
/// `Debug` and `Display` never show the password, even if the text is not a valid URL. Serialising
/// writes it, because a configuration must read back unchanged.
///
/// ```
/// use cache_runtime::RedisUrl;
///
/// let url = RedisUrl::from("redis://app:secret@cache.internal:6379/2");
/// assert_eq!(url.to_string(), "redis://app:***@cache.internal:6379/2");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedisUrl(String);

/// Holds the servers to connect to, as they were configured.
#[derive(Clone, Debug)]
pub(crate) struct RedisAddress {
    /// The settings of a connection, wherever the server is.
    pub(crate) server: ConnectionInfo,
    /// One server, nodes of a cluster, or sentinels.
    pub(crate) named: Vec<ConnectionInfo>,
    /// The name of the master, if they are sentinels.
    pub(crate) master: Option<String>,
}

impl RedisAddress {
    /// Returns true if it can only be a cluster's.
    pub(crate) fn is_cluster(&self) -> bool {
        self.master.is_none() && self.named.len() > 1
    }
}

impl RedisUrl {
    /// Returns the text as it was given, including the password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns true if the connection is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.starts_with("rediss")
    }

    /// Returns what a client needs to connect, or what is accepted in place of this text.
    pub(crate) fn address(&self) -> Result<RedisAddress, UrlError> {
        match self.0.split_once("://") {
            Some((scheme @ (SENTINEL | SENTINEL_TLS), rest)) => sentinels(scheme, rest),
            _ => {
                let named = servers(&self.each())?;
                let server = named.first().cloned().ok_or(UrlError::Scheme)?;
                Ok(RedisAddress { server, named, master: None })
            }
        }
    }

    /// Returns the URLs that it consists of: a comma may also belong to a password.
    fn each(&self) -> Vec<&str> {
        let begins = |at: &usize| {
            let rest = &self.0[at + 1..];
            SCHEMES
                .iter()
                .any(|scheme| rest.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")))
        };
        let commas = self.0.match_indices(',').map(|(at, _)| at).filter(begins);
        let mut urls = Vec::new();
        let mut begin = 0;
        for comma in commas {
            urls.push(&self.0[begin..comma]);
            begin = comma + 1;
        }
        urls.push(&self.0[begin..]);
        urls
    }
}

/// The reason for which a text cannot be used as an address of Redis. Its `Display` is what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UrlError {
    /// The scheme is not one of Redis.
    Scheme,
    /// Several URLs are given, and this build does not support clusters.
    ClusterFeature,
    /// A node of a cluster is given by the path of a socket.
    ClusterSocket,
    /// A cluster has one database.
    ClusterDatabase,
    /// The URLs of a cluster differ in more than host and port.
    ClusterDiffers,
    /// A special character of the login ends it.
    Escapes,
    /// This build does not support TLS.
    TlsFeature,
    /// A `#` would switch the check of certificates off.
    Fragment,
    /// The name of the master is missing.
    MasterName,
    /// The query of an address of sentinels has another parameter.
    SentinelQuery,
    /// The database is negative.
    Database,
    /// The client would connect without logging in at all.
    Password,
    /// The client refuses it, for this reason.
    Client(String),
}

impl UrlError {
    fn reason(&self) -> &str {
        match self {
            UrlError::Scheme => "",
            UrlError::ClusterFeature => "several URLs need a cluster: enable the feature `cluster`",
            UrlError::ClusterSocket => {
                "the nodes of a cluster cannot be reached through a Unix socket"
            }
            UrlError::ClusterDatabase => "a cluster has only database 0",
            UrlError::ClusterDiffers => {
                "all nodes of a cluster must have the same scheme, login and database"
            }
            UrlError::Escapes => {
                "special characters in the user name and the password must be percent-encoded: `%2F` for `/`, `%3F` for \
         `?`, `%23` for `#`, `%40` for `@`, `%25` for `%`; REDIS_PASSWORD takes them as they are"
            }
            UrlError::TlsFeature => "this build connects without TLS: enable the feature `tls`",
            UrlError::Fragment => {
                "`#` is not supported, and no option accepts any certificate; name the CA in REDIS_TLS_CA"
            }
            UrlError::MasterName => {
                "the sentinels must be followed by `/` and their name of the master"
            }
            UrlError::SentinelQuery => {
                "the query may contain `sentinel_user`, `sentinel_password` and `protocol`"
            }
            UrlError::Database => "the database must be a number from 0",
            UrlError::Password => {
                "a user name needs a password; a password alone is written `:password@`"
            }
            UrlError::Client(reason) => reason,
        }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => f.write_str(EXPECTED),
            reason => write!(f, "{EXPECTED} ({reason})"),
        }
    }
}

impl std::error::Error for UrlError {}

fn servers(urls: &[&str]) -> Result<Vec<ConnectionInfo>, UrlError> {
    let servers = urls.iter().map(|url| server(url)).collect::<Result<Vec<_>, _>>()?;
    if let [first, others @ ..] = &servers[..]
        && !others.is_empty()
    {
        if !cfg!(feature = "cluster") {
            return Err(UrlError::ClusterFeature);
        }
        if servers.iter().any(|server| matches!(server.addr(), ConnectionAddr::Unix(_))) {
            return Err(UrlError::ClusterSocket);
        }
        if first.redis_settings().db() != 0 {
            return Err(UrlError::ClusterDatabase);
        }
        let speaks = |server: &ConnectionInfo| {
            let settings = server.redis_settings();
            let encrypted = matches!(server.addr(), ConnectionAddr::TcpTls { .. });
            let login =
                (settings.username().map(str::to_owned), settings.password().map(str::to_owned));
            (encrypted, login, settings.db(), settings.protocol())
        };
        if others.iter().any(|other| speaks(other) != speaks(first)) {
            return Err(UrlError::ClusterDiffers);
        }
    }
    Ok(servers)
}

/// Reads the URL of one server.
fn server(url: &str) -> Result<ConnectionInfo, UrlError> {
    match url.split_once("://") {
        Some((scheme @ ("redis" | "rediss"), rest)) => {
            check_escapes(rest)?;
            if scheme == "rediss" {
                check_encrypted(rest)?;
            }
        }
        Some((scheme, _)) if SCHEMES.contains(&scheme) => {}
        _ => return Err(UrlError::Scheme),
    }
    let info = url.into_connection_info().map_err(|error| {
        // "what is wrong - kind: detail"; the detail quotes the URL's query, which may hold a password.
        UrlError::Client(error.to_string().split(" - ").next().unwrap_or_default().to_owned())
    })?;
    check_settings(&info)?;
    Ok(info)
}

/// Checks that no `/`, `?` or `#` of a password ends the login, so that the rest is read as a database or query.
fn check_escapes(rest: &str) -> Result<(), UrlError> {
    let (authority, beyond) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !beyond.contains('@') || authority.contains('@') {
        return Ok(());
    }
    Err(UrlError::Escapes)
}

fn check_encrypted(rest: &str) -> Result<(), UrlError> {
    if !cfg!(feature = "tls") {
        return Err(UrlError::TlsFeature);
    }
    if rest.contains('#') {
        return Err(UrlError::Fragment);
    }
    Ok(())
}

/// Reads the URL of sentinels, with the name of the master.
fn sentinels(scheme: &str, rest: &str) -> Result<RedisAddress, UrlError> {
    let scheme = if scheme == SENTINEL { "redis" } else { "rediss" };
    check_escapes(rest)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (format!("{login}@"), hosts),
        None => (String::new(), authority),
    };
    let (master, db) = path.split_once('/').unwrap_or((path, "0"));
    let accepted = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if master.is_empty() || !master.chars().all(accepted) {
        return Err(UrlError::MasterName);
    }
    let (mut user, mut password, mut protocol) = ("", "", "");
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sentinel_user", value)) => user = value,
            Some(("sentinel_password", value)) => password = value,
            Some(("protocol", value)) => protocol = value,
            _ => {
                return Err(UrlError::SentinelQuery);
            }
        }
    }
    let protocol =
        if protocol.is_empty() { String::new() } else { format!("?protocol={protocol}") };
    let own = match (user, password) {
        ("", "") => String::new(),
        (user, password) => format!("{user}:{password}@"),
    };
    let sentinel = |host: &str| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let port = if has_port { "" } else { ":26379" };
        server(&format!("{scheme}://{own}{host}{port}"))
    };
    Ok(RedisAddress {
        named: hosts.split(',').map(sentinel).collect::<Result<_, _>>()?,
        master: Some(master.to_owned()),
        server: server(&format!("{scheme}://{login}localhost/{db}{protocol}"))?,
    })
}

/// Reads an address that can be used.
///
/// ```
/// use cache_runtime::RedisUrl;
///
/// let url: RedisUrl = "redis://cache.internal:6379".parse()?;
/// assert_eq!(url.expose(), "redis://cache.internal:6379");
/// assert!("localhost:6379".parse::<RedisUrl>().is_err());
/// # Ok::<(), cache_runtime::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Config`] if the text is not an address of Redis, or needs a feature that this build lacks.
/// The password is masked.
impl FromStr for RedisUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let url = RedisUrl::from(text.trim());
        match url.address() {
            Ok(_) => Ok(url),
            Err(error) => Err(Error::Config {
                setting: "redis_url".to_owned(),
                value: url.to_string(),
                expected: error.to_string(),
                source: None,
            }),
        }
    }
}

impl From<&str> for RedisUrl {
    fn from(url: &str) -> Self {
        RedisUrl(url.to_owned())
    }
}

impl From<String> for RedisUrl {
    fn from(url: String) -> Self {
        RedisUrl(url)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address().is_err() {
            return f.write_str(&mask_url(&self.0, false));
        }
        let urls: Vec<_> = self.each().into_iter().map(|url| mask_url(url, true)).collect();
        f.write_str(&urls.join(","))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// The parts of an address that are configured one by one.
#[derive(Default)]
pub(super) struct UrlParts {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) db: Option<u16>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) tls: bool,
}

impl From<UrlParts> for RedisUrl {
    fn from(parts: UrlParts) -> Self {
        let UrlParts { host, port, db, username, password, tls } = parts;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let user = username.as_deref().map(percent_encode).unwrap_or_default();
        let login = password.map(|password| format!("{user}:{}@", percent_encode(&password)));
        RedisUrl(format!(
            "redis{}://{}{host}:{}/{}",
            if tls { "s" } else { "" },
            login.unwrap_or_default(),
            port.unwrap_or(6379),
            db.unwrap_or(0)
        ))
    }
}

fn check_settings(info: &ConnectionInfo) -> Result<(), UrlError> {
    let settings = info.redis_settings();
    if settings.db() < 0 {
        return Err(UrlError::Database);
    }
    // The client would connect without logging in at all.
    if settings.username().is_some() && settings.password().is_none() {
        return Err(UrlError::Password);
    }
    Ok(())
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into())
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn refused(url: &str) -> String {
        RedisUrl::from(url).address().unwrap_err().to_string()
    }

    fn address(url: &str) -> RedisAddress {
        RedisUrl::from(url).address().unwrap()
    }

    fn shown(infos: &[ConnectionInfo]) -> Vec<String> {
        infos.iter().map(|info| info.addr().to_string()).collect()
    }

    #[test]
    fn accepts_tcp_and_unix_addresses() {
        for url in [
            "redis://localhost",
            "redis://127.0.0.1:6379/3",
            "redis://:pass@host",
            "redis://:a,b@host",
            "redis://:a,redis@host",
            "redis://user:p%40ss@[::1]:7000/0",
            "redis://host?protocol=resp2",
            "redis://host?protocol=resp3",
            "redis+unix:///run/redis.sock",
            "unix:///run/redis.sock?db=2&pass=secret",
        ] {
            assert_eq!(address(url).named.len(), 1, "{url}");
        }
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn several_addresses_are_those_of_a_cluster() {
        let nodes = address("redis://:a,b@h1,redis://:a,b@[::1]:7001");
        assert_eq!(shown(&nodes.named), ["h1:6379", "::1:7001"]);
        assert_eq!(nodes.server.redis_settings().password(), Some("a,b"));
        assert!(refused("redis://h1/1,redis://h2/1").contains("only database 0"));
        assert!(refused("redis://:a@h1,redis://:b@h2").contains("the same scheme, login"));
        assert!(refused("redis://h1,redis+unix:///r.sock").contains("socket"));
        let url = RedisUrl::from("redis://u:secret@h1,redis://u:secret@h2");
        assert_eq!(url.to_string(), "redis://u:***@h1,redis://u:***@h2");
    }

    #[test]
    fn sentinels_are_asked_for_a_master() {
        let url = "redis-sentinel://app:s%2Cecret@h1,h2:7000,[::1]/my-master/3?\
                   sentinel_password=hidden&protocol=resp3";
        let found = address(url);
        assert_eq!(shown(&found.named), ["h1:26379", "h2:7000", "::1:26379"]);
        assert_eq!(found.named[1].redis_settings().password(), Some("hidden"));
        assert_eq!(found.named[1].redis_settings().db(), 0);
        assert_eq!(found.master.as_deref(), Some("my-master"));
        let settings = found.server.redis_settings();
        assert_eq!((settings.username(), settings.db()), (Some("app"), 3));
        assert_eq!(settings.password(), Some("s,ecret"));
        let shown = RedisUrl::from(url).to_string();
        assert_eq!(shown, "redis-sentinel://app:***@h1,h2:7000,[::1]/my-master/3?***");
    }

    #[test]
    fn refuses_what_cannot_be_asked_of_sentinels() {
        assert!(refused("redis-sentinel://h1,h2").contains("name of the master"));
        assert!(refused("redis-sentinel://h1/a b").contains("name of the master"));
        assert!(refused("redis-sentinel://h1/m/x").contains("database"));
        assert!(refused("redis-sentinel://h1,/m").contains("("));
        assert!(refused("redis-sentinel://h1/m?db=1").contains("sentinel_password"));
        #[cfg(not(feature = "tls"))]
        assert!(refused("rediss-sentinel://h1/m").contains("feature `tls`"));
        #[cfg(feature = "tls")]
        assert!(shown(&address("rediss-sentinel://h1/m").named)[0].starts_with("h1"));
    }

    #[test]
    fn refuses_what_this_build_cannot_do_and_says_so() {
        #[cfg(not(feature = "tls"))]
        assert!(refused("rediss://host").contains("enable the feature `tls`"));
        #[cfg(feature = "tls")]
        assert!(refused("rediss://host/#insecure").contains("REDIS_TLS_CA"));
        #[cfg(not(feature = "cluster"))]
        assert!(refused("redis://a,redis://b").contains("enable the feature `cluster`"));
        for url in ["", "localhost:6379", "http://host", "REDIS://host"] {
            assert_eq!(refused(url), EXPECTED, "{url:?}");
        }
    }

    #[test]
    fn refuses_malformed_addresses_with_the_reason() {
        assert!(refused("redis://host/first").contains("database"));
        assert!(refused("redis://host/-1").contains("database"));
        assert!(refused("redis://secret@host").contains(":password@"));
        assert!(refused("redis://").contains("("));
        assert!(!refused("redis://host?protocol=hunter2").contains("hunter2"));
    }

    #[test]
    fn a_password_that_is_not_escaped_is_told_and_not_shown() {
        for url in [
            "redis://:hun/ter2@host:6379/0",
            "redis://:hun#ter2@host",
            "redis://app:hun?ter2@host",
            "redis://app:12/ter2@host",
            "redis://app:12?ter2@host/0",
            "redis-sentinel://app:hun/ter2@h1,h2/master",
        ] {
            let (told, shown) = (refused(url), RedisUrl::from(url).to_string());
            assert!(told.contains("percent-encoded"), "{url}: {told}");
            for part in ["hun", "ter2"] {
                assert!(!told.contains(part) && !shown.contains(part), "{told}, {shown}");
            }
            assert!(url.parse::<RedisUrl>().unwrap_err().to_string().contains("percent-encoded"));
        }
        assert_eq!(address("redis://:hun%2Fter2@host/1").server.redis_settings().db(), 1);
    }

    #[test]
    fn parts_survive_special_characters() {
        let url = RedisUrl::from(UrlParts {
            host: "::1".to_owned(),
            port: Some(7000),
            db: Some(2),
            username: Some("a:b".to_owned()),
            password: Some("p@ss/w?rd#,%é".to_owned()),
            tls: false,
        });
        let address = url.address().unwrap();
        let info = &address.server;
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("::1".to_owned(), 7000));
        assert_eq!(info.redis_settings().db(), 2);
        assert_eq!(info.redis_settings().username(), Some("a:b"));
        assert_eq!(info.redis_settings().password(), Some("p@ss/w?rd#,%é"));
        assert_eq!(url.to_string(), "redis://a%3Ab:***@[::1]:7000/2");
    }

    #[test]
    fn parts_without_a_login() {
        let url = RedisUrl::from(UrlParts { host: "cache".to_owned(), ..UrlParts::default() });
        assert_eq!(url.expose(), "redis://cache:6379/0");
    }
}
