use cache_runtime::{MessagePack, cached};

#[cached(codec = MessagePack)]
fn encoded(id: u64) -> u64 {
    id
}

#[cached(coalesce = "fleet")]
fn shared(id: u64) -> u64 {
    id
}

fn main() {}
