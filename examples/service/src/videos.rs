//! The cached queries, and the invalidations of each change. This is the file to copy from.
//!
//! | query | its entries are called | and change with |
//! |---|---|---|
//! | [`video`], [`videos`] | `video:{id}` | its title, its views |
//! | [`comments`] | `video:{id}:comments` | a new comment |
//! | [`in_channel`] | `list:..`, tag `channel:{channel}` | titles and number of the channel's videos |
//! | [`search`] | `search:..`, tag `titles` | titles and number of all videos |
//! | [`newest`] | `newest:{page}`, tag `catalogue` | the number of all videos |
//! | [`popular`] | `popular:..` | every view, so nothing makes it stale but time |
//!
//! `db` is the way to the answer and not a part of the request, so no key and no tag mentions it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cache_runtime::{cache_invalidate, cache_put, cached};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use crate::db::{Db, DbError};
use crate::transaction::Transaction;

/// The number of videos on one page of a list.
const PAGE: u32 = 20;

/// A video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Video {
    /// Its number.
    pub id: i64,
    /// The channel of the video, which never changes.
    pub channel: String,
    /// The title of the video.
    pub title: String,
    /// The number of views.
    pub views: i64,
}

/// A video as lists show it: without its views, so that a view changes no list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// The channel of the video.
    pub channel: String,
    /// The title of the video.
    pub title: String,
}

/// A comment on a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// Its number.
    pub id: i64,
    /// The author of the comment.
    pub author: String,
    /// The text of the comment.
    pub text: String,
}

// The queries. A hit clones the value: of an `Arc` that is a pointer, however long the list.

/// One video. `None` is not stored: the id may be that of the next video to be added.
///
/// # Errors
///
/// If the database fails.
#[cached(ttl = "10m", key_prefix = "video", key = "{id}", cache_none = false)]
pub async fn video(db: &Db, id: i64) -> Result<Option<Video>, DbError> {
    db.read(move |db| {
        let sql = "SELECT id, channel, title, views FROM video WHERE id = ?1";
        db.prepare_cached(sql)?.query_row([id], video_of).optional()
    })
    .await
}

/// Several videos, by id. Their entries are those of [`video`]: a page of one has a hit after a list, and a list loads
/// only the videos that no page has loaded, all of them with one query. An id without a video is left out.
///
/// # Errors
///
/// If the database fails.
#[cached(entry = video(db, id), each(id in ids))]
pub async fn videos(db: &Db, ids: &[i64]) -> Result<HashMap<i64, Video>, DbError> {
    let ids = serde_json::json!(ids).to_string();
    db.read(move |db| {
        // One statement, whatever the number of ids.
        let sql = "SELECT id, channel, title, views FROM video
                   WHERE id IN (SELECT value FROM json_each(?1))";
        let mut query = db.prepare_cached(sql)?;
        let found = query.query_map([ids], video_of)?;
        found.map(|video| video.map(|video| (video.id, video))).collect()
    })
    .await
}

/// Returns the ids on one page of all videos, the newest first. The videos themselves are not part of the entry, so
/// neither a title nor a view makes it stale.
///
/// # Errors
///
/// If the database fails.
#[cached(ttl = "10m", key_prefix = "newest", key = "{page}", tags = ["catalogue"])]
pub async fn newest(db: &Db, page: u32) -> Result<Arc<Vec<i64>>, DbError> {
    db.read(move |db| {
        let sql = "SELECT id FROM video ORDER BY id DESC LIMIT ?1 OFFSET ?2";
        let mut query = db.prepare_cached(sql)?;
        let found = query.query_map([PAGE, page * PAGE], |row| row.get(0))?;
        found.collect::<Result<_, _>>().map(Arc::new)
    })
    .await
}

