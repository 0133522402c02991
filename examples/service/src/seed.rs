//! The tables, and what is in them at the start.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// The number of videos in a new database. Their ids are 1 to this number.
pub const VIDEOS: i64 = 500;

/// The channels of a new database.
pub const CHANNELS: [&str; 8] =
    ["cats", "cooking", "cycling", "history", "music", "news", "science", "travel"];

/// Words that titles are made of.
pub const SUBJECTS: [&str; 12] = [
    "bridge", "garden", "glacier", "harbour", "kitchen", "lantern", "library", "market",
    "mountain", "orchard", "railway", "river",
];

const ADJECTIVES: [&str; 10] =
    ["hidden", "old", "quiet", "red", "famous", "frozen", "burning", "smallest", "last", "wild"];

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS database (id TEXT NOT NULL);
    -- AUTOINCREMENT: the id of a video that was deleted is never given to another one.
    CREATE TABLE IF NOT EXISTS video (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        title TEXT NOT NULL,
        views INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS video_channel ON video (channel, id);
    CREATE TABLE IF NOT EXISTS comment (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        video INTEGER NOT NULL REFERENCES video (id) ON DELETE CASCADE,
        author TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS comment_video ON comment (video, id);
";

/// Makes and fills the tables where they are missing, and gives the id of the database. Several
/// processes may do so at once: the first one's transaction makes the others wait.
pub(crate) fn prepare(connection: &mut Connection) -> rusqlite::Result<String> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    let ids: i64 = transaction.query_row("SELECT count(*) FROM database", [], |row| row.get(0))?;
    if ids == 0 {
        transaction.execute("INSERT INTO database VALUES (lower(hex(randomblob(6))))", [])?;
        fill(&transaction)?;
    }
    let id = transaction.query_row("SELECT id FROM database", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(id)
}

fn fill(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut video =
        transaction.prepare("INSERT INTO video (channel, title, views) VALUES (?1, ?2, ?3)")?;
    let mut comment =
        transaction.prepare("INSERT INTO comment (video, author, text) VALUES (?1, ?2, ?3)")?;
    for (number, id) in (0_usize..).zip(1..=VIDEOS) {
        let channel = CHANNELS[number % CHANNELS.len()];
        video.execute(params![channel, title(number), 10 * (VIDEOS - id)])?;
        for text in ["Well made.", "I have seen this twice."].iter().take(number % 3) {
            comment.execute(params![id, "Ada", text])?;
        }
    }
    Ok(())
}

fn title(number: usize) -> String {
    let adjective = ADJECTIVES[number % ADJECTIVES.len()];
    let subject = SUBJECTS[number / ADJECTIVES.len() % SUBJECTS.len()];
    format!("The {adjective} {subject}, part {}", 1 + number / 120)
}
