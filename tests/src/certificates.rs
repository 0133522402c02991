//! Certificates, and a server that shows one.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tempfile::TempDir;

use crate::{RedisServer, RedisServerBuilder, free_port, replication, wait::wait_for};

/// Somebody who signs certificates, and a folder for them.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

impl Authority {
    /// Returns an authority that no client trusts by default.
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
    /// Starts a server that shows this certificate, and requests one of clients: `no`, `optional` or `yes`.
    pub fn start(authority: &Authority, identity: &Identity, clients: &str) -> EncryptedServer {
        let certificates = Certificates::new(authority, identity, clients);
        EncryptedServer::of(RedisServer::builder(), &certificates)
    }

    /// Starts this server with an encrypted port.
    fn of(server: RedisServerBuilder, certificates: &Certificates) -> EncryptedServer {
        let (server, port) = certificates.encrypt(server);
        EncryptedServer { server: server.start(), port }
    }
}

/// The certificates that servers present, the authorities that they trust, and whether they require
/// client certificates.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    ca: PathBuf,
    identity: Identity,
    clients: String,
}

impl Certificates {
    pub(crate) fn new(authority: &Authority, identity: &Identity, clients: &str) -> Certificates {
        Certificates {
            ca: authority.file(),
            identity: identity.clone(),
            clients: clients.to_owned(),
        }
    }

    /// The server with an encrypted port, and which one that is.
    pub(crate) fn encrypt(&self, server: RedisServerBuilder) -> (RedisServerBuilder, u16) {
        let port = free_port();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let server = server
            .arg("--tls-port", &port.to_string())
            .arg("--tls-cert-file", &text(&self.identity.certificate))
            .arg("--tls-key-file", &text(&self.identity.key))
            .arg("--tls-ca-cert-file", &text(&self.ca))
            .arg("--tls-auth-clients", &self.clients);
        (server, port)
    }
}

/// A master with a replica, and a sentinel that watches them; all of them speak TLS to each other.
#[derive(Debug)]
pub struct EncryptedSentinel {
    /// The master, then the replica.
    pub servers: [EncryptedServer; 2],
    /// The sentinel.
    pub sentinel: EncryptedServer,
}

impl EncryptedSentinel {
    /// Starts all three with this certificate, which has to be valid for `127.0.0.1`, and waits until
    /// the sentinel knows the replica.
    ///
    /// # Panics
    ///
    /// If one does not start, or that does not happen in time.
    pub fn start(authority: &Authority, identity: &Identity) -> EncryptedSentinel {
        let certificates = Certificates::new(authority, identity, "no");
        let server = || {
            let server = RedisServer::builder()
                .arg("--tls-replication", "yes")
                .arg("--repl-diskless-sync-delay", "0");
            EncryptedServer::of(server, &certificates)
        };
        let servers = [server(), server()];
        let master = servers[0].port.to_string();
        servers[1].server.cli::<()>(&["REPLICAOF", "127.0.0.1", &master]);
        wait_for(|| {
            let is_linked = replication::is_linked(&servers[1].server);
            is_linked.then_some(()).ok_or("the replica is not linked".to_owned())
        });
        let watch = format!(
            "sentinel resolve-hostnames no\nsentinel monitor mymaster 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000"
        );
        let sentinel = RedisServer::builder().sentinel(watch).arg("--tls-replication", "yes");
        let sentinel = EncryptedServer::of(sentinel, &certificates);
        for (period, milliseconds) in [("INFO-PERIOD", "500"), ("PING-PERIOD", "300")] {
            sentinel.server.cli::<()>(&["SENTINEL", "DEBUG", period, milliseconds]);
        }
        wait_for(|| {
            let replicas: Vec<std::collections::HashMap<String, String>> =
                sentinel.server.cli(&["SENTINEL", "REPLICAS", "mymaster"]);
            let knows = replicas.iter().any(|replica| {
                replica.get("port").is_some_and(|port| *port == servers[1].port.to_string())
                    && replica.get("master-link-status").is_some_and(|status| status == "ok")
            });
            knows.then_some(()).ok_or_else(|| format!("the replica is not known: {replicas:?}"))
        });
        EncryptedSentinel { servers, sentinel }
    }

    /// The address of the sentinel.
    pub fn url(&self) -> String {
        format!("rediss-sentinel://127.0.0.1:{}/mymaster", self.sentinel.port)
    }
}
