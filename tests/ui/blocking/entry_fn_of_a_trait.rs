use cache_runtime::cached;

trait Parse {
    fn parse(&self, text: String) -> usize;
}

struct Parser;

impl Parse for Parser {
    #[cached(skip(self), entry_fn = parse_entry)]
    fn parse(&self, text: String) -> usize {
        text.len()
    }
}

fn main() {}
