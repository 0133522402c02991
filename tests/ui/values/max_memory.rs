use cache_runtime::cached;

#[cached(max_memory = "8 megs")]
async fn unit(id: u64) -> u64 {
    id
}

#[cached(max_memory = "0KiB", max_entries = 0)]
async fn nothing(id: u64) -> u64 {
    id
}

#[cached(max_memory = 1.5, max_entries = "10")]
async fn kinds(id: u64) -> u64 {
    id
}

#[cached(max_entries = id)]
async fn argument(id: u64) -> u64 {
    id
}

#[cached(max_size = 10)]
async fn elsewhere(id: u64) -> u64 {
    id
}

#[cached(max_entries = 10, reserved = true)]
async fn nothing_to_reserve(id: u64) -> u64 {
    id
}

#[cached(max_memory = "1MiB", reserved = true, tier = "redis")]
async fn reserved_elsewhere(id: u64) -> u64 {
    id
}

fn main() {}
