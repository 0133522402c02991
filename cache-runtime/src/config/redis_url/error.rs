//! The errors of addresses of Redis.

use std::fmt;

pub(super) const EXPECTED: &str = "a URL such as `redis://user:password@host:6379/0`, \
                        `redis+unix:///run/redis.sock?db=0` or \
                        `redis-sentinel://host:26379,host:26379/master`, or several of a cluster: \
                        `redis://host:6379,redis://host:6379`";

/// The reason for which a text cannot be used as an address of Redis. Its `Display` is the accepted form.
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
    /// The client would connect without logging in, because the password is missing.
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
