use cache_runtime::cached;

#[cached]
async fn get<'a>(id: &'a str) -> Result<Option<&'a str>, String> {
    Ok(Some(id))
}

fn main() {}
