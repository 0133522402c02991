//! Every option of `#[cached]` shows its effect.

mod codec;
mod conditions;
mod cost;
mod key;
mod none;
mod output;
mod prefix;
mod tags;
mod tier;
mod ttl;
mod version;
