//! Encrypted connections: whose certificates count, and which one this client shows.

use std::path::{Path, PathBuf};
#[cfg(feature = "tls")]
use std::sync::{Mutex, PoisonError};

use redis::{Client, ConnectionInfo, RedisError, RedisResult};
#[cfg(feature = "tls")]
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

#[cfg(feature = "tls")]
use crate::clock::precise_ms;
use crate::config::CacheConfig;
#[cfg(feature = "tls")]
use crate::seldom::Seldom;

/// What the configuration says of certificates: the files, and what was in them last.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    #[cfg(feature = "tls")]
    files: Option<Files>,
    #[cfg(feature = "tls")]
    last: Mutex<Option<redis::TlsCertificates>>,
    /// Log lines on files that cannot be read.
    #[cfg(feature = "tls")]
    unreadable: Seldom,
}

/// A setting, the file that it names, and what was expected of it.
pub(crate) type Unreadable = (&'static str, PathBuf, String);

#[cfg(feature = "tls")]
#[derive(Debug)]
struct Files {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Reads the files for the first time: what cannot be used is an error then.
    pub(crate) fn read(config: &CacheConfig, encrypted: bool) -> Result<Self, Unreadable> {
        if !encrypted {
            return Ok(Tls::default());
        }
        // A program with two providers of cryptography has none by default, and its first connection
        // would panic. One that it has chosen itself stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let files = Files {
            ca: config.redis_tls_ca.clone(),
            certificate: config.redis_tls_cert.clone(),
            key: config.redis_tls_key.clone(),
        };
        let last = Mutex::new(files.read()?);
        Ok(Tls { files: Some(files), last, unreadable: Seldom::default() })
    }

    /// A client with what is in the files now: certificates may live for hours. What cannot be read,
    /// since it is being replaced, is as it was.
    pub(crate) fn client(&self, info: ConnectionInfo) -> RedisResult<Client> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.files.as_ref().map(Files::read) {
            Some(Ok(certificates)) => *last = certificates,
            Some(Err((setting, file, expected))) => {
                let file = file.display();
                self.unreadable.happens(precise_ms(), |times| {
                    tracing::warn!(
                        setting, %file, expected, times,
                        "a certificate or key cannot be read; its last content is used"
                    );
                });
            }
            None => {}
        }
        match &*last {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }

    /// The file of the CA, if one is named.
    pub(super) fn ca(&self) -> Option<&Path> {
        self.files.as_ref()?.ca.as_deref()
    }
}

#[cfg(feature = "tls")]
impl Files {
    /// What is in them; `None` if none is named.
    fn read(&self) -> Result<Option<redis::TlsCertificates>, Unreadable> {
        let certificates = |pem: &[u8]| {
            let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
            read.is_ok_and(|certificates| !certificates.is_empty())
        };
        let key = |pem: &[u8]| PrivateKeyDer::from_pem_slice(pem).is_ok();
        let root_cert = pem("REDIS_TLS_CA", &self.ca, certificates, "certificates")?;
        let client_cert = pem("REDIS_TLS_CERT", &self.certificate, certificates, "certificates")?;
        let client_key = pem("REDIS_TLS_KEY", &self.key, key, "a key")?;
        let client_tls = client_cert
            .zip(client_key)
            .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key });
        let said = root_cert.is_some() || client_tls.is_some();
        Ok(said.then_some(redis::TlsCertificates { client_tls, root_cert }))
    }
}

/// What is in a file, if one is named.
#[cfg(feature = "tls")]
fn pem(
    setting: &'static str,
    file: &Option<PathBuf>,
    is_right: impl Fn(&[u8]) -> bool,
    what: &str,
) -> Result<Option<Vec<u8>>, Unreadable> {
    let Some(file) = file else { return Ok(None) };
    let refused = |expected| (setting, file.clone(), expected);
    let bytes =
        std::fs::read(file).map_err(|error| refused(format!("a readable PEM file ({error})")))?;
    if is_right(&bytes) {
        Ok(Some(bytes))
    } else {
        Err(refused(format!("a PEM file that contains {what}")))
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

    pub(super) fn ca(&self) -> Option<&Path> {
        None
    }
}

/// What to do about a certificate that was refused, by either side.
pub(super) fn advice(error: &RedisError, tls: &Tls) -> Option<String> {
    const ISSUER: &str = "the server's certificate is not signed by a trusted CA: name its CA in \
                          REDIS_TLS_CA";
    const NAME: &str = "the server's certificate is for another name: connect with a name that is in the certificate";
    const PLAIN: &str = "the server does not use TLS on this port: use another port, or redis://";
    // By what rustls calls it, or what the server's alert does.
    const REASONS: [(&str, &str); 9] = [
        ("UnknownIssuer", ISSUER),
        ("BadSignature", ISSUER),
        ("xpired", "the server's certificate has expired: renew it"),
        ("not valid for name", NAME),
        ("NotValidForName", NAME),
        ("UnknownCA", "the server does not trust the CA of the certificate in REDIS_TLS_CERT"),
        (
            "ertificateRequired",
            "the server requires a client certificate: set REDIS_TLS_CERT and REDIS_TLS_KEY",
        ),
        ("InvalidContentType", PLAIN),
        ("corrupt message", PLAIN),
    ];
    let told = error.to_string();
    let (_, advice) = REASONS.into_iter().find(|(part, _)| told.contains(part))?;
    Some(match tls.ca().filter(|_| advice == ISSUER) {
        Some(file) => format!(
            "the server's certificate is not signed by a CA in the file of REDIS_TLS_CA ({}): add its CA to the \
             file, which is read again at each attempt to connect",
            file.display()
        ),
        None => advice.to_owned(),
    })
}
