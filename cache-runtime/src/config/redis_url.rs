//! The address of Redis, which may hold a password.

mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use serde::{Deserialize, Serialize};

use super::mask::mask_url;
use crate::error::Error;
pub(crate) use error::UrlError;

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
    /// The settings of a connection, for every server.
    pub(crate) server: ConnectionInfo,
    /// One server, nodes of a cluster, or sentinels.
    pub(crate) named: Vec<ConnectionInfo>,
    /// The name of the master, if they are sentinels.
    pub(crate) master: Option<String>,
}

impl RedisAddress {
    /// Returns true if the address can only be that of a cluster.
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

    /// Returns the data with which a client connects, or the accepted forms in place of this text.
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

    /// Returns the URLs that the address consists of. A comma may also belong to a password.
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
        // The text is "what is wrong - kind: detail". The detail quotes the URL's query, which may hold a
        // password.
        UrlError::Client(error.to_string().split(" - ").next().unwrap_or_default().to_owned())
    })?;
    check_settings(&info)?;
    Ok(info)
}

/// Checks that no `/`, `?` or `#` of a password ends the login. Otherwise the rest would be read as a
/// database or query.
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
    // Without a password, the client would connect without logging in.
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
