use cache_runtime::{cache_put, cached};

#[cached(entry_fn = get_entry)]
fn get(id: u64) -> String {
    id.to_string()
}

#[cache_put(entry = get_entry(id))]
fn change(id: u64) -> String {
    id.to_string()
}

fn main() {}