/// All comments on a video, the oldest first. Their entry is below that of the video.
///
/// # Errors
///
/// If the database fails.
#[cached(ttl = "10m", key_prefix = "video", key = "{id}:comments")]
pub async fn comments(db: &Db, id: i64) -> Result<Arc<Vec<Comment>>, DbError> {
    db.read(move |db| {
        let sql = "SELECT id, author, text FROM comment WHERE video = ?1 ORDER BY id";
        db.prepare_cached(sql)?.query_map([id], comment_of)?.collect::<Result<_, _>>().map(Arc::new)
    })
    .await
}

/// Returns one page of a channel's videos. The tag covers all pages, whatever their number.
///
/// # Errors
///
/// If the database fails.
#[cached(ttl = "10m", key_prefix = "list", skip(db), tags = ["channel:{channel}"])]
pub async fn in_channel(db: &Db, channel: &str, page: u32) -> Result<Arc<Vec<Listed>>, DbError> {
    let channel = channel.to_owned();
    db.read(move |db| {
        let sql = "SELECT id, channel, title FROM video WHERE channel = ?1
                   ORDER BY id LIMIT ?2 OFFSET ?3";
        let mut query = db.prepare_cached(sql)?;
        let found = query.query_map(params![channel, PAGE, page * PAGE], listed_of)?;
        found.collect::<Result<_, _>>().map(Arc::new)
    })
    .await
}

/// The videos whose title contains these words. Any title may begin or cease to match, so one tag
/// stands for all of them; and what was searched once is seldom searched again, so the TTL is short.
///
/// # Errors
///
/// If the database fails.
#[cached(ttl = "1m", key_prefix = "search", skip(db), tags = ["titles"])]
pub async fn search(db: &Db, words: &str, page: u32) -> Result<Arc<Vec<Listed>>, DbError> {
    let words = words.to_owned();
    db.read(move |db| {
        let sql = "SELECT id, channel, title FROM video WHERE instr(lower(title), lower(?1)) > 0
                   ORDER BY id LIMIT ?2 OFFSET ?3";
        let mut query = db.prepare_cached(sql)?;
        let found = query.query_map(params![words, PAGE, page * PAGE], listed_of)?;
        found.collect::<Result<_, _>>().map(Arc::new)
    })
    .await
}

/// Returns the most viewed videos. An invalidation with every view would leave no hits. So the list may be a
/// few seconds old, and no caller waits while it is refreshed.
///
/// # Errors
///
/// If the database fails.
#[cached(ttl = "5s", key_prefix = "popular", skip(db), stale_while_revalidate = "1m")]
pub async fn popular(db: &Db) -> Result<Arc<Vec<Video>>, DbError> {
    db.read(|db| {
        let sql = "SELECT id, channel, title, views FROM video ORDER BY views DESC, id LIMIT ?1";
        db.prepare_cached(sql)?.query_map([PAGE], video_of)?.collect::<Result<_, _>>().map(Arc::new)
    })
    .await
}

// The changes. Each makes stale what its write changes, and nothing else.

/// Adds a video: to its channel's list, to the newest ones, and to what searches find.
///
/// # Errors
///
/// If the database fails.
#[cache_invalidate(tags = ["channel:{channel}", "titles", "catalogue"])]
pub async fn add(db: &Db, channel: &str, title: &str) -> Result<Video, DbError> {
    let row = (channel.to_owned(), title.to_owned());
    db.write(move |db| {
        let sql = "INSERT INTO video (channel, title) VALUES (?1, ?2)
                   RETURNING id, channel, title, views";
        db.prepare_cached(sql)?.query_row(row, video_of)
    })
    .await
}

/// Renames a video. The lists of its channel show the title; `false` if there is no such video in
/// that channel, and then nothing has changed.
///
/// # Errors
///
/// If the database fails.
#[cache_invalidate(
    entry = video(db, id),
    tags = ["channel:{channel}", "titles"],
    if = |renamed| !matches!(renamed, Ok(false)),
)]
pub async fn rename(db: &Db, id: i64, channel: &str, title: &str) -> Result<bool, DbError> {
    let row = (id, channel.to_owned(), title.to_owned());
    db.write(move |db| {
        let sql = "UPDATE video SET title = ?3 WHERE id = ?1 AND channel = ?2";
        Ok(db.prepare_cached(sql)?.execute(row)? > 0)
    })
    .await
}

