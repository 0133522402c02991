use std::{
    io::Write,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// Reads lines until its input ends. The last line is the process that ends then: at once, and without
/// leaving shared memory in the system.
const SCRIPT: &str = r#"
trap '' HUP INT
while read -r line; do process=$line; done
if [ -n "$process" ]; then
  kill -QUIT "$process"
  for _ in 1 2 3 4 5; do kill -0 "$process" && sleep 1; done
  kill -KILL "$process"
fi
rm -rf "$1"
"#;

/// Ends a server and removes its directory when the process of the test has ended, however it has ended.
///
/// A shell waits for the end of its input, which ends with the process in any case.
#[derive(Debug)]
pub(super) struct LastWill {
    shell: Child,
    input: Mutex<Option<ChildStdin>>,
}

impl LastWill {
    /// Begins with no server.
    pub(super) fn new(dir: &Path) -> LastWill {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let input = Mutex::new(shell.stdin.take());
        LastWill { shell, input }
    }

    /// Names the process that ends with this one, in the place of the one before.
    pub(super) fn end_with(&self, process: Option<u32>) {
        let line = process.map_or_else(String::new, |process| process.to_string());
        if let Some(input) = &mut *self.input.lock().unwrap_or_else(PoisonError::into_inner) {
            // It fails if somebody has killed the shell.
            let _ = writeln!(input, "{line}");
        }
    }
}

impl Drop for LastWill {
    fn drop(&mut self) {
        *self.input.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // It fails only if the shell was waited for already.
        let _ = self.shell.wait();
    }
}
