//! Allocations of this thread, counted by an allocator.

use std::collections::HashMap;

use allocation_counter::measure;
use cache_runtime::{Bincode, Codec, InvalidationQueue, MessagePack};
use serde::de::DeserializeOwned;

use crate::hits::{ask_for_many, warm_up};

// R8: no allocation.
#[test]
fn a_hit_allocates_nothing() {
    warm_up();
    let counted = measure(ask_for_many);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

// R8: also in a transaction.
#[test]
fn a_hit_in_a_transaction_allocates_nothing() {
    warm_up();
    let queue = InvalidationQueue::new();
    queue.scope_blocking(ask_for_many);
    let counted = measure(|| queue.scope_blocking(ask_for_many));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn a_miss_is_counted() {
    assert!(measure(|| crate::hits::ask(1_000_000)).count_total > 0);
}

/// The first bytes of an encoding that claims 4 GiB or more of something, without the rest.
const CLAIMS: [&[u8]; 9] = [
    // bincode: the size of the length, then the length.
    &[0xfc, 0xff, 0xff, 0xff, 0xff],
    &[0xfd, 0, 0, 0, 0, 1, 0, 0, 0],
    &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    // MessagePack: bytes, text, a list, a map, an extension.
    &[0xc6, 0xff, 0xff, 0xff, 0xff],
    &[0xdb, 0xff, 0xff, 0xff, 0xff],
    &[0xdd, 0xff, 0xff, 0xff, 0xff],
    &[0xdf, 0xff, 0xff, 0xff, 0xff],
    &[0xc9, 0xff, 0xff, 0xff, 0xff, 1],
];

#[test]
fn what_claims_to_be_long_and_is_not_allocates_no_more_than_it_justifies() {
    fn decodes_nothing<C: Codec, T: DeserializeOwned>() {
        for claim in CLAIMS {
            // By itself, and with some thousands of elements that are there.
            for bytes in [claim.to_vec(), [claim, &[1; 10_000]].concat()] {
                let counted = measure(|| assert!(C::decode::<T>(&bytes).is_err()));
                assert!(counted.bytes_total < 2 << 20, "{} {claim:x?}: {counted:?}", C::NAME);
            }
        }
    }

    fn with<C: Codec>() {
        decodes_nothing::<C, Vec<u8>>();
        decodes_nothing::<C, String>();
        decodes_nothing::<C, Vec<u64>>();
        decodes_nothing::<C, Vec<[u64; 16]>>();
        decodes_nothing::<C, Vec<()>>();
        decodes_nothing::<C, Option<Vec<String>>>();
        decodes_nothing::<C, HashMap<u64, u64>>();
    }

    with::<Bincode>();
    with::<MessagePack>();
}
