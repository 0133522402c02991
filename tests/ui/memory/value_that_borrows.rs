use cache_runtime::cached;

#[cached(tier = "memory")]
async fn first(text: &str) -> &str {
    text
}

#[cached(tier = "memory")]
async fn named<'a>(text: &'a str) -> Option<std::borrow::Cow<'a, str>> {
    Some(text.into())
}

fn main() {}
