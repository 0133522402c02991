use cache_runtime::cache_invalidate;

#[cache_invalidate]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
