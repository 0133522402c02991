use std::process::Command;

/// A signal that stops a process without ending it, the one that lets it go on, and the one that makes
/// PostgreSQL end at once.
#[derive(Clone, Copy)]
pub(crate) enum Signal {
    Stop,
    Continue,
    Quit,
}

/// Sends a signal by the shell's own `kill`: every system has one, and it needs no unsafe code.
pub(crate) fn send(signal: Signal, process: u32) {
    let name = match signal {
        Signal::Stop => "STOP",
        Signal::Continue => "CONT",
        Signal::Quit => "QUIT",
    };
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {process}")).status();
    assert!(status.expect("sh runs").success(), "process {process} took no SIG{name}");
}
