//! Counts the requests to a server.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::spawn;

/// A way to a server that counts the requests: a request is whatever arrives at once. It is there until the process
/// ends.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    port: u16,
    requests: Arc<AtomicU64>,
}

impl RoundTrips {
    /// Returns a way to a port of this machine.
    ///
    /// # Errors
    ///
    /// If there is no port to listen on.
    pub fn to(server: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let requests = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&requests);
        spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client?, TcpStream::connect(("127.0.0.1", server))?);
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                let (there, back) = (client.try_clone()?, server.try_clone()?);
                let counted = Arc::clone(&counted);
                spawn(move || carry(there, server, || _ = counted.fetch_add(1, Ordering::Relaxed)));
                spawn(move || carry(back, client, || {}));
            }
            io::Result::Ok(())
        });
        Ok(RoundTrips { port, requests })
    }

    /// Returns the port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the number of requests so far.
    pub fn count(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, arrives: impl Fn()) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1_024];
    loop {
        let bytes = from.read(&mut buffer)?;
        if bytes == 0 {
            return to.shutdown(Shutdown::Both);
        }
        arrives();
        to.write_all(&buffer[..bytes])?;
    }
}
