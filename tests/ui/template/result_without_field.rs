use cache_runtime::cache_invalidate;

struct Product {
    shelf: Option<u64>,
}

#[cache_invalidate(prefix = "list:{result.rack}")]
async fn unknown() -> Result<Product, u8> {
    Ok(Product { shelf: None })
}

#[cache_invalidate(prefix = "list:{result.shelf}")]
async fn not_display() -> Product {
    Product { shelf: None }
}

#[cache_invalidate(prefix = "list:{result.shelf}")]
fn hidden() -> impl Sized {
    Product { shelf: None }
}

fn main() {}
