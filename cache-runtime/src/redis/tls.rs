//! Encrypted connections: whose certificates count, and which one this client shows.

use std::path::PathBuf;

use redis::{Client, ConnectionInfo, RedisError, RedisResult};

use crate::config::CacheConfig;

/// What the configuration says of certificates, read from its files.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    #[cfg(feature = "tls")]
    certificates: Option<redis::TlsCertificates>,
}

/// A setting, the file that it names, and what was expected of it.
pub(crate) type Unreadable = (&'static str, PathBuf, String);

#[cfg(feature = "tls")]
impl Tls {
    pub(crate) fn read(config: &CacheConfig) -> Result<Self, Unreadable> {
        // A program with two providers of cryptography has none by default, and its first connection
        // would panic. One that it has chosen itself stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bytes = |setting, file: &Option<PathBuf>| match file {
            None => Ok(None),
            Some(file) => std::fs::read(file).map(Some).map_err(|error| {
                (setting, file.clone(), format!("a file in PEM that can be read ({error})"))
            }),
        };
        let root_cert = bytes("REDIS_TLS_CA", &config.redis_tls_ca)?;
        let client_cert = bytes("REDIS_TLS_CERT", &config.redis_tls_cert)?;
        let client_key = bytes("REDIS_TLS_KEY", &config.redis_tls_key)?;
        let client_tls = client_cert
            .zip(client_key)
            .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key });
        let said = root_cert.is_some() || client_tls.is_some();
        let certificates = said.then_some(redis::TlsCertificates { client_tls, root_cert });
        Ok(Tls { certificates })
    }

    pub(crate) fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn read(_: &CacheConfig) -> Result<Self, Unreadable> {
        Ok(Tls {})
    }

    pub(crate) fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        Client::open(info)
    }
}

/// What to do about a certificate that was refused, by either side.
pub(super) fn advice(error: &RedisError) -> Option<&'static str> {
    const ISSUER: &str = "nobody who is trusted here has signed the server's certificate: name its CA in \
                          REDIS_TLS_CA";
    const NAME: &str =
        "the server's certificate is for another name: connect by a name that is in it";
    const PLAIN: &str = "the server does not speak TLS on this port: another port, or redis://";
    // By what rustls calls it, or what the server's alert does.
    const REASONS: [(&str, &str); 9] = [
        ("UnknownIssuer", ISSUER),
        ("BadSignature", ISSUER),
        ("xpired", "the server's certificate has expired: renew it"),
        ("not valid for name", NAME),
        ("NotValidForName", NAME),
        ("UnknownCA", "the server does not know who has signed the certificate in REDIS_TLS_CERT"),
        (
            "ertificateRequired",
            "the server wants to see a certificate: REDIS_TLS_CERT and REDIS_TLS_KEY",
        ),
        ("InvalidContentType", PLAIN),
        ("corrupt message", PLAIN),
    ];
    let told = error.to_string();
    REASONS.into_iter().find(|(part, _)| told.contains(part)).map(|(_, advice)| advice)
}
