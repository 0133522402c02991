use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video", if = true)]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
