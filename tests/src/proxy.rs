use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    os::fd::OwnedFd,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::port::listen;

/// A TCP proxy before a server of this machine, which a test can make a bad network of.
///
/// It has threads of its own, so it goes on while a test blocks or a runtime stands still. Open
/// connections are cut when the value is dropped.
///
/// ```no_run
/// use cache_tests::{Proxy, RedisServer};
///
/// let server = RedisServer::start();
/// let proxy = Proxy::before(server.port());
/// let url = format!("redis://127.0.0.1:{}", proxy.port());
/// proxy.cut_after(3);
/// # drop(url);
/// ```
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
    accepting: Option<JoinHandle<()>>,
}

/// The direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From clients to the server.
    Requests,
    /// From the server to clients.
    Replies,
}

#[derive(Debug)]
struct Shared {
    server: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: Flow,
    replies: Flow,
    trap: Option<Trap>,
    refusing: bool,
    /// Connections over which nothing passes.
    hushed: Vec<u64>,
    closed: bool,
    connections: Vec<Connection>,
    next: u64,
}

/// The treatment of a chunk of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Pass,
    Stall,
    Slow(Duration),
}

/// An action after a number of further bytes of replies.
#[derive(Clone, Copy, Debug)]
struct Trap {
    bytes: usize,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Cut,
    Stall,
}

/// Both ends of a connection. Cutting it ends the threads that wait for its bytes.
#[derive(Debug)]
struct Connection {
    number: u64,
    ends: [TcpStream; 2],
}

impl Proxy {
    /// Returns a proxy before the server at this port, on a port of its own. It passes everything.
    ///
    /// # Panics
    ///
    /// If it cannot listen.
    pub fn before(server: u16) -> Proxy {
        let listener = listen();
        let port = listener.local_addr().expect("a bound listener").port();
        let shared =
            Arc::new(Shared { server, state: Mutex::default(), changed: Condvar::default() });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.accept(&listener);
                close(listener);
            }
        });
        Proxy { shared, port, accepting: Some(accepting) }
    }

    /// Returns the port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the number of open connections.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// From now on everything passes at once, also what was held up.
    pub fn pass(&self) {
        self.change(|state| {
            (state.requests, state.replies) = (Flow::Pass, Flow::Pass);
            (state.trap, state.refusing) = (None, false);
            state.hushed.clear();
        });
    }

    /// Cuts all connections now. New ones can be made.
    pub fn cut(&self) {
        self.change(State::cut_all);
    }

    /// Cuts a connection in the middle of a reply, after the next `bytes` bytes of all replies together.
    pub fn cut_after(&self, bytes: usize) {
        self.change(|state| state.trap = Some(Trap { bytes, then: Then::Cut }));
    }

    /// Holds up all replies after their next `bytes` bytes.
    pub fn stall_after(&self, bytes: usize) {
        self.change(|state| state.trap = Some(Trap { bytes, then: Then::Stall }));
    }

    /// From now on new connections are closed as soon as they are made. Open ones stay.
    pub fn refuse(&self) {
        self.change(|state| state.refusing = true);
    }

    /// From now on nothing passes in either direction; connections stay open, and new ones are
    /// accepted.
    pub fn stall(&self) {
        self.change(|state| (state.requests, state.replies) = (Flow::Stall, Flow::Stall));
    }

    /// From now on nothing passes over the connection that was made last; it stays open.
    pub fn hush_last(&self) {
        self.change(|state| state.hushed.push(state.next));
    }

    /// From now on nothing passes in this direction.
    pub fn stall_one_way(&self, way: Way) {
        self.change(|state| *state.flow(way) = Flow::Stall);
    }

    /// Delays each chunk of bytes from now on, in both directions.
    pub fn slow(&self, delay: Duration) {
        let slow = Flow::Slow(delay);
        self.change(|state| (state.requests, state.replies) = (slow, slow));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|state| {
            state.closed = true;
            state.cut_all();
        });
        // It waits for a connection, and this is one.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            let _ = accepting.join();
        }
    }
}

impl State {
    fn flow(&mut self, way: Way) -> &mut Flow {
        match way {
            Way::Requests => &mut self.requests,
            Way::Replies => &mut self.replies,
        }
    }

    fn cut_all(&mut self) {
        self.connections.drain(..).for_each(|connection| connection.cut());
    }

    fn is_open(&self, number: u64) -> bool {
        self.connections.iter().any(|connection| connection.number == number)
    }

    /// Returns how many of the next bytes may pass before the trap, and the action that follows.
    fn spring(&mut self, way: Way, bytes: usize) -> (usize, Option<Then>) {
        let Some(trap) = self.trap.as_mut().filter(|_| way == Way::Replies) else {
            return (bytes, None);
        };
        if bytes <= trap.bytes {
            trap.bytes -= bytes;
            return (bytes, None);
        }
        let (passed, then) = (trap.bytes, trap.then);
        self.trap = None;
        if then == Then::Stall {
            self.replies = Flow::Stall;
        }
        (passed, Some(then))
    }
}

impl Connection {
    fn cut(&self) {
        // An end that is gone already is as good as cut.
        self.ends.iter().for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            let (closed, refusing) = {
                let state = self.lock();
                (state.closed, state.refusing)
            };
            if closed {
                return;
            }
            if let Ok(client) = client
                && !refusing
            {
                // A server that is unavailable leaves a client with a connection that is closed.
                let _ = self.open(client);
            }
        }
    }

    fn open(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ends = [client.try_clone()?, server.try_clone()?];
        let number = {
            let mut state = self.lock();
            state.next += 1;
            let number = state.next;
            state.connections.push(Connection { number, ends });
            number
        };
        let (from, to) = (client.try_clone()?, server.try_clone()?);
        self.spawn_pump(number, Way::Requests, from, to);
        self.spawn_pump(number, Way::Replies, server, client);
        Ok(())
    }

    fn spawn_pump(self: &Arc<Self>, number: u64, way: Way, from: TcpStream, to: TcpStream) {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            // However it ended: neither direction is of use without the other.
            let _ = shared.pump(number, way, from, to);
            shared.cut(number);
        });
    }

    fn pump(
        &self,
        number: u64,
        way: Way,
        mut from: TcpStream,
        mut to: TcpStream,
    ) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let bytes = match from.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            if bytes == 0 || !self.let_through(number, way) {
                return Ok(());
            }
            let (passed, then) = self.lock().spring(way, bytes);
            to.write_all(&buffer[..passed])?;
            match then {
                Some(Then::Cut) => return Ok(()),
                Some(Then::Stall) if !self.let_through(number, way) => return Ok(()),
                _ => to.write_all(&buffer[passed..bytes])?,
            }
        }
    }

    /// Waits until a chunk may pass: `false` if its connection has been cut meanwhile.
    fn let_through(&self, number: u64, way: Way) -> bool {
        let mut state = self.lock();
        while state.is_open(number) {
            let hushed = state.hushed.contains(&number);
            match *state.flow(way) {
                _ if hushed => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Flow::Pass => return true,
                Flow::Slow(delay) => {
                    drop(state);
                    thread::sleep(delay);
                    return self.lock().is_open(number);
                }
                Flow::Stall => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        false
    }

    fn cut(&self, number: u64) {
        let mut state = self.lock();
        if let Some(at) = state.connections.iter().position(|open| open.number == number) {
            state.connections.swap_remove(at).cut();
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// Ends a listener at once. Closing alone is not enough: a program that another thread starts at this
/// moment has a copy of the listener until it runs, and connections are accepted that long.
fn close(listener: TcpListener) {
    let _ = TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both);
}
