//! A process that is killed between the beginning of a transaction and the end of its row in the outbox.
//!
//! After a relay has run, nothing stale is left. The process is this test binary: it runs [`worker`], which obeys lines.

use std::env;
use std::io::{BufRead, Write};

use cache_runtime::{CacheConfig, CacheManager, Mode, with};
use cache_sqlx::{begin, relay};
use cache_tests::{Proxy, RedisServer, Worker};

use super::videos::{Videos, rename};
use super::{Db, connect};
use crate::caches::{config, connect as connect_cache};
use crate::wait::until;

/// The worker, and what it works on.
pub struct Scene {
    pub videos: Videos,
    /// Before the Redis of the worker.
    redis: Proxy,
    _server: RedisServer,
    cache: CacheManager,
    pub worker: Worker,
}

impl Scene {
    /// Begins with a cached title, and with a worker that reaches the database at this address.
    pub async fn new(url: impl FnOnce(&Videos) -> String) -> Self {
        let (videos, server) = (Videos::new().await, RedisServer::start());
        // Without copies in memory: nothing but Redis says that a title is stale.
        let cache = connect_cache(config(Mode::Redis, &server)).await;
        assert_eq!(videos.title_of(&cache, 1).await, "old");
        let redis = Proxy::before(server.port());
        let worker = spawn(&url(&videos), redis.port(), &cache.config().namespace);
        let mut scene = Scene { videos, redis, _server: server, cache, worker };
        scene.obey("begin");
        scene
    }

    pub fn obey(&mut self, command: &str) {
        self.worker.send(command);
        self.wait_for(command);
    }

    /// Waits for the answer to a command. The test harness of the worker prints lines, too.
    fn wait_for(&mut self, command: &str) {
        let answer = format!("done {command}");
        while !self.worker.receive().ends_with(&answer) {}
    }

    /// Kills the worker; a relay then runs. Returns the title that is read and the one that is true, which are the same.
    pub async fn end(mut self) -> String {
        self.worker.kill();
        let relay = relay(self.videos.pool.clone(), self.cache.clone());
        // Statements of a killed process may still be on their way.
        until(async || {
            relay.run_once().await.unwrap();
            self.videos.rows().await == 0
                && self.videos.title_of(&self.cache, 1).await == self.videos.committed(1).await
        })
        .await;
        self.videos.committed(1).await
    }
}

fn spawn(database: &str, redis: u16, namespace: &str) -> Worker {
    let binary = env::current_exe().unwrap();
    let binary = format!("deps/{}", binary.file_name().unwrap().to_str().unwrap());
    let test = module_path!().split_once("::").unwrap().1;
    let arguments = ["--exact", &format!("{test}::worker"), "--ignored", "--nocapture"];
    let redis = format!("redis://127.0.0.1:{redis}");
    let variables =
        [("WORKER_DATABASE", database), ("WORKER_REDIS", &redis), ("WORKER_NAMESPACE", namespace)];
    Worker::spawn_program(&binary, &arguments, &variables)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that other tests start"]
async fn worker() {
    let Ok(database) = env::var("WORKER_DATABASE") else { return };
    let config = CacheConfig::default()
        .namespace(env::var("WORKER_NAMESPACE").unwrap())
        .mode(Mode::Redis)
        .redis_url(env::var("WORKER_REDIS").unwrap().as_str())
        .redis_connect_timeout(std::time::Duration::from_secs(10))
        // It waits for a Redis that is held up until it is killed.
        .redis_timeout(std::time::Duration::from_secs(60));
    let cache = connect_cache(config).await;
    let pool = connect(&database).await;
    with(&cache, obey(&pool, &cache)).await;
}

async fn obey(pool: &sqlx::Pool<Db>, cache: &CacheManager) {
    let mut transaction = None;
    for command in std::io::stdin().lock().lines().map_while(Result::ok) {
        match command.as_str() {
            "begin" => {
                let mut begun = begin(pool).await.unwrap();
                begun.outbox(true);
                transaction = Some(begun);
            }
            "update" => rename(transaction.as_mut().unwrap(), 1, "new").await.unwrap(),
            "commit" => transaction.take().unwrap().commit().await.unwrap(),
            "relay" => _ = relay(pool.clone(), cache.clone()).run_once().await.unwrap(),
            other => panic!("{other}"),
        }
        println!("done {command}");
        std::io::stdout().flush().unwrap();
    }
}

#[tokio::test]
async fn after_the_beginning() {
    let scene = Scene::new(|videos| videos.database.url()).await;
    assert_eq!(scene.end().await, "old");
}

#[tokio::test]
async fn after_the_change() {
    let mut scene = Scene::new(|videos| videos.database.url()).await;
    scene.obey("update");
    assert_eq!(scene.end().await, "old");
}

#[tokio::test]
async fn after_the_commit() {
    let mut scene = Scene::new(|videos| videos.database.url()).await;
    scene.obey("update");
    scene.redis.stall();
    scene.worker.send("commit");
    until(async || scene.videos.committed(1).await == "new").await;
    assert_ne!(scene.videos.rows().await, 0);
    assert_eq!(scene.videos.title_of(&scene.cache, 1).await, "old", "nothing was invalidated");
    assert_eq!(scene.end().await, "new");
}

#[tokio::test]
async fn after_the_invalidation() {
    let mut scene = Scene::new(|videos| videos.database.url()).await;
    scene.obey("update");
    scene.obey("commit");
    assert_eq!(scene.videos.title_of(&scene.cache, 1).await, "new");
    assert_eq!(scene.end().await, "new");
}

#[tokio::test]
async fn after_the_end_of_the_row() {
    let mut scene = Scene::new(|videos| videos.database.url()).await;
    scene.obey("update");
    scene.obey("commit");
    until(async || scene.videos.rows().await == 0).await;
    assert_eq!(scene.end().await, "new");
}
