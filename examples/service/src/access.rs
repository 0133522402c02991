//! The access to the cache under `/cache`.

use std::net::IpAddr;
use std::{env, fmt};

use cache_admin::{AdminConfig, ConfigError};

/// The access that the environment configures. By default, everyone on this machine may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whoever has the key may do everything.
    key: bool,
    /// Everybody who reaches the service may look.
    look: bool,
}

impl Access {
    /// For a service that listens on this address.
    #[must_use]
    pub fn from_env(address: IpAddr) -> Self {
        Self::from_vars(address, |name| env::var(name).ok())
    }

    fn from_vars(address: IpAddr, var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| var(name).filter(|value| !value.is_empty());
        let key = set("CACHE_ADMIN_KEY").is_some();
        let look = match set("CACHE_ADMIN_PUBLIC_READS").as_deref() {
            None => !key && address.is_loopback(),
            Some(given) => matches!(given, "true" | "1"),
        };
        Access { key, look }
    }

    /// The same for the admin endpoints.
    ///
    /// # Errors
    ///
    /// If a variable cannot be used, such as a key that is too short.
    pub fn config(self) -> Result<AdminConfig, ConfigError> {
        Ok(AdminConfig::from_env()?.public_reads(self.look))
    }
}

/// Prints the access for the user.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.key, self.look) {
            (true, true) => {
                "Everybody who reaches the page may look; to steer, it asks for CACHE_ADMIN_KEY."
            }
            (true, false) => "The page asks for the key that is in CACHE_ADMIN_KEY.",
            (false, true) => {
                "Everybody who reaches the page may look. To steer the cache too, set a key:"
            }
            (false, false) => "Nobody may see what is cached: no key is set. To set one:",
        })?;
        if !self.key {
            f.write_str("\n  export CACHE_ADMIN_KEY=$(openssl rand -hex 24)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const EVERYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    fn access(address: IpAddr, vars: &[(&str, &str)]) -> (bool, bool) {
        let var = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let Access { key, look } = Access::from_vars(address, var);
        (key, look)
    }

    #[test]
    fn without_a_word_those_on_this_machine_may_look() {
        assert_eq!(access(HERE, &[]), (false, true));
        assert_eq!(access(EVERYWHERE, &[]), (false, false));
        assert_eq!(access(EVERYWHERE, &[("CACHE_ADMIN_KEY", "")]), (false, false));
    }

    #[test]
    fn with_a_key_nobody_may_look_without_it() {
        assert_eq!(access(HERE, &[("CACHE_ADMIN_KEY", "0123456789abcdef")]), (true, false));
    }

    #[test]
    fn what_is_said_of_reads_counts_on_every_address() {
        let reads = |value| [("CACHE_ADMIN_PUBLIC_READS", value)];
        assert_eq!(access(HERE, &reads("false")), (false, false));
        assert_eq!(access(EVERYWHERE, &reads("true")), (false, true));
        assert_eq!(access(EVERYWHERE, &reads("1")), (false, true));
    }

    #[test]
    fn who_has_no_key_is_told_how_to_set_one() {
        for (key, look) in [(false, false), (false, true), (true, false), (true, true)] {
            let text = Access { key, look }.to_string();
            assert_eq!(text.contains("export CACHE_ADMIN_KEY="), !key, "{text}");
        }
    }
}
