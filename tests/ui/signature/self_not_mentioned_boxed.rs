use cache_runtime::cached;

use std::sync::Arc;

struct Videos;

impl Videos {
    #[cached(skip(id))]
    async fn get(self: Arc<Self>, id: u64) -> u64 {
        id
    }
}

fn main() {}
