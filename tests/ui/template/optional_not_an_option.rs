use cache_runtime::{cache_invalidate, cached};

struct User {
    shelf: u64,
}

#[cached(key = "{id}", tags = ["shelf:{user.shelf?}"])]
async fn tag(id: u64, user: &User) -> u64 {
    id + user.shelf
}

#[cache_invalidate(prefix = "shelf:{shelf?}")]
async fn prefix(shelf: &str) {
    drop(shelf.len());
}

#[cache_invalidate(tags = ["shelf:{shelf?}"])]
fn without_display(shelf: Option<User>) {
    drop(shelf);
}

fn main() {}
