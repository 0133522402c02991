//! The full key of a call: the place of its entry in memory and in Redis, and its dependencies.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use once_cell::sync::OnceCell;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use crate::coherence::generation::Slot;
use crate::key::name::{self, Name, shorten};
use crate::memory::{Domain, Memory, MemoryKey};
use crate::site::{self, Declared, Instance, Prefixes};

/// The full key of a call. It is made before a read of Redis or a load; a memory hit does not need it.
#[derive(Debug)]
pub(crate) struct CallKey {
    pub(crate) memory: MemoryKey,
    /// The origin of the values; 0 for direct values.
    pub(crate) origin: u64,
    /// The fingerprint of its arguments; 0 for none.
    pub(crate) fingerprint: u64,
    /// The tags of the call besides the prefixes of its name.
    own_tags: Vec<String>,
    /// Made on first use, because a caller that joins another load does not need it.
    named: OnceCell<Named>,
}

/// The name and tags of a call, as Redis and the generations use them.
#[derive(Debug)]
struct Named {
    name: Name,
    /// The prefixes of the name, then the tags of the call.
    tags: Arc<[String]>,
    /// The generations of the name and of all tags. The name is the first.
    slots: SmallVec<[Slot; 4]>,
    /// The place in Redis, if it is beside the name.
    beside: Option<Beside>,
}

/// A place beside a name.
#[derive(Clone, Debug)]
struct Beside {
    number: u8,
    stored: String,
}

impl CallKey {
    /// Returns the key of a name with these tags.
    pub(crate) fn new(memory: MemoryKey, origin: u64, name: Name, own_tags: Vec<String>) -> Self {
        let named = OnceCell::with_value(Named::new(name, &own_tags));
        CallKey { memory, origin, fingerprint: 0, own_tags, named }
    }

    /// Returns the key of a call whose name the template of its function has made.
    pub(crate) fn of_template(
        memory: MemoryKey,
        instance: &Instance,
        name: Name,
        own_tags: Vec<String>,
    ) -> Self {
        let named = OnceCell::with_value(Named::of_template(instance, name, &own_tags));
        CallKey { memory, origin: instance.origin, fingerprint: 0, own_tags, named }
    }

    /// Returns the key of a call that is named by its function and arguments.
    pub(crate) fn of_arguments(memory: MemoryKey, origin: u64, own_tags: Vec<String>) -> Self {
        CallKey { memory, origin, fingerprint: 0, own_tags, named: OnceCell::new() }
    }

    /// Returns the same key for arguments with this fingerprint. Two keys that differ only in the fingerprint
    /// do not share loads.
    pub(crate) fn printed(self, fingerprint: u64) -> Self {
        CallKey { fingerprint, ..self }
    }

    /// Returns true if an entry under this key was loaded for other arguments.
    pub(crate) fn is_of_others(&self, fingerprint: u64) -> bool {
        self.fingerprint != 0 && fingerprint != 0 && fingerprint != self.fingerprint
    }

    /// Logs that other arguments have this key.
    pub(crate) fn tell_alike(&self) {
        if let Some(instance) = self.instance() {
            instance.alarm.tell(&instance.spec.declared);
        }
    }

    pub(crate) fn name(&self) -> &Name {
        &self.named().name
    }

    /// Returns the same key for a place beside the name, where an entry also depends on the token of the
    /// name. Number 0 is the name itself.
    pub(crate) fn at(&self, number: u8) -> CallKey {
        let Named { name, tags, slots, .. } = self.named();
        let beside = (number > 0)
            .then(|| Beside { number, stored: name::beside(name.as_str(), self.origin, number) });
        let own = beside.as_ref().map(|_| name::name_tag(name.as_str()));
        let named = Named {
            name: name.clone(),
            tags: tags.iter().cloned().chain(own).collect(),
            slots: slots.clone(),
            beside,
        };
        self.named_so(named)
    }

    /// Returns those of these tags that the key does not have.
    pub(crate) fn lacking(&self, tags: &[String]) -> Vec<String> {
        tags.iter().filter(|tag| !self.tags().contains(tag)).cloned().collect()
    }

    /// Returns the key of the same entry with further tags, which depend on its value.
    pub(crate) fn with_tags(&self, further: &[String]) -> CallKey {
        let Named { name, tags, slots, beside } = self.named();
        let further_slots = further.iter().map(|tag| Slot::tag(tag));
        let named = Named {
            name: name.clone(),
            tags: tags.iter().chain(further).cloned().collect(),
            slots: slots.iter().copied().chain(further_slots).collect(),
            beside: beside.clone(),
        };
        self.named_so(named)
    }

    /// Returns the same key with another place or other tags in Redis.
    fn named_so(&self, named: Named) -> CallKey {
        CallKey {
            memory: self.memory.clone(),
            origin: self.origin,
            fingerprint: self.fingerprint,
            own_tags: Vec::new(),
            named: OnceCell::with_value(named),
        }
    }

