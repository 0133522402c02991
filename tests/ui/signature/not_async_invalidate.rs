use cache_runtime::cache_invalidate;

#[cache_invalidate(prefix = "video")]
fn change(id: u64) {
    drop(id);
}

fn main() {}
