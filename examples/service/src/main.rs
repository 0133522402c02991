//! `cargo run -p cache-example-service -- --load`, and then <http://127.0.0.1:3000/cache>.

use std::env;
use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use cache_example_service::access::Access;
use cache_example_service::analysis::Analyst;
use cache_example_service::args::{Cli, Command, Measure, Serve};
use cache_example_service::db::Db;
use cache_example_service::load::{self, Plan, Target};
use cache_example_service::routes::App;
use cache_example_service::service::{asked_to_stop, cache_for, router, serve};
use cache_runtime::{CacheManager, install};
use clap::Parser as _;
use tokio::net::TcpListener;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { serve, command } = Cli::parse();
    let outcome = match command {
        None => run(serve).await.map(|()| ExitCode::SUCCESS),
        Some(Command::Load(measure)) => self::measure(measure, serve).await,
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("  caused by: {error}");
            cause = error.source();
        }
        ExitCode::FAILURE
    })
}

/// Runs the service until it receives a signal to stop.
async fn run(args: Serve) -> Outcome<()> {
    log_to_stderr("info")?;
    let (listener, router, manager) = start(&args).await?;
    let address = listener.local_addr()?;
    let target = Target::of(address);
    println!("The service:    {target}/");
    println!("What is cached: {target}/cache");
    println!("{}", Access::from_env(address.ip()));

    let load = args.load.map(|rate| {
        println!("It is sent {rate} requests a second; Ctrl-C ends it.");
        tokio::spawn(load::forever(target, rate))
    });
    let served = serve(listener, router, async move {
        asked_to_stop().await;
        tracing::info!("stopping");
        if let Some(load) = load {
            load.abort();
        }
    })
    .await;
    disconnect(&manager).await;
    Ok(served?)
}

/// Measures a service: the one of the URL, or one of its own.
async fn measure(measure: Measure, serve_args: Serve) -> Outcome<ExitCode> {
    log_to_stderr("warn")?;
    let Measure { url, seconds, connections, rate, limit_p99_ms } = measure;
    let connections = connections.map_or_else(|| load::connections(rate), usize::from);
    let plan = |target| Plan { target, connections, rate, seconds };
    let report = match url {
        Some(target) => load::run(plan(target)).await?,
        None => {
            // Never on a named database, because the load changes its data.
            let listen = ([127, 0, 0, 1], 0).into();
            let args = Serve { listen, database: None, ..serve_args };
            let (listener, router, manager) = start(&args).await?;
            let target = Target::of(listener.local_addr()?);
            println!("A service of this process, in {}.", manager.backend());
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let service = tokio::spawn(serve(listener, router, async { _ = stopped.await }));
            // So that a temporary database does not stay behind.
            let report = tokio::select! {
                report = load::run(plan(target)) => report?,
                () = asked_to_stop() => return Err("it was stopped".into()),
            };
            drop(stop);
            service.await??;
            disconnect(&manager).await;
            report
        }
    };
    println!("{report}");
    let Some(limit) = limit_p99_ms else { return Ok(ExitCode::SUCCESS) };
    let faults = report.faults(limit);
    for fault in &faults {
        eprintln!("too bad: {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that can fail fails here, before the first request is taken.
async fn start(args: &Serve) -> Outcome<(TcpListener, axum::Router, CacheManager)> {
    let db = Db::open(args.database.as_deref()).await?;
    let manager = cache_for(&db).await?;
    install(manager.clone())?;
    let admin = Access::from_env(args.listen.ip()).config()?;
    let app = App { db, analyst: Analyst::new(args.analysis_latency_ms) };
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    Ok((listener, router(app, manager.clone(), admin), manager))
}

/// Gives Redis a last chance to receive what was invalidated.
async fn disconnect(manager: &CacheManager) {
    let pending = manager.disconnect().await;
    if pending > 0 {
        tracing::warn!("Redis has not confirmed {pending} invalidations, which are lost");
    }
}

/// `RUST_LOG` names targets and levels, such as `info,cache_runtime=debug`.
fn log_to_stderr(default: &str) -> Outcome<()> {
    let wanted = env::var("RUST_LOG").unwrap_or_else(|_| default.to_owned());
    let targets: Targets =
        wanted.parse().map_err(|error| format!("RUST_LOG is {wanted:?}: {error}"))?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    tracing_subscriber::registry().with(lines).with(targets).init();
    Ok(())
}
