use cache_runtime::cached;

#[cached(early_refresh = 1.0)]
async fn get(name: impl AsRef<str> + serde::Serialize + Clone + Send + 'static) -> usize {
    name.as_ref().len()
}

fn main() {}
