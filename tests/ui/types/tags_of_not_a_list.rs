use cache_runtime::cached;

#[cached(tags_of = |id: &u64| format!("user:{id}"))]
async fn text(id: u64) -> u64 {
    id
}

#[cached(tags_of = |id: &u64| [Some(*id)])]
async fn without_text(id: u64) -> u64 {
    id
}

#[cached(tags_of = tags_of_text)]
async fn of_another_type(id: u64) -> u64 {
    id
}

fn tags_of_text(text: &String) -> Vec<String> {
    vec![text.clone()]
}

#[cached(tags_of = |text: &String| [text.clone()])]
async fn closure_of_another_type(id: u64) -> Result<u64, u8> {
    Ok(id)
}

fn main() {}
