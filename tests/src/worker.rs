use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use crate::signal::{self, Signal};

/// The time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A child process with a cache of its own: the program `worker` of this package, or another one.
///
/// Commands and answers are lines; see `src/bin/worker.rs` for the commands. The process is killed
/// when the value is dropped.
///
/// ```no_run
/// use cache_tests::{RedisServer, Worker, unique_namespace};
///
/// let server = RedisServer::start();
/// let mut worker = Worker::spawn(&server.url(), &unique_namespace());
/// assert_eq!(worker.call("ping"), "pong");
/// ```
#[derive(Debug)]
pub struct Worker {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Worker {
    /// Starts a worker whose environment names this server and namespace.
    ///
    /// # Panics
    ///
    /// If the program cannot be run.
    pub fn spawn(url: &str, namespace: &str) -> Worker {
        Worker::spawn_with(&[("REDIS_URL", url), ("CACHE_NAMESPACE", namespace)])
    }

    /// Starts a worker with these variables; none of the caller's `REDIS_..` and `CACHE_..` reach
    /// it.
    ///
    /// # Panics
    ///
    /// If the program cannot be run.
    pub fn spawn_with(variables: &[(&str, &str)]) -> Worker {
        Worker::spawn_program("worker", &[], variables)
    }

    /// Starts another program of the package of the test that answers lines, with these arguments and variables.
    ///
    /// # Panics
    ///
    /// If the program cannot be run.
    pub fn spawn_program(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Worker {
        let mut child = command(name, variables)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
        let commands = child.stdin.take();
        let answers = read_lines(child.stdout.take().expect("stdout is a pipe"));
        Worker { child, commands, answers }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Panics
    ///
    /// If the worker has ended, or does not answer for half a minute.
    pub fn call(&mut self, command: &str) -> String {
        self.send(command);
        self.receive()
    }

    /// Sends a command without waiting, so that several workers are busy at once. Each command is
    /// answered by one [`receive`](Worker::receive), in order.
    ///
    /// # Panics
    ///
    /// If the worker has ended.
    pub fn send(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("stdin is a pipe");
        writeln!(commands, "{command}")
            .and_then(|()| commands.flush())
            .unwrap_or_else(|error| panic!("the worker takes no {command:?}: {error}"));
    }

    /// Waits for the next answer.
    ///
    /// # Panics
    ///
    /// If the worker has ended, or does not answer for half a minute.
    pub fn receive(&mut self) -> String {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer from the worker: {error}"),
        }
    }

    /// Kills the worker with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops the worker with SIGSTOP.
    pub fn pause(&self) {
        signal::send(Signal::Stop, self.child.id());
    }

    /// Lets a paused worker go on.
    pub fn resume(&self) {
        signal::send(Signal::Continue, self.child.id());
    }

    /// Closes the worker's input and waits until it has ended by itself; whether it ended well.
    pub fn finish(&mut self) -> bool {
        self.commands = None;
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(name: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program(name));
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("REDIS_") || name.starts_with("CACHE_"))
        {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    command
}

/// Cargo builds the programs of a package before its tests, beside the folder of the tests.
fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of the test");
    let folder = test.ancestors().nth(2).expect("a test lies in deps/");
    folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// A thread reads, so that waiting for a line can have a limit.
fn read_lines(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
