//! `cachectl` shows and controls a cache of `cache-runtime` in Redis, from the command line.

mod admin;
mod args;
mod commands;
mod connect;
mod exit;
mod graph;
mod outbox;
mod output;
mod triggers;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use commands::{change, doctor, look, relay, watch};
use connect::Connection;
use exit::{Exit, Failure};
use output::Output;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Result<Exit, Failure> {
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "cachectl", &mut std::io::stdout());
        return Ok(Exit::Done);
    }
    let mut out = Output::new(cli.json);
    match &cli.command {
        Command::Graph(source) => return commands::graph::graph(&mut out, source, cli.timeout),
        Command::Advise(source) => {
            return commands::advise::advise(&mut out, source, cli.timeout);
        }
        Command::Verify(source) => {
            return commands::verify::verify(&mut out, source, cli.timeout);
        }
        Command::Triggers(options) => {
            return commands::triggers::triggers(&mut out, options, cli.namespace.as_deref());
        }
        Command::Outbox(command) => {
            return commands::outbox::outbox(&mut out, command, cli.timeout).await;
        }
        _ => {}
    }
    let connection = Connection::new(&cli)?;
    if let Command::Doctor { database } = &cli.command {
        return doctor::doctor(&connection, &mut out, database.as_deref(), cli.timeout).await;
    }
    let manager = connection.open().await?;
    if let Command::Relay(database) = &cli.command {
        return relay::relay(manager, database, cli.timeout).await;
    }
    let outcome = match cli.command {
        Command::Stats { reset } => look::stats(&manager, &mut out, reset).await,
        Command::Health => look::health(&manager, &mut out).await,
        Command::Ls(list) => look::list(&manager, &mut out, &list).await,
        Command::Inspect { name, value } => look::inspect(&manager, &mut out, &name, value).await,
        Command::Invalidate(targets) => change::invalidate(&manager, &mut out, &targets).await,
        Command::Clear { pattern, dry_run: true } => {
            change::would_clear(&manager, &mut out, &pattern).await
        }
        Command::Clear { pattern, dry_run: false } => {
            change::clear(&manager, &mut out, &pattern).await
        }
        Command::Flush { yes } => change::flush(&manager, &mut out, yes).await,
        Command::Watch { every, times } => watch::watch(&manager, &mut out, every, times).await,
        // Those that need no Redis, or no manager that is connected.
        Command::Doctor { .. }
        | Command::Graph(_)
        | Command::Advise(_)
        | Command::Verify(_)
        | Command::Outbox(_)
        | Command::Relay(_)
        | Command::Triggers(_)
        | Command::Completions { .. } => Ok(Exit::Done),
    };
    // Removals that Redis has not confirmed by now are lost with this process.
    match manager.disconnect().await {
        0 => outcome,
        pending => Err(Failure::Unconfirmed(pending)),
    }
}
