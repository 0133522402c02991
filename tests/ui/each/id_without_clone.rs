use cache_runtime::cached;

#[derive(PartialEq, Eq, Hash, serde::Serialize)]
struct Id(u64);

#[cached(each(id in ids))]
async fn titles(ids: &[Id]) -> Vec<String> {
    ids.iter().map(|id| id.0.to_string()).collect()
}

fn main() {}
