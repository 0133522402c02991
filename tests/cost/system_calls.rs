//! System calls of this thread. All are forbidden except those that end a process, and any other one kills the
//! process.
//!
//! The test runs itself once more as a child, which is the process that is killed.

use std::env::{self, consts::ARCH, current_exe};
use std::process::{Command, ExitStatus, Stdio};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::hits::{ask_for_many, warm_up};

/// Says that this is the process that may be killed, and what it is to do.
const TASK: &str = "COST_OF_A_HIT";

// R8: no system call.
#[test]
fn a_hit_makes_no_system_call() {
    if env::var_os(TASK).is_some() {
        return hits_alone();
    }
    let hits = run_self("a_hit_makes_no_system_call");
    assert!(hits.success(), "the process that made hits alone has ended with {hits}");
}

#[test]
fn a_system_call_is_noticed() {
    if env::var_os(TASK).is_some() {
        forbid_system_calls();
        let _ = env::current_dir();
        std::process::exit(0);
    }
    assert!(!run_self("a_system_call_is_noticed").success());
}

fn hits_alone() {
    warm_up();
    forbid_system_calls();
    ask_for_many();
    std::process::exit(0);
}

fn run_self(test: &str) -> ExitStatus {
    Command::new(current_exe().unwrap())
        .args(["--exact", &format!("system_calls::{test}")])
        .env(TASK, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// The system calls of the standard library at the end of a process.
const OF_AN_END: [i64; 3] = [libc::SYS_sigaltstack, libc::SYS_munmap, libc::SYS_exit_group];

/// From here on this thread may end the process, and nothing else.
fn forbid_system_calls() {
    let filter = SeccompFilter::new(
        OF_AN_END.map(|call| (call, Vec::new())).into(),
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    apply_filter(&program).unwrap();
}
