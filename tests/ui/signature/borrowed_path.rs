use cache_runtime::cached;

#[cached]
async fn get(id: &str) -> std::borrow::Cow<'_, str> {
    id.into()
}

fn main() {}
