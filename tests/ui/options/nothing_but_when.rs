use cache_runtime::cache_invalidate;

#[cache_invalidate(when = "always")]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
