use std::rc::Rc;

use cache_runtime::cached;

struct NoClone;

#[cached]
fn no_clone(id: u64) -> NoClone {
    NoClone
}

#[cached]
fn shared(id: u64) -> Result<Rc<u64>, String> {
    Ok(Rc::new(id))
}

#[cached(stale_while_revalidate = "1m")]
fn refreshed(id: Rc<u64>) -> u64 {
    *id
}

#[cached]
fn borrowed(text: &str) -> &str {
    text
}

fn main() {}
