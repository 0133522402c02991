CARGO ?= cargo

# What `cargo tree` counts for cache-runtime at most; see scripts/count-crates.
MAX_CRATES := 83

# Most tests wait for a server or a clock, so more of them than there are cores keep the cores busy.
export RUST_TEST_THREADS ?= 8

.DEFAULT_GOAL := help
.PHONY: help setup run serve load-test test test-migrating soak scale lint doc crates bench instructions bless fuzz

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install redis-server, PostgreSQL and Chromium from the system's packages if they are missing
	@scripts/install-redis
	@scripts/install-postgres
	@scripts/install-chromium

run: ## Run the quick start
	@$(CARGO) run -q -p cache-examples --bin quickstart

serve: ## Run the example service under a small load; it says where its page is
	@$(CARGO) run -p cache-example-service -- --load

load-test: ## Measure the example service in a release build; a cached endpoint with a p99 over 100 ms is an error
	@$(CARGO) run --release -p cache-example-service -- load --seconds 10 --limit-p99-ms 100

test: setup ## Run all tests, also those in the documentation
	@$(CARGO) test --workspace --all-features --no-fail-fast

test-migrating: setup ## Test the program with four caches (needs Rust 1.92)
	@$(CARGO) test --manifest-path examples/migrating/Cargo.toml --target-dir target

soak: setup ## Run a million operations of four processes while Redis fails, alone and as a cluster, a million with transactions of PostgreSQL, a load of minutes, a million values through the codecs, and the longest programs of the model
	ROUND_TRIPS=$${ROUND_TRIPS:-1000000} $(CARGO) test -p cache-runtime --all-features --lib \
		-- --nocapture a_value_comes_back_as_it_was_or_is_not_stored
	HISTORY_OPERATIONS=$${HISTORY_OPERATIONS:-1000000} $(CARGO) test --release -p cache-tests \
		--test history -- --nocapture no_process
	HISTORY_OPERATIONS=$${HISTORY_OPERATIONS:-1000000} $(CARGO) test --release -p cache-sqlx --all-features \
		--test history -- --nocapture no_read
	LOAD_SECONDS=$${LOAD_SECONDS:-120} LOAD_KEYS=$${LOAD_KEYS:-1000000} \
		$(CARGO) test --release -p cache-tests --test load -- --nocapture
	$(CARGO) test --release -p cache-tests --test protocol -- --nocapture --ignored --test-threads=1

scale: setup ## Measure what entries, instances and invalidations take, and print what 1,000 instances would make
	SCALE=full $(CARGO) test --release -p cache-tests --test scale -- --nocapture --test-threads=1

lint: ## Check formatting and lints, with all features and with none, and that the fuzz targets compile
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path benches/Cargo.toml --check
	$(CARGO) fmt --manifest-path benches/transactions/Cargo.toml --check
	$(CARGO) fmt --manifest-path examples/migrating/Cargo.toml --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy --workspace --all-targets --no-default-features -- -D warnings
	$(CARGO) clippy --manifest-path benches/Cargo.toml --target-dir target --all-targets -- -D warnings
	$(CARGO) clippy --manifest-path benches/transactions/Cargo.toml --target-dir target --all-targets -- -D warnings
	$(CARGO) clippy --manifest-path examples/migrating/Cargo.toml --target-dir target --all-targets -- -D warnings
	RUSTFLAGS="--cfg fuzzing" $(CARGO) clippy --manifest-path fuzz/Cargo.toml --target-dir target --no-default-features -- -D warnings

doc: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps

crates: ## Check how many crates cache-runtime brings along
	@scripts/count-crates cache-runtime $(MAX_CRATES)

bench: setup ## Run the benchmarks, and write the results into the README and benches/RESULTS.md
	$(CARGO) bench --manifest-path benches/Cargo.toml
	$(CARGO) bench --manifest-path benches/transactions/Cargo.toml
	$(CARGO) run --release --manifest-path benches/Cargo.toml --bin report

instructions: setup ## Count the instructions of a hit; more than before by 3 % is an error (needs valgrind)
	@scripts/count-instructions

bless: setup ## Accept the present output of compile-fail cases and golden files
	TRYBUILD=overwrite BLESS=1 $(CARGO) test --workspace --all-features --lib --tests

fuzz: ## Fuzz each target for a minute (needs a nightly toolchain and cargo-fuzz)
	@scripts/fuzz 60
