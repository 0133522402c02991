use cache_runtime::cached;

#[cached]
async fn get(name: String) -> usize {
    drop(name);
    name.len()
}

fn main() {}
