//! The configuration from environment variables.

use std::{
    collections::{BTreeMap, BTreeSet},
    env::{self, VarError},
    net::Ipv6Addr,
};

use cache_syntax::nearest;

use super::settings::{SETTINGS, VariableSource};
use super::{CacheConfig, Mode, RedisUrl, Ttl, redis_url::UrlParts, sources, text::Textual};
use crate::error::Error;
use crate::format::codec::DefaultCodec;

/// The variables that together stand for `REDIS_URL`. The host is the first.
const PARTS: [&str; 5] =
    ["REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_USERNAME", "REDIS_PASSWORD"];
/// The variable that makes an address an encrypted one.
const TLS: &str = "REDIS_TLS";

impl CacheConfig {
    /// Reads the configuration from the environment of the process. Unset variables have their
    /// defaults. The variables are listed at the [fields](CacheConfig#fields).
    ///
    /// An empty variable counts as unset. In mode `memory`, the variables of the Redis address are ignored. A
    /// `REDIS_PORT` of the form `tcp://..` is ignored, because Kubernetes sets it in every container
    /// next to a service named `redis`.
    ///
    /// Booleans are `true`, `yes`, `on` or `1`, and `false`, `no`, `off` or `0`, in upper or lower
    /// case. For an unknown variable that begins with `CACHE_`, a warning is logged, with the name that
    /// was probably meant. A variable that begins with `REDIS_` may belong to another program, so a
    /// warning is only logged if its name resembles that of an unset variable of the cache.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an invalid value, and for `REDIS_URL` together with `REDIS_HOST` or its
    /// companions. It names the variable, its value (masked if it may contain a password) and the
    /// accepted values.
    pub fn from_env() -> Result<CacheConfig, Error> {
        let config = read(&Variables(&|name| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(refusal(name, "no UTF-8", "text in UTF-8")),
        }))?;
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        for (variable, meant) in unknown(&names) {
            tracing::warn!(
                variable,
                meant,
                "this variable is unknown and has no effect; `CacheConfig` lists the known ones"
            );
        }
        Ok(config)
    }

    /// Reads the configuration as [`from_env`](CacheConfig::from_env) does, from variables that are
    /// looked up in `get`.
    ///
    /// ```
    /// use cache_runtime::{CacheConfig, Ttl};
    ///
    /// let get = |name: &str| (name == "CACHE_DEFAULT_TTL").then(|| "forever".to_owned());
    /// assert_eq!(CacheConfig::from_vars(get)?.default_ttl, Ttl::Forever);
    /// # Ok::<(), cache_runtime::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_env`](CacheConfig::from_env).
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<CacheConfig, Error> {
        read(&Variables(&|name| Ok(get(name))))
    }
}

fn read(vars: &Variables<'_>) -> Result<CacheConfig, Error> {
    let mut config = CacheConfig::default();
    config.read_each(vars)?;
    if let Some(ttls) = vars.text("CACHE_PREFIX_TTLS")? {
        config.prefix_ttls = prefix_ttls(&ttls)?;
    }
    if let Some(text) = vars.text("CACHE_SOURCES")? {
        let refused = |(item, expected): (String, &str)| refusal("CACHE_SOURCES", &item, expected);
        config.sources = sources::parse(&text).map_err(refused)?;
    }
    if config.mode != Mode::Memory {
        config.redis_url = address(vars)?;
    }
    config.validate_variables().map_err(|error| as_written(vars, error))?;
    Ok(config)
}

/// Returns the error with a boolean as it was written: it may have been `yes`.
fn as_written(vars: &Variables<'_>, error: Error) -> Error {
    match error {
        Error::Config { setting, value, expected, source }
            if ["true", "false"].contains(&&*value) =>
        {
            let written = vars.text(&setting).ok().flatten().map(|text| mask(&text));
            Error::Config { setting, value: written.unwrap_or(value), expected, source }
        }
        error => error,
    }
}

/// Returns the names of all variables that are read.
fn known() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.variable).chain(PARTS).chain([TLS])
}

/// Returns the variables that seem to be meant for the cache but are not read, each with the variable that
/// was probably meant.
fn unknown(names: &BTreeSet<String>) -> Vec<(&str, Option<&'static str>)> {
    // `cache-admin` reads its own variables.
    let is_ours = |name: &str| name.starts_with("CACHE_") && !name.starts_with("CACHE_ADMIN_");
    let others = names.iter().map(String::as_str).filter(|name| known().all(|own| own != *name));
    others
        .filter_map(|name| match name.strip_prefix("REDIS_") {
            Some(rest) => misspelled(rest, names).map(|meant| (name, Some(meant))),
            None => is_ours(name).then(|| (name, nearest(name, known()))),
        })
        .collect()
}

/// Returns the variable that was probably meant by `REDIS_` and this text. Other programs have such
/// variables, too. A variable that is also set was not meant.
fn misspelled(rest: &str, names: &BTreeSet<String>) -> Option<&'static str> {
    let end = |name: &'static str| name.strip_prefix("REDIS_");
    let meant = nearest(rest, known().filter(|name| !names.contains(*name)).filter_map(end))?;
    known().find(|name| end(name) == Some(meant))
}

