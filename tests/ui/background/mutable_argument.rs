use cache_runtime::cached;

#[cached(stale_while_revalidate = "1m", skip(log))]
async fn get(id: u64, log: &mut Vec<u64>) -> u64 {
    log.push(id);
    id
}

struct Counter(u64);

impl Counter {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn next(&mut self, id: u64) -> u64 {
        self.0 += id;
        self.0
    }
}

fn main() {}
