//! Encrypted connections: whose certificates are accepted, and what is said of the others.

use std::net::TcpListener;
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Error, Mode, Severity};
use cache_tests::{
    Authority, EncryptedSentinel, EncryptedServer, Identity, RedisCluster, unique_namespace,
};

use crate::stores::{until, until_up};

/// A server with encrypted connections.
struct Encrypted(EncryptedServer);

impl Encrypted {
    fn start(authority: &Authority, identity: &Identity, clients: &str) -> Encrypted {
        Encrypted(EncryptedServer::start(authority, identity, clients))
    }

    fn config(&self) -> CacheConfig {
        CacheConfig::default()
            .namespace(unique_namespace())
            .mode(Mode::Tiered)
            .redis_url(format!("rediss://localhost:{}", self.0.port))
            .redis_connect_timeout(Duration::from_secs(10))
            .redis_timeout(Duration::from_secs(5))
            .require_redis(true)
    }

    /// Returns the error with which a manager does not connect. Nothing has reached the server then.
    async fn refusal(&self, config: CacheConfig) -> String {
        let refused = CacheManager::connect(config.clone()).await.unwrap_err();
        assert!(matches!(refused, Error::RedisRequired { .. }), "{refused}");
        assert_eq!(self.0.server.cli::<i64>(&["DBSIZE"]), 0);
        // Without that demand the program goes on in memory, and still nothing goes out.
        let manager = CacheManager::connect(config.require_redis(false)).await.unwrap();
        manager.set("a", &1, Duration::from_secs(60)).await.unwrap();
        assert_eq!(manager.get("a").await.unwrap(), Some(1));
        assert_eq!(self.0.server.cli::<i64>(&["DBSIZE"]), 0);
        let diagnostics = manager.diagnose().await;
        assert_eq!(
            (diagnostics.len(), diagnostics[0].severity),
            (1, Severity::Fault),
            "{diagnostics:?}"
        );
        let advice = diagnostics[0].advice.clone().unwrap();
        let refused = format!("{refused:#}");
        assert!(refused.contains(&advice), "{refused} does not name {advice}");
        refused
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_signed_by_the_named_authority_is_used() {
    let authority = Authority::new();
    let server = Encrypted::start(&authority, &authority.certify("localhost"), "no");
    let config = server.config().redis_tls_ca(authority.file());
    let manager = CacheManager::connect(config.clone()).await.unwrap();
    let health = manager.health().await;
    assert_eq!(health.backend, "tiered", "{health:?}");
    let peer = CacheManager::connect(config).await.unwrap();
    manager.set("a", &1, Duration::from_secs(60)).await.unwrap();
    assert_eq!(peer.get("a").await.unwrap(), Some(1));
    let diagnostics = manager.diagnose().await;
    assert!(
        diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Fault),
        "{diagnostics:?}"
    );
    let encryption = diagnostics.iter().find(|diagnostic| diagnostic.name == "encryption").unwrap();
    assert_eq!(encryption.severity, Severity::Good);
    assert!(encryption.found.contains("TLS"));
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_is_refused_and_said_which_way() {
    let (ours, other) = (Authority::new(), Authority::new());
    let fine = ours.certify("localhost");
    let expired = ours.certify_from_to("localhost", 2020, 2021);
    let elsewhere = ours.certify("cache.example");
    for (identity, trusted, reason) in [
        (&expired, Some(&ours), "has expired"),
        (&elsewhere, Some(&ours), "is for another name"),
        (&fine, Some(&other), "REDIS_TLS_CA"),
        // The system does not know it.
        (&fine, None, "REDIS_TLS_CA"),
    ] {
        let server = Encrypted::start(&ours, identity, "no");
        let config = match trusted {
            Some(authority) => server.config().redis_tls_ca(authority.file()),
            None => server.config(),
        };
        let refused = server.refusal(config).await;
        assert!(refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let authority = Authority::new();
    let server = Encrypted::start(&authority, &authority.certify("localhost"), "yes");
    let nameless = server.config().redis_tls_ca(authority.file());
    let refused = server.refusal(nameless.clone()).await;
    assert!(refused.contains("REDIS_TLS_CERT"), "{refused}");

    let client = authority.certify("client");
    let named = nameless.redis_tls_identity(client.certificate, client.key);
    let manager = CacheManager::connect(named).await.unwrap();
    assert_eq!(manager.health().await.backend, "tiered");
}

#[tokio::test]
async fn certificates_that_are_renewed_are_read_again() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Encrypted::start(&ours, &ours.certify("localhost"), "yes");
    let folder = tempfile::TempDir::new().unwrap();
    let files = ["ca.pem", "client.pem", "client.key"].map(|name| folder.path().join(name));
    let replace = |authority: &Authority| {
        let Identity { certificate, key } = authority.certify("client");
        for (from, to) in [authority.file(), certificate, key].iter().zip(&files) {
            std::fs::copy(from, to).unwrap();
        }
    };
    replace(&other);
    let [ca, certificate, key] = &files;
    let config = server.config().redis_tls_ca(ca).redis_tls_identity(certificate, key);
    let manager = CacheManager::connect(config.require_redis(false)).await.unwrap();
    let reason = manager.health().await.reason.unwrap();
    assert!(reason.contains("REDIS_TLS_CA") && reason.contains("ca.pem"), "{reason}");
    replace(&ours);
    until_up(&manager).await;
    assert_eq!(manager.health().await.backend, "tiered");

    // In the middle of the next renewal a file cannot be read: what was there before is used.
    std::fs::write(ca, "").unwrap();
    server.0.server.cli::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    server.0.server.cli::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    until_up(&manager).await;
    until(async || manager.health().await.backend == "tiered").await;
}

#[tokio::test]
async fn neither_side_falls_back_to_the_other() {
    let authority = Authority::new();
    let server = Encrypted::start(&authority, &authority.certify("localhost"), "no");
    // A server that expects no TLS waits for the rest of what it takes for a command.
    let config = server.config().redis_connect_timeout(Duration::from_millis(500));
    let encrypted = config.clone().redis_tls_ca(authority.file());
    for config in [
        encrypted.redis_url(format!("rediss://localhost:{}", server.0.server.port())),
        config.redis_url(format!("redis://localhost:{}", server.0.port)),
    ] {
        let refused = CacheManager::connect(config).await.unwrap_err();
        assert!(matches!(refused, Error::RedisRequired { .. }), "{refused}");
        assert_eq!(server.0.server.cli::<i64>(&["DBSIZE"]), 0);
    }
}

#[tokio::test]
async fn what_is_said_of_certificates_is_checked_at_once() {
    let config = || CacheConfig::default().redis_url("rediss://localhost");
    for (config, setting, expected) in [
        (config().redis_tls_ca("/nowhere/ca.pem"), "REDIS_TLS_CA", "No such file"),
        (config().redis_tls_identity("/nowhere/a.pem", "/nowhere/a.key"), "REDIS_TLS_CERT", "PEM"),
        (
            config().redis_url("redis://localhost").redis_tls_ca("ca.pem"),
            "redis_tls_ca",
            "rediss://",
        ),
        (config().redis_url("rediss://localhost/#insecure"), "redis_url", "REDIS_TLS_CA"),
    ] {
        let refused = CacheManager::builder().config(config).build().unwrap_err();
        let text = format!("{refused:#}");
        assert!(text.starts_with(setting) && text.contains(expected), "{text}");
    }
    // Each in the other's place.
    let authority = Authority::new();
    let Identity { certificate, key } = authority.certify("localhost");
    for (config, setting) in [
        (config().redis_tls_ca(&key), "REDIS_TLS_CA"),
        (config().redis_tls_identity(&key, &key), "REDIS_TLS_CERT"),
        (config().redis_tls_identity(&certificate, &certificate), "REDIS_TLS_KEY"),
    ] {
        let refused = CacheManager::builder().config(config).build().unwrap_err().to_string();
        assert!(
            refused.starts_with(setting) && refused.contains("PEM file that contains"),
            "{refused}"
        );
    }
    let refused = |variables: &[(&str, &str)]| {
        let get = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        CacheConfig::from_vars(get).unwrap_err().to_string()
    };
    let text = refused(&[("REDIS_TLS", "true"), ("REDIS_URL", "redis://host")]);
    assert!(text.contains("REDIS_TLS") && text.contains("rediss://"), "{text}");
    let text = refused(&[("REDIS_HOST", "host"), ("REDIS_TLS", "true"), ("REDIS_TLS_KEY", "a")]);
    assert!(text.contains("REDIS_TLS_KEY") && text.contains("REDIS_TLS_CERT"), "{text}");
}

/// A server of many names tells by this one which certificate to show.
#[tokio::test(flavor = "multi_thread")]
async fn the_name_is_said_before_the_certificate_is_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut acceptor = rustls::server::Acceptor::default();
        loop {
            acceptor.read_tls(&mut stream).unwrap();
            if let Some(accepted) = acceptor.accept().unwrap() {
                return accepted.client_hello().server_name().map(str::to_owned);
            }
        }
    });
    let config = CacheConfig::default().redis_url(format!("rediss://localhost:{port}"));
    // Nobody answers it.
    let _manager = CacheManager::builder().config(config).connect().await.unwrap();
    assert_eq!(said.await.unwrap().as_deref(), Some("localhost"));
}

