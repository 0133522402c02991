use cache_runtime::cached;

#[cached]
fn get(id: u64) -> impl Future<Output = Result<u64, String>> + Send {
    async move { Ok(id) }
}

fn main() {}
