use cache_runtime::cached;

#[cached(entry_fn = entries::get_entry)]
fn get(id: u64) -> u64 {
    id
}

#[cached(entry_fn = "name_entry")]
fn name(id: u64) -> u64 {
    id
}

#[cached(entry_fn = raw_entry)]
unsafe fn raw(id: u64) -> u64 {
    id
}

#[cached(entry_fn = some_entry)]
fn some(id: u64, #[cfg(test)] more: u64) -> u64 {
    id
}

fn main() {}
