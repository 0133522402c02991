//! The HTTP side. It does not know what is cached.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::analysis::{Analysis, Analyst};
use crate::db::Db;
use crate::problem::Problem;
use crate::videos::{self, Comment, Listed, Video};

/// The state that the handlers share. Its clones share the database and the API's client.
#[derive(Clone, Debug)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The client of the paid API.
    pub analyst: Analyst,
}

type Answer<T> = Result<Json<T>, Problem>;
type Id = Result<Path<i64>, PathRejection>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// The last page of a list that can be requested.
const LAST_PAGE: u32 = 1_000;

/// The routes of the service itself.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/videos", get(search).post(add))
        .route("/videos/{id}", get(video).patch(rename).delete(delete))
        .route("/videos/{id}/views", post(count_view))
        .route("/videos/{id}/comments", get(comments).post(add_comment))
        .route("/videos/{id}/analysis", get(analysis))
        .route("/channels/{channel}/videos", get(in_channel).patch(rename_all))
        .route("/newest", get(newest))
        .route("/popular", get(popular))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        .with_state(app)
}

async fn index() -> &'static str {
    "GET    /videos/{id}\n\
     PATCH  /videos/{id}                  {\"title\": \"..\"}\n\
     DELETE /videos/{id}\n\
     GET    /videos/{id}/comments\n\
     POST   /videos/{id}/comments         {\"author\": \"..\", \"text\": \"..\"}\n\
     GET    /videos/{id}/analysis         slow and paid when it is asked first\n\
     POST   /videos/{id}/views            counts a view\n\
     GET    /videos?search=river&page=0\n\
     POST   /videos                       {\"channel\": \"..\", \"title\": \"..\"}\n\
     GET    /channels/{channel}/videos?page=0\n\
     PATCH  /channels/{channel}/videos    {\"7\": \"..\"}: new titles, all or none\n\
     GET    /newest?page=0\n\
     GET    /popular\n\
     GET    /cache                        what the cache does, live\n\
     GET    /healthz, /readyz             for probes\n"
}

async fn video(State(app): State<App>, id: Id) -> Answer<Video> {
    let Path(id) = id?;
    found(&app, id).await.map(Json)
}

async fn comments(State(app): State<App>, id: Id) -> Answer<Arc<Vec<Comment>>> {
    let Path(id) = id?;
    found(&app, id).await?;
    Ok(Json(videos::comments(&app.db, id).await?))
}

async fn analysis(State(app): State<App>, id: Id) -> Answer<Analysis> {
    let Path(id) = id?;
    let video = found(&app, id).await?;
    Ok(Json(app.analyst.analyse(&video.title).await?))
}

#[derive(Deserialize)]
struct Search {
    search: String,
    #[serde(default)]
    page: u32,
}

async fn search(
    State(app): State<App>,
    query: Result<Query<Search>, QueryRejection>,
) -> Answer<Arc<Vec<Listed>>> {
    let Query(Search { search, page }) = query?;
    // One spelling, one entry.
    let words = text("search", &search, 100)?.to_lowercase();
    Ok(Json(videos::search(&app.db, &words, checked(page)?).await?))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    page: u32,
}

