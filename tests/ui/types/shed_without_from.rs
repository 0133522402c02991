use cache_runtime::cached;

#[derive(Debug)]
struct MyError;

#[cached(source = "stripe", shed = "200ms")]
async fn charge(id: u64) -> Result<u64, MyError> {
    Ok(id)
}

#[cached(source = "stripe", shed)]
async fn without_a_result(id: u64) -> u64 {
    id
}

#[cached(source = "stripe", shed, each(id in ids))]
async fn charges(ids: Vec<u64>) -> Result<Vec<u64>, MyError> {
    Ok(ids)
}

fn main() {}
