//! The package of the benchmark of transactions, which is in `benches`.
