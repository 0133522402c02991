#![doc = include_str!("../README.md")]

mod boolean;
mod duration;
mod name;
mod nearest;
mod number;
mod size;
mod source;
mod template;

pub use boolean::{BOOLEAN, parse_boolean};
pub use duration::{
    DURATION, FOREVER, MAX_TTL, MIN_TTL, format_duration, parse_duration, ttl_fault,
};
pub use name::{
    MAX_SEGMENTS, key_prefix_fault, name_fault, prefix_fault, prefixes, segment_fault, tag_fault,
};
pub use nearest::nearest;
pub use number::{COST, EARLY_REFRESH, JITTER, NumberRange};
pub use size::{SIZE, parse_size};
pub use source::{SOURCE, is_source};
pub use template::{Piece, parse_template, sample};
