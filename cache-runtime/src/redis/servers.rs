//! The configured servers, and the way in which each of them is connected to.

use std::net::IpAddr;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ProtocolVersion};

use super::error::StoreResult;
use super::tls::Tls;
use crate::config::RedisAddress;

/// The silence after which a connection is probed, so that no device on the way drops its state.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The interval of further probes of a silent connection.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The addresses of Redis, and the certificates.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(super) address: RedisAddress,
    pub(super) tls: Tls,
}

impl Servers {
    /// Checks that a client can be made for each address.
    ///
    /// # Errors
    /// If no client can be made for one of them.
    pub(crate) fn new(address: RedisAddress, tls: Tls) -> StoreResult<Self> {
        let servers = Servers { address, tls };
        for info in servers.address.named.iter().chain([&servers.address.server]) {
            servers.tls.client(info.clone())?;
        }
        Ok(servers)
    }

    /// Returns true if all configured servers are on this machine.
    pub(crate) fn are_local(&self) -> bool {
        self.address.named.iter().all(|info| match info.addr() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => {
                host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
            ConnectionAddr::Unix(_) => true,
            _ => false,
        })
    }

    /// Returns true if connections are encrypted.
    pub(crate) fn are_encrypted(&self) -> bool {
        matches!(self.address.server.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// Returns the connection data of another server; `None` if the configured ones have no hosts.
    pub(super) fn at(&self, new_host: &str, new_port: u16) -> Option<ConnectionInfo> {
        let info = &self.address.server;
        let host = new_host.to_owned();
        let addr = match info.addr() {
            ConnectionAddr::Tcp(..) => ConnectionAddr::Tcp(host, new_port),
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host,
                port: new_port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => return None,
        };
        Some(info.clone().set_addr(addr))
    }

    /// Makes a connection for commands.
    pub(super) async fn connect(
        &self,
        to: &ConnectionInfo,
        connect_timeout: Duration,
    ) -> StoreResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(None);
        self.open(to, &config).await
    }

    pub(super) async fn open(
        &self,
        to: &ConnectionInfo,
        config: &AsyncConnectionConfig,
    ) -> StoreResult<MultiplexedConnection> {
        let keep_alive =
            TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE_INTERVAL);
        // Callers share the connection, so none of them may wait until the bytes of another are acknowledged.
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keep_alive);
        // The name is for `CLIENT LIST`. If setting it fails, that does not matter: any reply shows that the
        // server does not refuse this client.
        let settings =
            to.redis_settings().clone().set_lib_name("cache-runtime", env!("CARGO_PKG_VERSION"));
        let to = to.clone().set_tcp_settings(tcp).set_redis_settings(settings);
        let client = self.tls.client(to)?;
        Ok(client.get_multiplexed_async_connection_with_config(config).await?)
    }

    /// Returns the connection data with the protocol in which a server can push.
    pub(super) fn speaking(to: &ConnectionInfo) -> ConnectionInfo {
        let settings = to.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        to.clone().set_redis_settings(settings)
    }
}
