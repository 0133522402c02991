use serde::{Deserialize, Serialize};

/// How many groups there are: the names of each have a prefix of their own, and the functions of
/// each other options.
const GROUPS: u8 = 4;
/// How many rows there are: those of each row have a tag of their own.
pub const ROWS: u8 = 4;
/// How many keys there are. Few, so that everybody is at the same ones.
pub const KEYS: usize = GROUPS as usize * ROWS as usize;

/// One datum of a history: in a group, and in a row across all groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(u8);

/// The value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datum {
    /// Whose value it is.
    pub key: Key,
    /// Which of its versions.
    pub version: u64,
    /// The change that put it into the cache by hand; 0 if it was loaded.
    pub set_by: u64,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// One key.
    Key(Key),
    /// The keys of a group: those with its prefix.
    Group(u8),
    /// The keys of a row: those with its tag.
    Row(u8),
    /// All keys.
    All,
}

impl Key {
    /// The key of this group and row.
    pub fn new(group: u8, row: u8) -> Self {
        Key((group % GROUPS) * ROWS + row % ROWS)
    }

    /// All keys.
    pub fn all() -> impl Iterator<Item = Key> {
        (0..GROUPS * ROWS).map(Key)
    }

    /// The place of the key among all.
    pub fn index(self) -> usize {
        usize::from(self.0) % KEYS
    }

    /// Its group.
    pub fn group(self) -> u8 {
        self.0 / ROWS
    }

    /// Its row.
    pub fn row(self) -> u8 {
        self.0 % ROWS
    }

    /// The name of its entry.
    pub fn name(self) -> String {
        format!("datum:{}:{}", self.group(), self.row())
    }

    /// The tag of its row.
    pub fn tag(self) -> String {
        format!("row:{}", self.row())
    }
}

impl Scope {
    /// Whether a key is in it.
    pub fn covers(self, key: Key) -> bool {
        match self {
            Scope::Key(one) => one == key,
            Scope::Group(group) => key.group() == group,
            Scope::Row(row) => key.row() == row,
            Scope::All => true,
        }
    }

    /// Its keys.
    pub fn keys(self) -> impl Iterator<Item = Key> {
        Key::all().filter(move |key| self.covers(*key))
    }
}
