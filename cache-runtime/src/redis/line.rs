//! One connection to a server. If it was closed while it was idle, another one replaces it.
//!
//! A server may close idle connections (`timeout`), and a device in between may do so, too. No command is
//! lost with such a connection.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionInfo, FromRedisValue, Pipeline, RedisResult, Value};
use tokio::runtime::Handle;

use super::error::{Lost, StoreError, StoreResult, Unusable};
use super::identity::ServerIdentity;
use super::servers::Servers;
use crate::error::with_causes;
use crate::support::boxed::boxed;
use crate::support::lock::Mutex;

#[derive(Debug)]
pub(super) struct ServerLine {
    servers: Arc<Servers>,
    connect_timeout: Duration,
    to: ConnectionInfo,
    runtime: Option<Handle>,
    /// The run of the server at the other end.
    server: String,
    current: Mutex<Numbered>,
    /// Held by the caller that reconnects.
    renewing: tokio::sync::Mutex<()>,
}

/// A connection, and the number of the connections before it.
#[derive(Clone, Debug)]
struct Numbered {
    number: u64,
    connection: MultiplexedConnection,
}

impl ServerLine {
    pub(super) fn new(
        servers: &Arc<Servers>,
        connect_timeout: Duration,
        to: &ConnectionInfo,
        server: &str,
        connection: MultiplexedConnection,
    ) -> Arc<Self> {
        Arc::new(ServerLine {
            servers: Arc::clone(servers),
            connect_timeout,
            to: to.clone(),
            runtime: Handle::try_current().ok(),
            server: server.to_owned(),
            current: Mutex::new(Numbered { number: 0, connection }),
            renewing: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn connection(&self) -> MultiplexedConnection {
        self.current.lock().connection.clone()
    }

    /// Sends a command. If the connection had been closed, so that nothing was sent, the command is sent over
    /// a new one.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> StoreResult<T> {
        let Numbered { number, mut connection } = self.current.lock().clone();
        let outcome = {
            // Not by way of the trait, which boxes the future.
            let mut asked = pin!(connection.send_packed_command(command));
            // A reply takes more than one poll. So a command that fails at the first poll was not sent.
            match poll_once(asked.as_mut()).await {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => return read(asked.await),
            }
        };
        match read(outcome) {
            Err(error) if error.is_closed() => match self.renewed(number).await {
                Some(mut connection) => {
                    read(boxed(|| connection.send_packed_command(command)).await)
                }
                None => Err(error),
            },
            outcome => outcome,
        }
    }

    /// Sends several commands together, in the same way. Each has a reply of its own, which may be an error.
    pub(super) async fn ask_all(&self, commands: &Pipeline) -> StoreResult<Vec<Value>> {
        let count = commands.len();
        let Numbered { number, mut connection } = self.current.lock().clone();
        let outcome = {
            let mut asked = pin!(connection.send_packed_commands(commands, 0, count));
            match poll_once(asked.as_mut()).await {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => return Ok(asked.await?),
            }
        };
        match outcome.map_err(StoreError::from) {
            Err(error) if error.is_closed() => match self.renewed(number).await {
                Some(mut connection) => {
                    Ok(boxed(|| connection.send_packed_commands(commands, 0, count)).await?)
                }
                None => Err(error),
            },
            outcome => outcome,
        }
    }

    /// Returns the connection after this one, if it leads to the same server. Boxed, because it is rare and
    /// large.
    fn renewed(&self, number: u64) -> BoxedFuture<'_, Option<MultiplexedConnection>> {
        Box::pin(self.renew(number))
    }

    async fn renew(&self, number: u64) -> Option<MultiplexedConnection> {
        let _turn = self.renewing.lock().await;
        let current = self.current.lock().clone();
        if current.number != number {
            return Some(current.connection);
        }
        match self.connect().await {
            Ok(connection) => {
                let new = Numbered { number: number + 1, connection };
                *self.current.lock() = new.clone();
                Some(new.connection)
            }
            Err(error) => {
                let reason = with_causes(&error);
                tracing::debug!(
                    reason,
                    "a connection to Redis was closed, and no new one could be made"
                );
                None
            }
        }
    }

    /// Connects on the runtime of the link, because the connection must live there.
    async fn connect(&self) -> StoreResult<MultiplexedConnection> {
        let runtime = self.runtime.clone().ok_or(Lost::RuntimeEnded)?;
        let (servers, to) = (Arc::clone(&self.servers), self.to.clone());
        let (server, connect_timeout) = (self.server.clone(), self.connect_timeout);
        let connected = runtime.spawn(async move {
            let mut connection = servers.connect(&to, connect_timeout).await?;
            if ServerIdentity::ask(&mut connection).await?.server != server {
                return Err(Unusable::AnotherServer.into());
            }
            Ok(connection)
        });
        connected.await.unwrap_or(Err(Lost::RuntimeEnded.into()))
    }
}

/// A future behind a pointer.
type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Polls a future once.
fn poll_once<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = Poll<F::Output>> {
    poll_fn(move |context| Poll::Ready(future.as_mut().poll(context)))
}

fn read<T: FromRedisValue>(answer: RedisResult<Value>) -> StoreResult<T> {
    StoreError::read(answer?.extract_error()?)
}
