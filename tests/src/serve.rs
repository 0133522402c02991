use std::io::{self, Write};

use tokio::io::{AsyncBufReadExt, BufReader};

/// Answers each line of the standard input with one line on the standard output, in order, until
/// the input ends: with the test that holds the other end, however that ends.
///
/// # Errors
///
/// If the input cannot be read or the output not written.
pub async fn serve(mut answer: impl AsyncFnMut(&str) -> String) -> io::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let text = answer(&line).await.replace('\n', "\\n");
        let mut output = io::stdout().lock();
        writeln!(output, "{text}")?;
        output.flush()?;
    }
    Ok(())
}
