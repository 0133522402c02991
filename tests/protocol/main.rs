//! The protocol of the tiered mode as a model: every order of steps of a few small programs.
//!
//! Two processes share a server. A call looks into memory, sends one GET, compares the tokens of
//! what it finds with those in its process's token cache, fetches them if it must, and loads. A writer
//! changes the data and then invalidates, puts or clears. A step is one script or command of
//! Redis, or what a process does between two of them; the search goes through all orders of them,
//! together with all that may go wrong: evictions, notices that are late, doubled or lost with
//! their connection, a lease that ends, answers that do not come, connections that break, a server
//! that comes back with older data. An actor that takes no further step is one that was dropped there.
//!
//! The invariant: a read gets at least the version whose write was confirmed within its bound
//! before that read began. The bound has passed in the writer's own process when the writer
//! returns, and in the other one when its notice has been received there or the lease has ended. After every
//! step a read of each process from each store is tried, besides the calls that are under way.
//!
//! In a cluster the name and its tokens are on different nodes. What one server does in one step is one step
//! for each key there, in any order, and each node has a snapshot of its own. So the same code goes through
//! both: it is told which keys a step is about, which are all of them where there is one server.
//!
//! Each rule of the protocol can be switched off, and then something must go wrong: that shows
//! what the rule is good for, and that the search would have seen it.
//!
//! The second process may begin as a fork of the first one, which may be in the middle of something.
//!
//! Where tags are derived from the value, the token of the prefix stands for that of such a tag. A load does not
//! know it before its body, and a reader not before it has the entry.
//!
//! An outer function calls the function whose entries these are. Its own entry is under a key of its own, and
//! must be as new as that of the inner function would have to be. All outer entries have a tag that a
//! clearing removes.
//!
//! A late put learns its name from the value of its body. All of its tags are derived ones to it. It sets its placeholder after the body, and
//! then pings the feed.
//!
//! A load may have an old value at hand, which is past its TTL or has been invalidated, and ask the source about it before
//! its body. If the source confirms the value, it is stored as that of the load.
//!
//! In an outage, notices of others are not received, and memory is still read for a while: its values
//! must be no older than what its process has written, or has read past it.
//!
//! Not covered: time (an entry that expires is one that is evicted), flights (the runtime has a
//! model of its own for them), when the grace of an outage is over, a clearing
//! that is not confirmed, slots that move from node to node, a master that goes on answering when another has
//! taken its place, and commands that are executed long after they were given up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod call;
mod clearing;
mod derived;
mod hash;
mod inherited;
mod invalidation;
mod late;
mod mishap;
mod programs;
mod put;
mod redis;
mod renewal;
mod rules;
mod search;
mod soft;
mod state;
mod step;
mod switches;
mod transactions;
mod words;
