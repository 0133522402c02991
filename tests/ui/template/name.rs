use cache_runtime::name;

fn main() {
    let id = 7;
    name!("doc:{id}:");
    name!("doc:{}");
    name!("doc:{id}", page = 1);
    name!("doc:{page}", page = 1, page = 2);
    name!("doc:{author}");
    name!(id);
}
