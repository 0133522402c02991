//! Maps: the entries are written to a side buffer and fed in sorted order, so that their order in memory does
//! not count.

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap};

use super::error::KeyError;
use super::sink::{Buffer, FeedValue as _, Sink, Writing};
use super::tag;

/// The entries of a map seen so far.
pub(super) struct SortedMap<'a, S> {
    sink: &'a mut S,
    buffer: Buffer,
    entries: Vec<MapEntry>,
}

/// The places of an entry's key and value in the buffer.
struct MapEntry {
    key: usize,
    value: usize,
    end: usize,
}

impl<'a, S> SortedMap<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> Self {
        Self { sink, buffer: Buffer::new(), entries: Vec::new() }
    }

    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<usize, KeyError> {
        Writing::new(&mut self.buffer).feed_value(value)?;
        Ok(self.buffer.len())
    }
}

impl<S: Sink> SerializeMap for SortedMap<'_, S> {
    type Ok = ();
    type Error = KeyError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), KeyError> {
        let start = self.buffer.len();
        let end = self.write(key)?;
        self.entries.push(MapEntry { key: start, value: end, end });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), KeyError> {
        let end = self.write(value)?;
        let entry =
            self.entries.last_mut().ok_or_else(|| KeyError::custom("a map's value has no key"))?;
        entry.end = end;
        Ok(())
    }

    fn end(self) -> Result<(), KeyError> {
        let Self { sink, buffer, mut entries } = self;
        // By key alone, and stable: if a type repeats a key, the order of its values matters.
        entries.sort_by(|a, b| buffer[a.key..a.value].cmp(&buffer[b.key..b.value]));
        sink.count(tag::MAP, entries.len() as u64)?;
        entries.iter().try_for_each(|entry| sink.bytes(tag::ENTRY, &buffer[entry.key..entry.end]))
    }
}
