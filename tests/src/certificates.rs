//! Certificates, and a server that shows one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tempfile::TempDir;

use crate::RedisServer;

/// Somebody who signs certificates, and a folder for them.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The files of a certificate and its key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

impl Authority {
    /// One that nobody trusts who is not told to.
    #[allow(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { folder, issuer }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for this host.
    pub fn certify(&self, host: &str) -> Identity {
        self.certify_from_to(host, 2020, 2999)
    }

    /// A certificate that is valid in these years.
    pub fn certify_from_to(&self, host: &str, from: i32, to: i32) -> Identity {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |end: &str| self.folder.path().join(format!("{host}.{to}.{end}"));
        let identity = Identity { certificate: file("pem"), key: file("key") };
        std::fs::write(&identity.certificate, certificate.pem()).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }
}

/// A server with an encrypted port beside the one that it is steered by.
#[derive(Debug)]
pub struct EncryptedServer {
    /// The server, with a port that is not encrypted.
    pub server: RedisServer,
    /// The port that is.
    pub port: u16,
}

impl EncryptedServer {
    /// Starts a server that shows this certificate, and asks clients for one: `no`, `optional` or `yes`.
    pub fn start(authority: &Authority, identity: &Identity, clients: &str) -> EncryptedServer {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let server = RedisServer::builder()
            .arg("--tls-port", &port.to_string())
            .arg("--tls-cert-file", &text(&identity.certificate))
            .arg("--tls-key-file", &text(&identity.key))
            .arg("--tls-ca-cert-file", &text(&authority.file()))
            .arg("--tls-auth-clients", clients)
            .start();
        EncryptedServer { server, port }
    }
}
