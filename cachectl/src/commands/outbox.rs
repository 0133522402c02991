//! The commands that show the outbox.

use std::time::Duration;

use crate::args::OutboxCommand;
use crate::exit::{Exit, Failure};
use crate::outbox::{Address, Dialect, Lag, open, schema};
use crate::output::Output;

pub(crate) async fn outbox(
    out: &mut Output,
    command: &OutboxCommand,
    patience: Duration,
) -> Result<Exit, Failure> {
    match command {
        OutboxCommand::Sql(dialect) => {
            let dialect = if dialect.postgres { Dialect::Postgres } else { Dialect::Sqlite };
            out.verbatim("sql", schema(dialect)?)?;
        }
        OutboxCommand::Lag(database) => {
            let address = Address::new(database.database.as_deref(), patience)?;
            let lag = open(&address).await?.lag().await?;
            out.answer(&lag, Lag(&lag))?;
        }
    }
    Ok(Exit::Done)
}
