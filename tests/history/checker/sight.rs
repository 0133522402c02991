use cache_tests::history::{How, OWNED, Origin, Read};

/// A kind of values that every history must have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// A value with a tag that follows from it, from a function.
    Derived,
    /// The same, and it was stored.
    DerivedStored,
    /// A datum in a value that inherits.
    Inherited,
    /// The same, and the value was stored.
    InheritedStored,
    /// A datum in a value that inherits, from a call of many keys.
    InheritedOfMany,
    /// A datum with such a tag in a value that inherits.
    InheritedDerived,
}

impl Sight {
    pub const ALL: [Sight; 6] = [
        Sight::Derived,
        Sight::DerivedStored,
        Sight::Inherited,
        Sight::InheritedStored,
        Sight::InheritedOfMany,
        Sight::InheritedDerived,
    ];

    pub fn is_of(self, read: &Read) -> bool {
        let is_inherited = How::READS_OF_OUTER.contains(&read.how);
        let is_owned = read.key.group() == OWNED;
        let is_derived = is_owned && matches!(read.how, How::Call | How::CallMany | How::Fetch);
        let is_stored = matches!(read.origin, Origin::Memory | Origin::Redis);
        match self {
            Sight::Derived => is_derived,
            Sight::DerivedStored => is_derived && is_stored,
            Sight::Inherited => is_inherited,
            Sight::InheritedStored => is_inherited && is_stored,
            Sight::InheritedOfMany => read.how == How::CallManyOuter,
            Sight::InheritedDerived => is_inherited && is_owned,
        }
    }
}
