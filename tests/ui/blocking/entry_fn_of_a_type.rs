use cache_runtime::cached;

struct Parser;

impl Parser {
    #[cached(entry_fn = keywords_entry)]
    fn keywords() -> Vec<String> {
        Vec::new()
    }
}

fn main() {}