fn address(vars: &Variables<'_>) -> Result<Option<RedisUrl>, Error> {
    let tls = vars.get::<bool>(TLS)?;
    let written = vars.text(TLS)?.unwrap_or_default();
    if tls == Some(true) && !cfg!(feature = "tls") {
        let expected = "`false`: this build connects without TLS (enable the feature `tls`)";
        return Err(refusal(TLS, &written, expected));
    }
    let part = first_part(vars)?;
    match (vars.text("REDIS_URL")?, part) {
        (None, None) if tls == Some(true) => {
            Err(refusal(TLS, &written, "an address with it (REDIS_HOST or REDIS_URL)"))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => address_from_parts(vars, tls.unwrap_or(false)).map(Some),
        (Some(url), None) => {
            let url = RedisUrl::from(url);
            match tls.filter(|tls| *tls != url.is_encrypted()) {
                None => Ok(Some(url)),
                Some(_) => Err(refusal(
                    TLS,
                    &written,
                    "what REDIS_URL says: `rediss://` is encrypted, all else is not",
                )),
            }
        }
        (Some(url), Some(part)) => Err(refusal(
            "REDIS_URL",
            &mask(&url),
            &format!("either REDIS_URL or {part}, which is set as well"),
        )),
    }
}

/// Returns the first of [`PARTS`] that is set.
fn first_part(vars: &Variables<'_>) -> Result<Option<&'static str>, Error> {
    for part in PARTS {
        let set = if part == "REDIS_PORT" { port_text(vars)? } else { vars.text(part)? };
        if set.is_some() {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

fn address_from_parts(vars: &Variables<'_>, tls: bool) -> Result<RedisUrl, Error> {
    let username = vars.text("REDIS_USERNAME")?;
    let password = vars.secret("REDIS_PASSWORD")?;
    if let (Some(username), None) = (&username, &password) {
        return Err(refusal("REDIS_USERNAME", username, "REDIS_PASSWORD to be set with it"));
    }
    let parts = UrlParts {
        host: host(vars)?,
        port: port_text(vars)?.map(|text| parse("REDIS_PORT", &text)).transpose()?,
        db: vars.get("REDIS_DB")?,
        username,
        password,
        tls,
    };
    Ok(RedisUrl::from(parts))
}

fn host(vars: &Variables<'_>) -> Result<String, Error> {
    let expected =
        "a host name or an IP address; a port goes into REDIS_PORT, a URL into REDIS_URL";
    let host = vars.text("REDIS_HOST")?.unwrap_or_default();
    let is_name = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if host.parse::<Ipv6Addr>().is_ok() || (!host.is_empty() && host.chars().all(is_name)) {
        return Ok(host);
    }
    Err(refusal("REDIS_HOST", &mask(&host), expected))
}

fn port_text(vars: &Variables<'_>) -> Result<Option<String>, Error> {
    Ok(vars.text("REDIS_PORT")?.filter(|port| !port.starts_with("tcp://")))
}

fn prefix_ttls(text: &str) -> Result<BTreeMap<String, Ttl>, Error> {
    let mut ttls = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let parsed = pair
            .split_once('=')
            .and_then(|(prefix, ttl)| Some((prefix, Ttl::from_text(ttl.trim())?)));
        let Some((prefix, ttl)) = parsed else {
            let expected = "prefixes and TTLs such as `users=5m,posts=60s,countries=forever`";
            return Err(refusal("CACHE_PREFIX_TTLS", pair, expected));
        };
        if ttls.insert(prefix.trim_end().to_owned(), ttl).is_some() {
            return Err(refusal("CACHE_PREFIX_TTLS", pair, "each prefix once"));
        }
    }
    Ok(ttls)
}

struct Variables<'a>(&'a dyn Fn(&str) -> Result<Option<String>, Error>);

impl VariableSource for Variables<'_> {
    fn set<T: Textual>(&self, variable: &str, field: &mut T) -> Result<(), Error> {
        if let Some(value) = self.get(variable)? {
            *field = value;
        }
        Ok(())
    }
}

impl Variables<'_> {
    fn get<T: Textual>(&self, name: &str) -> Result<Option<T>, Error> {
        self.text(name)?.map(|text| parse(name, &text)).transpose()
    }

    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let text = (self.0)(name)?.map(|text| text.trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Reads a secret. Whitespace may belong to a password, so it is kept.
    fn secret(&self, name: &str) -> Result<Option<String>, Error> {
        Ok((self.0)(name)?.filter(|text| !text.is_empty()))
    }
}

fn parse<T: Textual>(name: &str, text: &str) -> Result<T, Error> {
    T::from_text(text).ok_or_else(|| refusal(name, &mask(text), T::EXPECTED))
}

/// Masks passwords in a value, because an address may have been pasted into any variable.
fn mask(text: &str) -> String {
    RedisUrl::from(text).to_string()
}

fn refusal(setting: &str, value: &str, expected: &str) -> Error {
    Error::Config {
        setting: setting.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
        source: None,
    }
}

impl Textual for DefaultCodec {
    #[cfg(feature = "postcard")]
    const EXPECTED: &'static str = "`bincode`, `messagepack` or `postcard`";
    #[cfg(not(feature = "postcard"))]
    const EXPECTED: &'static str =
        "`bincode` or `messagepack` (`postcard` needs the feature `postcard`)";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "bincode" => Some(DefaultCodec::Bincode),
            "messagepack" => Some(DefaultCodec::MessagePack),
            #[cfg(feature = "postcard")]
            "postcard" => Some(DefaultCodec::Postcard),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