/// Renames several videos of a channel: all of them or, if one is not in the channel, none. Returns the id of that one.
///
/// Nobody sees a new title before the commit, and nothing is invalidated if the transaction is rolled back.
///
/// # Errors
///
/// If the database fails.
pub async fn rename_all(
    db: &Db,
    channel: &str,
    titles: BTreeMap<i64, String>,
) -> Result<Option<i64>, DbError> {
    let mut tx = db.begin().await?;
    for (id, title) in titles {
        if !rename_one(&mut tx, id, channel, title).await? {
            return Ok(Some(id));
        }
    }
    tx.commit().await.map(|()| None)
}

#[cache_invalidate(entry = video(tx.db(), id), tags = ["channel:{channel}", "titles"], within = tx)]
async fn rename_one(
    tx: &mut Transaction,
    id: i64,
    channel: &str,
    title: String,
) -> Result<bool, DbError> {
    let row = (id, channel.to_owned(), title);
    tx.run(move |db| {
        let sql = "UPDATE video SET title = ?3 WHERE id = ?1 AND channel = ?2";
        Ok(db.prepare_cached(sql)?.execute(row)? > 0)
    })
    .await
}

/// Counts a view. Returns the new row, which replaces the cached one, so the next reader does not load. No list
/// shows views.
///
/// # Errors
///
/// If the database fails.
#[cache_put(entry = video(db, id))]
pub async fn count_view(db: &Db, id: i64) -> Result<Option<Video>, DbError> {
    db.write(move |db| {
        let sql = "UPDATE video SET views = views + 1 WHERE id = ?1
                   RETURNING id, channel, title, views";
        db.prepare_cached(sql)?.query_row([id], video_of).optional()
    })
    .await
}

/// Adds a comment: the video itself does not change. `None` if there is no such video.
///
/// # Errors
///
/// If the database fails.
#[cache_invalidate(entry = comments(db, id), if = |added| !matches!(added, Ok(None)))]
pub async fn add_comment(
    db: &Db,
    id: i64,
    author: &str,
    text: &str,
) -> Result<Option<Comment>, DbError> {
    let row = (id, author.to_owned(), text.to_owned());
    db.write(move |db| {
        let sql = "INSERT INTO comment (video, author, text)
                   SELECT id, ?2, ?3 FROM video WHERE id = ?1 RETURNING id, author, text";
        db.prepare_cached(sql)?.query_row(row, comment_of).optional()
    })
    .await
}

/// Deletes a video and all that is below it: its prefix covers the comments, too. `false` if there is
/// no such video in that channel.
///
/// # Errors
///
/// If the database fails.
#[cache_invalidate(
    prefix = "video:{id}",
    tags = ["channel:{channel}", "titles", "catalogue"],
    if = |deleted| !matches!(deleted, Ok(false)),
)]
pub async fn delete(db: &Db, id: i64, channel: &str) -> Result<bool, DbError> {
    let channel = channel.to_owned();
    db.write(move |db| {
        let sql = "DELETE FROM video WHERE id = ?1 AND channel = ?2";
        Ok(db.prepare_cached(sql)?.execute(params![id, channel])? > 0)
    })
    .await
}

fn video_of(row: &Row<'_>) -> rusqlite::Result<Video> {
    Ok(Video { id: row.get(0)?, channel: row.get(1)?, title: row.get(2)?, views: row.get(3)? })
}

fn listed_of(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed { id: row.get(0)?, channel: row.get(1)?, title: row.get(2)? })
}

fn comment_of(row: &Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment { id: row.get(0)?, author: row.get(1)?, text: row.get(2)? })
}