    /// Returns the name under which the entry is stored in Redis: its own, or one beside it.
    pub(crate) fn stored_as(&self) -> &str {
        let Named { name, beside, .. } = self.named();
        beside.as_ref().map_or(name.as_str(), |beside| &beside.stored)
    }

    /// Returns the place where the entry is stored in Redis; 0 is its name.
    pub(crate) fn place(&self) -> u8 {
        self.named().beside.as_ref().map_or(0, |beside| beside.number)
    }

    /// Returns the prefixes of the name, then the tags of the call. The last one is the tag of the name
    /// itself, if the entry is stored beside the name.
    pub(crate) fn tags(&self) -> &[String] {
        &self.named().tags
    }

    /// Returns the generations of the name and of all tags.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.named().slots
    }

    fn named(&self) -> &Named {
        self.named.get_or_init(|| match self.memory.domain {
            Domain::Arguments(instance) => {
                Named::of_arguments(instance, &self.memory.bytes, &self.own_tags)
            }
            Domain::Names => {
                let name = String::from_utf8_lossy(&self.memory.bytes);
                Named::new(Name::new(name), &self.own_tags)
            }
        })
    }

    /// Returns the readable name of the called function; `None` for the direct API.
    pub(crate) fn function(&self) -> Option<&'static str> {
        self.instance().map(Instance::label)
    }

    /// Returns the location of that function.
    pub(crate) fn declared(&self) -> Option<&'static Declared> {
        self.instance().map(|instance| &instance.spec.declared)
    }

    /// Returns the prefix of that function's names.
    pub(crate) fn prefix(&self) -> Option<&'static str> {
        self.instance().map(|instance| instance.spec.prefix())
    }

    /// Returns the kind of values that likely have a similar size: those of the function. For a direct call,
    /// these are the values whose names have the same first prefix.
    pub(crate) fn kind(&self) -> u64 {
        let first = || self.tags().first().map_or(self.name().as_str(), String::as_str);
        self.accepted_origin().unwrap_or_else(|| xxh3_64(first().as_bytes()))
    }

    fn instance(&self) -> Option<&'static Instance> {
        match self.memory.domain {
            Domain::Arguments(instance) => Some(instance),
            Domain::Names => self.accepted_origin().and_then(site::instance_of),
        }
    }

    /// Returns the origin that an entry must have; `None` accepts every origin, for a name that was given
    /// directly.
    pub(crate) fn accepted_origin(&self) -> Option<u64> {
        (self.origin != 0).then_some(self.origin)
    }
}

impl Named {
    fn new(name: Name, own_tags: &[String]) -> Self {
        let mut tags: Vec<String> = name.tags().map(Into::into).collect();
        for tag in own_tags {
            let tag = shorten(tag);
            if tags.iter().all(|known| *known != tag) {
                tags.push(tag.into_owned());
            }
        }
        let tag_slots = tags.iter().map(|tag| Slot::tag(tag)).collect::<SmallVec<[Slot; 4]>>();
        Named::with(name, tags.into(), &tag_slots)
    }

    /// Makes the name of a function's entry. All names of a function have the same prefixes.
    fn of_arguments(instance: &Instance, arguments: &[u8], own_tags: &[String]) -> Self {
        let name = Name::new(instance.name(arguments));
        if !own_tags.is_empty() {
            return Named::new(name, own_tags);
        }
        Named::with_prefixes(name, &instance.prefixes)
    }

    /// Makes the name of a function's entry from a rendered name. Most names of a function have the same prefixes.
    fn of_template(instance: &Instance, name: Name, own_tags: &[String]) -> Self {
        let shared = &instance.template_prefixes;
        let are_all = || name.tags().eq(shared.tags.iter().map(String::as_str));
        if own_tags.is_empty() && are_all() {
            return Named::with_prefixes(name, shared);
        }
        Named::new(name, own_tags)
    }

    fn with_prefixes(name: Name, Prefixes { tags, slots }: &Prefixes) -> Self {
        Named::with(name, Arc::clone(tags), slots)
    }

    fn with(name: Name, tags: Arc<[String]>, tag_slots: &[Slot]) -> Self {
        let mut slots = SmallVec::new();
        slots.push(Slot::name(name.as_str()));
        slots.extend_from_slice(tag_slots);
        Named { name, tags, slots, beside: None }
    }
}

impl PartialEq for CallKey {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.memory, &other.memory);
        a.hash == b.hash
            && a.domain == b.domain
            && a.bytes == b.bytes
            && self.origin == other.origin
            && self.fingerprint == other.fingerprint
    }
}

impl Eq for CallKey {}

impl Hash for CallKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.memory.hash ^ self.origin);
    }
}

/// Returns the key of a name that was given directly.
pub(crate) fn named(memory: &Memory, name: Name, tags: &[String]) -> CallKey {
    CallKey::new(memory.key_of(name.as_str()), 0, name, tags.to_vec())
}
