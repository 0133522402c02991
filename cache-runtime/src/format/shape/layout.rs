//! The memory that collections and allocations take.

/// The way in which a type keeps the values that it owns, derived from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In one block, one after the other; also for unknown types.
    Block,
    /// In a hash table.
    Table,
    /// In a table of places in a block.
    Indexed,
    /// In nodes of up to eleven.
    Tree,
    /// In a node each.
    List,
    /// One value, in a block of its own; or a text or a slice, whose size is not known at compile time.
    Boxed,
}

impl Layout {
    pub(super) fn of(type_name: &str) -> Self {
        use Layout::{Block, Boxed, Indexed, List, Table, Tree};
        const NAMES: [(&str, Layout); 10] = [
            ("alloc::string::String", Block),
            ("alloc::vec::Vec<", Block),
            ("alloc::boxed::Box<", Boxed),
            ("alloc::sync::Arc<", Boxed),
            ("std::collections::hash::", Table),
            ("alloc::collections::btree::", Tree),
            ("alloc::collections::linked_list::", List),
            ("serde_json::", Tree),
            ("hashbrown::", Table),
            ("indexmap::", Indexed),
        ];
        let known = NAMES.iter().find(|(name, _)| type_name.starts_with(name));
        known.map_or(Block, |(_, layout)| *layout)
    }

    /// Returns the layout of the content of a box.
    pub(super) fn inside(boxed: &str) -> Self {
        boxed.split_once('<').map_or(Layout::Block, |(_, inner)| Layout::of(inner))
    }

    /// Returns the bytes that `count` elements of this size take.
    pub(super) fn bytes(self, count: usize, size: usize) -> usize {
        if count == 0 {
            return 0;
        }
        match self {
            Layout::Block | Layout::Boxed => block(count.saturating_mul(size)),
            Layout::Table => {
                let places = buckets(count);
                block(places.saturating_mul(size).next_multiple_of(16) + places + 16)
            }
            Layout::Indexed => {
                block(count.saturating_mul(size + 8)) + block(buckets(count).saturating_mul(9) + 16)
            }
            Layout::Tree => {
                let node = 16 + 11 * size;
                if count <= 11 {
                    return block(node);
                }
                let leaves = count.saturating_mul(2).div_ceil(15);
                leaves.saturating_mul(block(node)) + leaves.div_ceil(8) * block(node + 12 * 8)
            }
            Layout::List => count.saturating_mul(block(16 + size)),
        }
    }

    /// Returns the size of such a collection itself, with 64 bits to a pointer.
    pub(super) fn own_size(self) -> usize {
        match self {
            Layout::Block | Layout::Tree | Layout::List => 24,
            Layout::Table => 48,
            Layout::Indexed => 72,
            Layout::Boxed => 8,
        }
    }
}

/// Returns the bytes that an allocation of this size takes.
pub(super) fn block(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes.saturating_add(8 + 15) & !15).max(32) }
}

/// Returns the places of a hash table with this number of elements. At most seven of eight are taken.
fn buckets(count: usize) -> usize {
    match count {
        0..4 => 4,
        4..8 => 8,
        8..15 => 16,
        _ => (count.saturating_mul(8) / 7).next_power_of_two(),
    }
}

/// Returns the size of a type of the language.
pub(super) fn size_of_primitive(type_name: &str) -> Option<usize> {
    Some(match type_name {
        "()" => 0,
        "u8" | "i8" | "bool" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "f32" | "char" => 4,
        "u64" | "i64" | "f64" | "usize" | "isize" => 8,
        "u128" | "i128" => 16,
        _ => return None,
    })
}
