//! A program of many functions, with attributes and without them.

/// The number of functions.
pub const FUNCTIONS: usize = MODULES * KINDS.len();
const MODULES: usize = 20;

/// The first part of a module: its types, and the value that is read and written.
const TYPES: &str = r#"
    use super::{Failure, database};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Video {
        pub id: u64,
        pub title: String,
        pub seconds: u32,
        pub labels: Vec<String>,
        pub owner: Option<u64>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Page {
        pub videos: Vec<Video>,
        pub next: Option<String>,
    }

    #[derive(Debug)]
    pub struct Library {
        pub shelf: u64,
    }

    fn video(id: u64) -> Video {
        let labels = vec!["first".to_owned(), "second".to_owned()];
        Video { id, title: format!("video {id}"), seconds: 60, labels, owner: Some(id / 2) }
    }
"#;

/// A function: its attribute, and the rest.
struct Kind {
    attribute: &'static str,
    function: &'static str,
}

/// The functions of a module that stand alone, and those of its `Library`.
const KINDS: [Kind; 10] = [
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "5m")"#,
        function: "pub async fn title(id: u64, language: &str) -> String {
        database().await;
        format!(\"{language} {id}\")
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "5m", key_prefix = "video{module}", key = "{id}")"#,
        function: "pub async fn get(id: u64) -> Result<Video, Failure> {
        database().await;
        Ok(video(id))
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "1m", key_prefix = "page{module}", tags = ["user:{user}"])"#,
        function: "pub async fn page(user: u64, from: Option<String>) -> Result<Page, Failure> {
        database().await;
        Ok(Page { videos: vec![video(user)], next: from })
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "1h", negative_ttl = "10s", jitter = 0.1)"#,
        function: "pub async fn find(title: &str) -> Option<Video> {
        database().await;
        (!title.is_empty()).then(|| video(title.len() as u64))
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "1m", stale_while_revalidate = "5m", tags = ["all{module}"])"#,
        function: "pub async fn popular(count: u32) -> Result<Vec<Video>, Failure> {
        database().await;
        Ok((0..count.into()).map(video).collect())
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cache_invalidate(prefix = "video{module}:{id}")"#,
        function: "pub async fn rename(id: u64, title: &str) -> Result<usize, Failure> {
        database().await;
        Ok(title.len() + id as usize)
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cache_put(entry = get(changed.id))"#,
        function: "pub async fn put(changed: Video) -> Result<Video, Failure> {
        database().await;
        Ok(changed)
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "5m", key_prefix = "shelf{module}", skip(self))"#,
        function: "pub async fn on_shelf(&self, place: u32) -> Result<Option<Video>, Failure> {
        database().await;
        Ok((place < 100).then(|| video(place.into())))
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cached(ttl = "5m", key_prefix = "count{module}", key = "{self.shelf}:{kind}", tags = ["shelf:{self.shelf}"])"#,
        function: "pub async fn count(&self, kind: &str) -> u64 {
        database().await;
        self.shelf + kind.len() as u64
    }",
    },
    Kind {
        attribute: r#"cache_runtime::cache_invalidate(tags = ["shelf:{self.shelf}", "all{module}"], when = "always")"#,
        function: "pub async fn clear(&self) -> Result<(), Failure> {
        database().await;
        Ok(())
    }",
    },
];
/// The functions from here on are methods.
const METHODS: usize = 7;

/// Calls all functions of a module.
const CALLS: &str = r#"
    pub async fn all(id: u64) -> Result<(), Failure> {
        let (library, name) = (Library { shelf: id }, "a title");
        println!("{:?} {:?}", title(id, name).await, get(id).await?);
        println!("{:?} {:?}", page(id, None).await?, find(name).await);
        println!("{:?} {:?}", popular(3).await?, rename(id, name).await?);
        println!("{:?} {:?}", put(video(id)).await?, library.on_shelf(1).await?);
        println!("{:?} {:?}", library.count(name).await, library.clear().await?);
        Ok(())
    }
"#;

const MAIN: &str = r#"
#[derive(Clone, Debug)]
pub struct Failure;

/// The source of the values.
pub async fn database() {
    tokio::task::yield_now().await;
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let id = std::env::args().count() as u64;
"#;

/// Returns the program with all attributes.
pub fn annotated() -> String {
    program(true)
}

/// Returns the same program without them.
pub fn bare() -> String {
    program(false)
}

fn program(attributes: bool) -> String {
    let calls: String =
        (0..MODULES).map(|module| format!("    part{module}::all(id).await?;\n")).collect();
    let modules: String = (0..MODULES).map(|module| part(module, attributes)).collect();
    format!("{MAIN}{calls}    Ok(())\n}}\n{modules}")
}

fn part(module: usize, attributes: bool) -> String {
    let function = |kind: &Kind| match attributes {
        true => format!("    #[{}]\n    {}\n\n", kind.attribute, kind.function),
        false => format!("    {}\n\n", kind.function),
    };
    let functions: String = KINDS[..METHODS].iter().map(function).collect();
    let methods: String = KINDS[METHODS..].iter().map(function).collect();
    format!(
        "\nmod part{module} {{{TYPES}\n{functions}    impl Library {{\n{methods}    }}\n{CALLS}}}\n"
    )
    .replace("{module}", &module.to_string())
}

#[cfg(test)]
mod tests {
    use super::{FUNCTIONS, annotated, bare};

    #[test]
    fn every_function_has_an_attribute_or_none_has() {
        assert_eq!(FUNCTIONS, 200);
        assert_eq!(annotated().matches("#[cache_runtime::").count(), FUNCTIONS);
        assert_eq!(bare().matches("cache_runtime").count(), 0);
    }
}
