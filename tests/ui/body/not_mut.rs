use cache_runtime::cached;

#[cached]
async fn get(list: Vec<u64>) -> usize {
    list.push(1);
    list.len()
}

fn main() {}
