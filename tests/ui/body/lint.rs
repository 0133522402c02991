#![deny(unused_variables, unused_must_use, unreachable_code)]

use cache_runtime::cached;

#[cached]
async fn get(id: u64) -> u64 {
    let unused = 1;
    Ok::<u64, ()>(id);
    return id;
    id + 1
}

fn main() {}
