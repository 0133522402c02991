//! Annotated functions that are not async.

mod calls;
mod changes;
mod entry;
mod processes;
mod refresh;
mod threads;
