//! A network that is slower than the loopback interface.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// The number of bytes that pass at once. Connections take turns.
const PACKET: usize = 4 * 1_024;
/// A thread that sleeps wakes up late: for this long what was missed is made up for.
const CREDIT: Duration = Duration::from_millis(1);

/// A way to a server that all connections share, with this many bytes per second in each direction. It
/// is there until the process ends.
#[derive(Debug)]
pub struct Wire(SocketAddr);

/// One direction of it.
#[derive(Debug)]
struct Direction {
    /// The time at which everything that was sent will have passed.
    free_at: Mutex<Instant>,
    bytes_per_second: f64,
}

impl Wire {
    /// A way to a port of this machine.
    ///
    /// # Errors
    ///
    /// If there is no port to listen on.
    pub fn to(port: u16, bytes_per_second: f64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let direction =
            || Arc::new(Direction { free_at: Mutex::new(Instant::now()), bytes_per_second });
        let (there, back) = (direction(), direction());
        spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client?, TcpStream::connect(("127.0.0.1", port))?);
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                let (there, back) = (Arc::clone(&there), Arc::clone(&back));
                let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
                spawn(move || there.carry(from_client, server));
                spawn(move || back.carry(from_server, client));
            }
            io::Result::Ok(())
        });
        Ok(Wire(address))
    }

    /// The address of the server at its end.
    pub fn url(&self) -> String {
        format!("redis://{}", self.0)
    }
}

impl Direction {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
        let mut packet = [0; PACKET];
        loop {
            let bytes = from.read(&mut packet)?;
            if bytes == 0 {
                return to.shutdown(Shutdown::Write);
            }
            sleep(self.pass(bytes).saturating_duration_since(Instant::now()));
            to.write_all(&packet[..bytes])?;
        }
    }

    /// Returns the time at which this number of bytes will have passed.
    fn pass(&self, bytes: usize) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *free_at = (*free_at).max(now.checked_sub(CREDIT).unwrap_or(now)) + takes;
        *free_at
    }
}
