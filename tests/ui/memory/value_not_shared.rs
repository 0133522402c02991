use std::cell::RefCell;
use std::rc::Rc;

use cache_runtime::cached;

#[cached(tier = "memory")]
async fn counted(id: u64) -> Rc<u64> {
    Rc::new(id)
}

#[cached(tier = "memory")]
async fn inside(id: u64) -> Option<std::sync::Arc<RefCell<u64>>> {
    Some(std::sync::Arc::new(RefCell::new(id)))
}

fn main() {}
