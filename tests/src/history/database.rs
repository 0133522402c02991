use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{KEYS, Key};
use crate::port::listen;

/// The versions of all keys, as they were at one moment.
pub type Versions = [u64; KEYS];

/// The data behind the cache: a version of each key, and a server for it.
///
/// It is linearizable, which is what makes a history checkable: a question is a bit for each key
/// whose version is to grow by one, and the answer is all versions after that.
#[derive(Debug)]
pub struct Database {
    address: SocketAddr,
}

impl Database {
    /// Returns a database whose keys have version 1. Its threads end with the process.
    ///
    /// # Panics
    ///
    /// If it cannot listen.
    pub fn start() -> Database {
        let listener = listen();
        let address = listener.local_addr().expect("a bound listener");
        let versions = Arc::new(Mutex::new([1; KEYS]));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let versions = Arc::clone(&versions);
                // It ends when its client goes.
                thread::spawn(move || serve(&client, &versions));
            }
        });
        Database { address }
    }

    /// Returns the address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut client: &TcpStream, versions: &Mutex<Versions>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut question = [0; 8];
    loop {
        client.read_exact(&mut question)?;
        let now = {
            let mut versions = versions.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, version) in versions.iter_mut().enumerate() {
                *version += u64::from_le_bytes(question) >> key & 1;
            }
            *versions
        };
        client.write_all(&now.map(u64::to_le_bytes).concat())?;
    }
}

/// Asks a [`Database`].
#[derive(Debug)]
pub struct DatabaseClient {
    address: SocketAddr,
    /// The idle connections. A connection whose request was dropped half-way is not returned.
    idle: Mutex<Vec<tokio::net::TcpStream>>,
}

impl DatabaseClient {
    /// Returns a client of the database at this address.
    pub fn new(address: SocketAddr) -> Self {
        DatabaseClient { address, idle: Mutex::default() }
    }

    /// Returns the present versions.
    ///
    /// # Panics
    ///
    /// If the database is gone.
    pub async fn read(&self) -> Versions {
        self.change(std::iter::empty()).await
    }

    /// Gives new versions to these keys, at one moment; the versions of all keys after it.
    ///
    /// # Panics
    ///
    /// If the database is gone.
    pub async fn change(&self, keys: impl IntoIterator<Item = Key>) -> Versions {
        let bits = keys.into_iter().fold(0_u64, |bits, key| bits | 1 << key.index());
        self.ask(bits).await.expect("the database answers")
    }

    async fn ask(&self, bits: u64) -> io::Result<Versions> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.write_all(&bits.to_le_bytes()).await?;
        let mut answer = [0; KEYS * 8];
        connection.read_exact(&mut answer).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        let version =
            |key: usize| answer[key * 8..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        Ok(std::array::from_fn(version))
    }

    async fn connect(&self) -> io::Result<tokio::net::TcpStream> {
        let connection = tokio::net::TcpStream::connect(self.address).await?;
        connection.set_nodelay(true)?;
        Ok(connection)
    }
}
