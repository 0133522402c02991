//! A gate in the body of a load.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::wait::in_time;

/// Holds up whatever passes it.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: Arc<Semaphore>,
    passes: Arc<Semaphore>,
}

impl Gate {
    pub fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Gate { reached: closed(), passes: closed() }
    }

    /// Waits until the gate is open.
    pub async fn pass(&self) {
        self.reached.add_permits(1);
        self.passes.acquire().await.unwrap().forget();
    }

    /// Waits until somebody waits.
    pub async fn until_reached(&self) {
        in_time(self.reached.acquire()).await.unwrap().forget();
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.passes.add_permits(1_000);
    }
}
