//! No cache, and nothing that threads share: what the machine gives to two threads at the best.

use super::{Ask, Values, each};

pub(super) fn ask(_: Values) -> Option<Ask> {
    Some(|calls| each(calls, |id, text| (0..text.len() as u32 * 4).fold(id, mixed)))
}

fn mixed(number: u64, step: u32) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(step)
}
