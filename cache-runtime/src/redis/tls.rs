//! Encrypted connections: the trusted certificates, and the certificate of this client.

use std::error::Error;
#[cfg(feature = "tls")]
use std::path::Path;
use std::path::PathBuf;

use redis::{Client, ConnectionInfo};
#[cfg(feature = "tls")]
use rustls::pki_types::pem::{self, PemObject as _};
#[cfg(feature = "tls")]
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
#[cfg(feature = "tls")]
use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};

use super::error::{StoreError, StoreResult};
use crate::config::CacheConfig;
#[cfg(feature = "tls")]
use crate::error::with_causes;
#[cfg(feature = "tls")]
use crate::stats::seldom::Seldom;
#[cfg(feature = "tls")]
use crate::support::clock::precise_ms;
#[cfg(feature = "tls")]
use crate::support::lock::Mutex;

/// The configured certificates: the files, and their last contents.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    #[cfg(feature = "tls")]
    files: Option<Files>,
    #[cfg(feature = "tls")]
    last: Mutex<Option<redis::TlsCertificates>>,
    /// The log lines about files that cannot be read.
    #[cfg(feature = "tls")]
    unreadable: Seldom,
}

/// A file that a setting names and that cannot be used.
#[derive(Debug)]
pub(crate) struct UnusableFile {
    pub(crate) setting: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) expected: &'static str,
    pub(crate) cause: Box<dyn Error + Send + Sync>,
}

#[cfg(feature = "tls")]
#[derive(Debug)]
struct Files {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub(crate) fn read(config: &CacheConfig, encrypted: bool) -> Result<Self, UnusableFile> {
        if !encrypted {
            return Ok(Tls::default());
        }
        // A program with two providers of cryptography has no default one, and its first connection would
        // panic. If the program has chosen one, it stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let files = Files {
            ca: config.redis_tls_ca.clone(),
            certificate: config.redis_tls_cert.clone(),
            key: config.redis_tls_key.clone(),
        };
        let last = Mutex::new(files.read()?);
        Ok(Tls { files: Some(files), last, unreadable: Seldom::default() })
    }

    /// Makes a client with the present contents of the files, because certificates may live for hours only.
    /// If a file cannot be read, because it is being replaced, its last contents are used.
    pub(crate) fn client(&self, info: ConnectionInfo) -> StoreResult<Client> {
        let mut last = self.last.lock();
        match self.files.as_ref().map(Files::read) {
            Some(Ok(certificates)) => *last = certificates,
            Some(Err(UnusableFile { setting, file, expected, cause })) => {
                let (file, reason) = (file.display(), with_causes(&*cause));
                self.unreadable.happens(precise_ms(), |times| {
                    tracing::warn!(
                        setting,
                        %file,
                        expected,
                        reason,
                        times,
                        "a certificate or key cannot be read; its last content is used"
                    );
                });
            }
            None => {}
        }
        match &*last {
            Some(certificates) => Ok(Client::build_with_tls(info, certificates.clone())?),
            None => Ok(Client::open(info)?),
        }
    }

    /// Returns the file of the CA, if one is named.
    fn ca(&self) -> Option<&Path> {
        self.files.as_ref()?.ca.as_deref()
    }
}

#[cfg(feature = "tls")]
impl Files {
    /// Reads the certificates; `None` if none is named.
    fn read(&self) -> Result<Option<redis::TlsCertificates>, UnusableFile> {
        let certificates = |pem: &[u8]| {
            let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
            if read.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(()) }
        };
        let key = |pem: &[u8]| PrivateKeyDer::from_pem_slice(pem).map(drop);
        let of_certificates = "a PEM file that contains certificates";
        let root_cert = read("REDIS_TLS_CA", &self.ca, certificates, of_certificates)?;
        let client_cert = read("REDIS_TLS_CERT", &self.certificate, certificates, of_certificates)?;
        let client_key = read("REDIS_TLS_KEY", &self.key, key, "a PEM file that contains a key")?;
        let client_tls = client_cert
            .zip(client_key)
            .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key });
        let said = root_cert.is_some() || client_tls.is_some();
        Ok(said.then_some(redis::TlsCertificates { client_tls, root_cert }))
    }
}

/// Returns the contents of a file, if one is named.
#[cfg(feature = "tls")]
fn read(
    setting: &'static str,
    file: &Option<PathBuf>,
    check: impl Fn(&[u8]) -> Result<(), pem::Error>,
    expected: &'static str,
) -> Result<Option<Vec<u8>>, UnusableFile> {
    let Some(file) = file else { return Ok(None) };
    let unusable = |cause| UnusableFile { setting, file: file.clone(), expected, cause };
    let bytes = std::fs::read(file).map_err(|error| unusable(error.into()))?;
    check(&bytes).map_err(|error| unusable(error.into()))?;
    Ok(Some(bytes))
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn read(_: &CacheConfig, _: bool) -> Result<Self, UnusableFile> {
        Ok(Tls {})
    }

    pub(crate) fn client(&self, info: ConnectionInfo) -> StoreResult<Client> {
        Ok(Client::open(info)?)
    }
}

/// Returns advice about a certificate that one side refused, if this is why a connection failed.
#[cfg(feature = "tls")]
pub(super) fn advice(error: &StoreError, tls: &Tls) -> Option<String> {
    let advice = match error.of_tls()? {
        TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => return Some(issuer_advice(tls)),
        TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the server's certificate has expired: renew it",
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "the server's certificate is for another name: connect with a name that is in the certificate"
        }
        TlsError::AlertReceived(AlertDescription::UnknownCA) => {
            "the server does not trust the CA of the certificate in REDIS_TLS_CERT"
        }
        TlsError::AlertReceived(AlertDescription::CertificateExpired) => {
            "the certificate in REDIS_TLS_CERT has expired: renew it"
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server requires a client certificate: set REDIS_TLS_CERT and REDIS_TLS_KEY"
        }
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not use TLS on this port: use another port, or redis://"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

#[cfg(feature = "tls")]
fn issuer_advice(tls: &Tls) -> String {
    match tls.ca() {
        Some(file) => format!(
            "the server's certificate is not signed by a CA in the file of REDIS_TLS_CA ({}): add its CA to the \
             file, which is read again at each attempt to connect",
            file.display()
        ),
        None => {
            "the server's certificate is not signed by a trusted CA: name its CA in REDIS_TLS_CA"
                .to_owned()
        }
    }
}

/// Returns `None`: without TLS, no certificate can be refused.
#[cfg(not(feature = "tls"))]
pub(super) fn advice(_: &StoreError, _: &Tls) -> Option<String> {
    None
}
