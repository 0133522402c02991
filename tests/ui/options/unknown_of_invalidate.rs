use cache_runtime::cache_invalidate;

#[cache_invalidate(prefx = "video")]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
