use std::env;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of groups. The names of each group have a prefix of their own, and its functions have
/// options of their own.
pub const GROUPS: u8 = 6;
/// The number of groups that have a function of one key: the first ones. The last group has only one of
/// many keys.
pub const SINGLE_GROUPS: u8 = 5;
/// The group whose entries have a tag that follows from the value: that of its owner.
pub const OWNED: u8 = 4;
/// The number of owners.
pub const OWNERS: u8 = 3;
/// The number of rows. The names of each row have a tag of their own.
pub const ROWS: u8 = 4;
/// The number of keys. It is small, so that all tasks use the same keys.
pub const KEYS: usize = GROUPS as usize * ROWS as usize;

/// One datum of a history: in a group, and in a row across all groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(u8);

/// The value of a key. Its form is that of the version of the program that the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datum {
    /// The key of the value.
    pub key: Key,
    /// The version of the value.
    pub version: u64,
    /// The change that put it into the direct API; 0 if it was loaded.
    pub set_by: u64,
}

impl Datum {
    /// Returns the owner, which every second version changes.
    pub fn owner(self) -> u8 {
        let turn = self.version / 2 + u64::from(self.key.row());
        u8::try_from(turn % u64::from(OWNERS)).unwrap_or(0)
    }
}

/// Returns the tag of an owner.
pub fn owner_tag(owner: u8) -> String {
    format!("owner:{owner}")
}

/// The variable that makes a process one of the next version of the program, whose data have a field more.
pub const NEXT_VERSION: &str = "HISTORY_NEXT_VERSION";

fn is_next_version() -> bool {
    static IS_NEXT: OnceLock<bool> = OnceLock::new();
    *IS_NEXT.get_or_init(|| env::var_os(NEXT_VERSION).is_some())
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Datum")]
struct Narrow {
    key: Key,
    version: u64,
    set_by: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Datum")]
struct Wide {
    key: Key,
    version: u64,
    row: u8,
    set_by: u64,
}

impl Serialize for Datum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Datum { key, version, set_by } = *self;
        match is_next_version() {
            true => Wide { key, version, row: key.row(), set_by }.serialize(serializer),
            false => Narrow { key, version, set_by }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Datum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if is_next_version() {
            let Wide { key, version, set_by, .. } = Wide::deserialize(deserializer)?;
            return Ok(Datum { key, version, set_by });
        }
        let Narrow { key, version, set_by } = Narrow::deserialize(deserializer)?;
        Ok(Datum { key, version, set_by })
    }
}

/// The scope of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// One key.
    Key(Key),
    /// The keys of a group: those with its prefix.
    Group(u8),
    /// The keys of a row: those with its tag.
    Row(u8),
    /// The keys of some rows: a bit for each row.
    Rows(u8),
    /// The values of the group [`OWNED`] that have this owner.
    Owner(u8),
    /// All keys.
    All,
}

impl Key {
    /// Returns the key of this group and row.
    pub fn new(group: u8, row: u8) -> Self {
        Key((group % GROUPS) * ROWS + row % ROWS)
    }

    /// Returns all keys.
    pub fn all() -> impl Iterator<Item = Key> {
        (0..GROUPS * ROWS).map(Key)
    }

    /// Returns the place of the key among all.
    pub fn index(self) -> usize {
        usize::from(self.0) % KEYS
    }

    /// Its group.
    pub fn group(self) -> u8 {
        self.0 / ROWS
    }

    /// Returns true if its functions may serve stale values.
    pub fn may_be_stale(self) -> bool {
        (2..=5).contains(&self.group())
    }

    /// Its row.
    pub fn row(self) -> u8 {
        self.0 % ROWS
    }

    /// Returns the name of its entry.
    pub fn name(self) -> String {
        format!("datum:{}:{}", self.group(), self.row())
    }

    /// Returns the tag of its row.
    pub fn tag(self) -> String {
        format!("row:{}", self.row())
    }
}

impl Scope {
    /// Returns whether a key is in the scope.
    pub fn covers(self, key: Key) -> bool {
        match self {
            Scope::Key(one) => one == key,
            Scope::Group(group) => key.group() == group,
            Scope::Row(row) => key.row() == row,
            Scope::Rows(rows) => rows >> key.row() & 1 == 1,
            Scope::Owner(_) => key.group() == OWNED,
            Scope::All => true,
        }
    }

    /// Returns true if the values of a covered key that have this owner are in the scope.
    pub fn covers_owner(self, owner: u8) -> bool {
        !matches!(self, Scope::Owner(one) if one != owner)
    }

    /// Its keys.
    pub fn keys(self) -> impl Iterator<Item = Key> {
        Key::all().filter(move |key| self.covers(*key))
    }
}