/// Returns a configuration for this address, with this authority.
fn config_of(url: String, authority: &Authority) -> CacheConfig {
    CacheConfig::default()
        .namespace(unique_namespace())
        .mode(Mode::Tiered)
        .redis_url(url)
        .redis_tls_ca(authority.file())
        .redis_connect_timeout(Duration::from_secs(10))
        .redis_timeout(Duration::from_secs(2))
        .redis_health_check_interval(Duration::from_millis(250))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_encrypted_to_each_of_its_nodes() {
    let authority = Authority::new();
    let identity = authority.certify("127.0.0.1");
    let cluster = RedisCluster::builder().encrypted(&authority, &identity).start();
    let config = config_of(cluster.encrypted_url(1), &authority);
    let [here, there] = [
        CacheManager::connect(config.clone()).await.unwrap(),
        CacheManager::connect(config.clone()).await.unwrap(),
    ];
    until_up(&here).await;
    until_up(&there).await;
    let names: Vec<String> = (0..50).map(|number| format!("n:{number}")).collect();
    let values = names.iter().map(|name| (name.as_str(), &7_u64));
    assert_eq!(here.set_many(values, Duration::from_secs(60)).await.unwrap().stored, 50);
    for master in cluster.masters() {
        assert!(cluster.nodes()[master].cli::<i64>(&["DBSIZE"]) > 5);
        // All clients of the encrypted port: this one asks on the other.
        let clients: String = cluster.nodes()[master].cli(&["CLIENT", "LIST", "TYPE", "normal"]);
        assert!(clients.contains("laddr=127.0.0.1"), "{clients}");
        let plain = format!("laddr=127.0.0.1:{} ", cluster.nodes()[master].port());
        assert_eq!(clients.matches(&plain).count(), 1, "{clients}");
    }
    assert_eq!(there.get_many::<u64>(&names).await.unwrap(), vec![Some(7); 50]);
    here.invalidate_prefix("n").await.unwrap();
    until(async || there.get_many::<u64>(&names).await.unwrap() == vec![None; 50]).await;
    let diagnostics = here.diagnose().await;
    assert!(
        diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Fault),
        "{diagnostics:?}"
    );

    // A replica takes over: it is found, and connected to in the same way.
    let blocking = tokio::task::spawn_blocking(move || {
        cluster.fail_over(0);
        cluster
    });
    let cluster = blocking.await.unwrap();
    until_up(&here).await;
    here.set("again", &1, Duration::from_secs(60)).await.unwrap();
    until(async || there.get("again").await.unwrap() == Some(1)).await;
    drop(cluster);

    // A client that does not trust the authority refuses the server, and the error says so.
    let other = Authority::new();
    let refused = EncryptedServer::start(&authority, &identity, "no");
    let config = config_of(format!("rediss://127.0.0.1:{}", refused.port), &other);
    let error = CacheManager::connect(config.require_redis(true)).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("REDIS_TLS_CA"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_and_the_master_that_they_name_are_spoken_to_encrypted() {
    let authority = Authority::new();
    let sentinel = EncryptedSentinel::start(&authority, &authority.certify("127.0.0.1"));
    let config = config_of(sentinel.url(), &authority);
    let here = CacheManager::connect(config.clone()).await.unwrap();
    let there = CacheManager::connect(config).await.unwrap();
    until_up(&here).await;
    here.set("a", &1, Duration::from_secs(60)).await.unwrap();
    assert!(sentinel.servers[0].server.cli::<i64>(&["DBSIZE"]) > 0);
    until(async || there.get("a").await.unwrap() == Some(1)).await;
    let diagnostics = here.diagnose().await;
    assert!(
        diagnostics.iter().all(|diagnostic| diagnostic.severity < Severity::Fault),
        "{diagnostics:?}"
    );

    sentinel.servers[0].server.kill();
    let is_promoted = || {
        let role = sentinel.servers[1].server.try_cli::<String>(&["INFO", "replication"]);
        role.is_ok_and(|role| role.contains("role:master"))
    };
    until(async || is_promoted()).await;
    until_up(&here).await;
    here.set("a", &2, Duration::from_secs(60)).await.unwrap();
    until(async || there.get("a").await.unwrap() == Some(2)).await;
    assert!(sentinel.servers[1].server.cli::<i64>(&["DBSIZE"]) > 0);
}
