use cache_runtime::cached;

struct Pool;

#[derive(Clone, Copy, PartialEq)]
struct Point(f64, f64);

#[cached(tier = "memory")]
async fn handle(pool: &Pool, id: u64) -> u64 {
    _ = pool;
    id
}

#[cached(tier = "memory")]
async fn data(point: Point, points: &[Point]) -> usize {
    _ = point;
    points.len()
}

#[cached(tier = "memory", key = (point, 1))]
async fn expression(point: Point) -> f64 {
    point.0
}

fn main() {}
