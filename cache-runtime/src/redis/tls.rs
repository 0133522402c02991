//! Encrypted connections: whose certificates count, and which one this client shows.

use std::path::PathBuf;

use redis::{Client, ConnectionInfo, RedisError, RedisResult};
#[cfg(feature = "tls")]
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

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
    /// Once, when a manager is made: whoever renews them makes a new one.
    pub(crate) fn read(config: &CacheConfig, encrypted: bool) -> Result<Self, Unreadable> {
        if !encrypted {
            return Ok(Tls::default());
        }
        // A program with two providers of cryptography has none by default, and its first connection
        // would panic. One that it has chosen itself stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bytes = |setting, file: &Option<PathBuf>| match file {
            None => Ok(None),
            Some(file) => std::fs::read(file).map(Some).map_err(|error| {
                (setting, file.clone(), format!("a file in PEM that can be read ({error})"))
            }),
        };
        let certificates = |pem: &[u8]| {
            let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
            read.is_ok_and(|certificates| !certificates.is_empty())
        };
        let key = |pem: &[u8]| PrivateKeyDer::from_pem_slice(pem).is_ok();
        let pem = |setting, file: &Option<PathBuf>, is_right: &dyn Fn(&[u8]) -> bool, what| {
            let bytes = bytes(setting, file)?;
            match (&bytes, file) {
                (Some(bytes), Some(file)) if !is_right(bytes) => {
                    Err((setting, file.clone(), format!("a file in PEM that holds {what}")))
                }
                _ => Ok(bytes),
            }
        };
        let root_cert = pem("REDIS_TLS_CA", &config.redis_tls_ca, &certificates, "certificates")?;
        let client_cert =
            pem("REDIS_TLS_CERT", &config.redis_tls_cert, &certificates, "certificates")?;
        let client_key = pem("REDIS_TLS_KEY", &config.redis_tls_key, &key, "a key")?;
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
    pub(crate) fn read(_: &CacheConfig, _: bool) -> Result<Self, Unreadable> {
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
