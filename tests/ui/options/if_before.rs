use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video", when = "before", if = |result| *result)]
async fn change(id: u64) -> bool {
    id > 0
}

fn main() {}