async fn in_channel(
    State(app): State<App>,
    channel: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Answer<Arc<Vec<Listed>>> {
    let (Path(channel), Query(Page { page })) = (channel?, query?);
    let channel = text("channel", &channel, 50)?;
    Ok(Json(videos::in_channel(&app.db, channel, checked(page)?).await?))
}

async fn newest(
    State(app): State<App>,
    query: Result<Query<Page>, QueryRejection>,
) -> Answer<Vec<Video>> {
    let Query(Page { page }) = query?;
    let ids = videos::newest(&app.db, checked(page)?).await?;
    let mut found = videos::videos(&app.db, &ids).await?;
    // A video that was deleted after its id was read is left out.
    Ok(Json(ids.iter().filter_map(|id| found.remove(id)).collect()))
}

async fn popular(State(app): State<App>) -> Answer<Arc<Vec<Video>>> {
    Ok(Json(videos::popular(&app.db).await?))
}

#[derive(Deserialize)]
struct NewVideo {
    channel: String,
    title: String,
}

async fn add(
    State(app): State<App>,
    body: Body<NewVideo>,
) -> Result<(StatusCode, Json<Video>), Problem> {
    let Json(NewVideo { channel, title }) = body?;
    let (channel, title) = (text("channel", &channel, 50)?, text("title", &title, 200)?);
    let video = videos::add(&app.db, channel, title).await?;
    Ok((StatusCode::CREATED, Json(video)))
}

#[derive(Deserialize)]
struct Rename {
    title: String,
}

async fn rename(State(app): State<App>, id: Id, body: Body<Rename>) -> Answer<Video> {
    let (Path(id), Json(Rename { title })) = (id?, body?);
    let title = text("title", &title, 200)?;
    let channel = found(&app, id).await?.channel;
    if !videos::rename(&app.db, id, &channel, title).await? {
        return Err(Problem::no_video(id));
    }
    found(&app, id).await.map(Json)
}

async fn rename_all(
    State(app): State<App>,
    channel: Result<Path<String>, PathRejection>,
    body: Body<BTreeMap<i64, String>>,
) -> Result<StatusCode, Problem> {
    let (Path(channel), Json(titles)) = (channel?, body?);
    let mut checked = BTreeMap::new();
    for (id, title) in &titles {
        checked.insert(*id, text("title", title, 200)?.to_owned());
    }
    match videos::rename_all(&app.db, text("channel", &channel, 50)?, checked).await? {
        None => Ok(StatusCode::NO_CONTENT),
        Some(id) => Err(Problem::no_video(id)),
    }
}

async fn delete(State(app): State<App>, id: Id) -> Result<StatusCode, Problem> {
    let Path(id) = id?;
    let channel = found(&app, id).await?.channel;
    match videos::delete(&app.db, id, &channel).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::no_video(id)),
    }
}

async fn count_view(State(app): State<App>, id: Id) -> Answer<Video> {
    let Path(id) = id?;
    let video = videos::count_view(&app.db, id).await?;
    video.map(Json).ok_or_else(|| Problem::no_video(id))
}

#[derive(Deserialize)]
struct NewComment {
    author: String,
    text: String,
}

async fn add_comment(
    State(app): State<App>,
    id: Id,
    body: Body<NewComment>,
) -> Result<(StatusCode, Json<Comment>), Problem> {
    let (Path(id), Json(given)) = (id?, body?);
    let (author, said) = (text("author", &given.author, 50)?, text("text", &given.text, 1_000)?);
    let comment = videos::add_comment(&app.db, id, author, said).await?;
    comment.map(|comment| (StatusCode::CREATED, Json(comment))).ok_or_else(|| Problem::no_video(id))
}

async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing here; `GET /` lists what there is")
}

async fn not_so() -> Problem {
    let detail = "this cannot be done with that; `GET /` lists what can";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

async fn found(app: &App, id: i64) -> Result<Video, Problem> {
    videos::video(&app.db, id).await?.ok_or_else(|| Problem::no_video(id))
}

/// A text without white space at its ends, if it is neither empty nor too long.
fn text<'a>(field: &str, given: &'a str, longest: usize) -> Result<&'a str, Problem> {
    let given = given.trim();
    match given.chars().count() {
        0 => Err(Problem::invalid(format!("`{field}` is empty"))),
        length if length > longest => Err(Problem::invalid(format!(
            "`{field}` has {length} characters; at most {longest} are accepted"
        ))),
        _ => Ok(given),
    }
}

fn checked(page: u32) -> Result<u32, Problem> {
    if page > LAST_PAGE {
        return Err(Problem::invalid(format!("`page` is {page}; the last one is {LAST_PAGE}")));
    }
    Ok(page)
}
