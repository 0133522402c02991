use cache_runtime::cached;

#[cached]
struct Video;

fn main() {}
