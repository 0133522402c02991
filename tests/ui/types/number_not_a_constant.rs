use cache_runtime::cached;

const HALF: f64 = 0.6;
static COST: std::sync::LazyLock<f64> = std::sync::LazyLock::new(|| 0.5);

#[cached(jitter = HALF)]
async fn too_large(id: u64) -> u64 {
    id
}

#[cached(version = HALF, early_refresh = 1 + 1)]
async fn of_another_type(id: u64) -> u64 {
    id
}

#[cached(cost = *COST)]
async fn lazy(id: u64) -> u64 {
    id
}

fn main() {}
