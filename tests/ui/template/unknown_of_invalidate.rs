use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video:{video_id}")]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
