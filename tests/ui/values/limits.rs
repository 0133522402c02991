use cache_runtime::{Shed, cached};

#[derive(Clone, Debug)]
struct Busy(Shed);

impl From<Shed> for Busy {
    fn from(shed: Shed) -> Self {
        Busy(shed)
    }
}

#[cached(source = "my source")]
async fn with_a_space(id: u64) -> u64 {
    id
}

#[cached(source = "breaker")]
async fn reserved(id: u64) -> u64 {
    id
}

#[cached(source = 5)]
async fn number(id: u64) -> u64 {
    id
}

#[cached(max_loads = 0)]
async fn none(id: u64) -> u64 {
    id
}

#[cached(max_loads = "8")]
async fn text(id: u64) -> u64 {
    id
}

#[cached(shed = "200ms")]
async fn of_nothing(id: u64) -> Result<u64, Busy> {
    Ok(id)
}

#[cached(source = "stripe", shed = "0s")]
async fn zero(id: u64) -> Result<u64, Busy> {
    Ok(id)
}

#[cached(source = "stripe", shed = "forever")]
async fn forever(id: u64) -> Result<u64, Busy> {
    Ok(id)
}

#[cached(source = "stripe", shed, output = "plain")]
async fn plain(id: u64) -> Result<u64, Busy> {
    Ok(id)
}

#[cached(concurrency = 5)]
async fn of_another_name(id: u64) -> u64 {
    id
}

#[cached(each(id in ids), entry = zero(id), source = "stripe", max_loads = 4, shed)]
async fn beside_entry(ids: Vec<u64>) -> Result<Vec<u64>, Busy> {
    Ok(ids)
}

fn main() {}
