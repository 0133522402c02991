//! Functions of the shapes that people write, each of them called: the right value, a hit when it
//! is called again, a miss when anything about the call is different.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
#![allow(unreachable_pub, reason = "a test binary is reached by nobody")]

mod arguments;
mod async_traits;
mod attributes;
mod background;
mod bodies;
mod check;
mod each;
mod generics;
mod lifetimes;
mod places;
mod receivers;
mod returns;
mod send_and_size;

/// The total number of shapes.
const SHAPES: usize = arguments::SHAPES
    + async_traits::SHAPES
    + attributes::SHAPES
    + background::SHAPES
    + bodies::SHAPES
    + each::SHAPES
    + generics::SHAPES
    + lifetimes::SHAPES
    + places::SHAPES
    + receivers::SHAPES
    + returns::SHAPES;

const _: () = assert!(SHAPES >= 80, "a family has lost its shapes");
