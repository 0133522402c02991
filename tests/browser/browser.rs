//! A headless Chromium of its own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cache_tests::free_port;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// For a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Browser {
    client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    pub(crate) async fn start() -> Browser {
        let port = free_port();
        let program = env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let driver = Command::new(program)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: `make setup` installs it");
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--window-size=1200,1000".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), json!({ "args": arguments }));
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
        let (url, began) = (format!("http://127.0.0.1:{port}"), Instant::now());
        let client = loop {
            let mut builder =
                ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
            match builder.capabilities(capabilities.clone()).connect(&url).await {
                Ok(client) => break client,
                Err(error) if began.elapsed() > PATIENCE => panic!("no browser: {error}"),
                // Another process that starts: it can only be asked again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        Browser { client, driver, _profile: profile }
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.with_element(selector, async |element| element.click().await).await;
    }

    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let fill = async |element: Element| {
            element.clear().await?;
            element.send_keys(text).await
        };
        self.with_element(selector, fill).await;
    }

    pub(crate) async fn keys(&self, selector: &str, keys: &str) {
        self.with_element(selector, async |element| element.send_keys(keys).await).await;
    }

    /// Does something with an element. If the page has replaced the element meanwhile, it is done with the new one.
    async fn with_element(
        &self,
        selector: &str,
        act: impl AsyncFn(Element) -> Result<(), CmdError>,
    ) {
        let began = Instant::now();
        loop {
            let element = self.client.find(Locator::Css(selector)).await.unwrap();
            match act(element).await {
                Err(error) if error.is_stale_element_reference() => {
                    assert!(began.elapsed() < PATIENCE, "{selector} is replaced all the time");
                }
                done => return done.unwrap(),
            }
        }
    }

    /// Scrolls to an element.
    pub(crate) async fn scroll_to(&self, selector: &str) {
        let script = "document.querySelector(arguments[0]).scrollIntoView()";
        self.client.execute(script, vec![selector.into()]).await.unwrap();
    }

    /// Waits until a script returns `true`.
    pub(crate) async fn wait_for(&self, what: &str, script: &str) {
        let began = Instant::now();
        while self.client.execute(script, Vec::new()).await.unwrap() != Value::Bool(true) {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
            // A page can only be asked again.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until this text is in an element.
    pub(crate) async fn wait_for_text(&self, selector: &str, text: &str) {
        let began = Instant::now();
        loop {
            let shown = self.client.find(Locator::Css(selector)).await.unwrap().text().await;
            if shown.as_ref().is_ok_and(|shown| shown.contains(text)) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{selector} is {shown:?}, expected {text:?}");
            // As above.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.unwrap();
    }

    /// The colours that the system prefers.
    pub(crate) async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        let command = DevTools {
            path: "goog/cdp/execute",
            body: json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } }),
        };
        self.client.issue_cmd(command).await.unwrap();
    }

    /// Returns the complaints of the page in the console, except for responses that refuse access.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let command = DevTools { path: "se/log", body: json!({ "type": "browser" }) };
        let log = self.client.issue_cmd(command).await.unwrap();
        let messages = log.as_array().unwrap().iter().map(|entry| entry["message"].to_string());
        messages
            .filter(|message| !message.contains("the server responded with a status of 4"))
            .collect()
    }

    /// Keeps a picture of the page, for people to look at.
    pub(crate) async fn screenshot(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        fs::write(folder.join(name).with_extension("png"), picture).unwrap();
    }

    pub(crate) async fn quit(self) {
        let _ = self.client.clone().close().await;
    }
}

/// A command of Chromium's driver beyond the standard.
#[derive(Debug)]
struct DevTools {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
