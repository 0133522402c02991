use cache_runtime::cached;

#[cached(detached)]
async fn bare(id: u64) -> u64 {
    id
}

#[cached(detached = "always")]
async fn text(id: u64) -> u64 {
    id
}

#[cached(detached = true, background = false)]
async fn forbidden(id: u64) -> u64 {
    id
}

#[cached(detached = true, skip(list))]
async fn mutable(list: &mut Vec<u64>) -> usize {
    list.len()
}

#[cached(detached = true, skip(text))]
async fn borrowed(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}

fn main() {}
