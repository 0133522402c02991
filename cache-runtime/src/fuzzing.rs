//! The functions that the fuzz targets (in `fuzz/`) call. Each must return for any input; a violated
//! property panics.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a fuzzer is told of a failure by a panic")]

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::format::codec::{Bincode, Codec, MessagePack};
use crate::format::entry::{self, EntryAddress, StateId, Stored};
use crate::key::glob::{self, Pattern};
use crate::key::name::{self, Name, Renderer};

/// Reads `bytes` as a possible content of Redis: unchanged, with a correct checksum, and as the rest of a
/// value. A fuzzer rarely generates the beginning of a value by chance.
pub fn envelope(bytes: &[u8]) {
    let address = EntryAddress::new("shop", "video:42");
    read(bytes, address);
    read(&address.signed(bytes), address);
    let value = [StateId::value(1, 1).as_bytes(), bytes].concat();
    read(&address.signed(&value), address);
    payload(bytes);
}

fn read(bytes: &[u8], address: EntryAddress) {
    let Stored::Value(header, payload) = Stored::read(bytes, address) else {
        return;
    };
    let mut again = Vec::new();
    entry::encode(&header, payload, address, &mut again).unwrap();
    assert_eq!(again, bytes, "an envelope has two readings");
}

fn payload(bytes: &[u8]) {
    if let Some(plain) = entry::decompress(bytes, 1 << 20) {
        let justified = (bytes.len() * 255 + 64).min(1 << 20);
        assert!(plain.len() <= justified, "more memory than the input and the limit justify");
    }
    decode::<Bincode>(bytes);
    decode::<MessagePack>(bytes);
}

fn decode<C: Codec>(bytes: &[u8]) {
    type Plain = (u64, String, Option<Vec<i32>>, char);
    type Maps = BTreeMap<String, Vec<(f64, bool)>>;
    round_trip::<C, Plain>(bytes);
    round_trip::<C, Maps>(bytes);
    // The value is not encoded again: its length may be written in a longer form than necessary, and the
    // number of permitted elements depends on the length of the input.
    let _ = C::decode::<Vec<()>>(bytes);
}

/// Checks that a decoded value can be encoded again, and that the result decodes.
fn round_trip<C: Codec, T: serde::Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(value) = C::decode::<T>(bytes) else {
        return;
    };
    let mut again = Vec::new();
    C::encode(&value, &mut again).unwrap();
    C::decode::<T>(&again).unwrap_or_else(|error| panic!("{}: {error}", C::NAME));
}

/// Takes `text`, cut at line ends, for a pattern, a separator and two values.
pub fn template(text: &str) {
    let mut parts = text.splitn(4, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (pattern, separator, first, second) = (next(), next(), next(), next());
    match_texts(pattern, &[first, second, text]);
    render(separator, first, second);
    check(text);
}

fn match_texts(pattern: &str, texts: &[&str]) {
    let Ok(pattern) = Pattern::new(pattern) else {
        return;
    };
    let prefix = pattern.literal_prefix();
    for text in texts {
        let matched = pattern.matches(text);
        assert!(!matched || text.starts_with(&prefix), "a match without the literal prefix");
        if let Some(whole) = pattern.whole_prefix() {
            let inside = text.strip_prefix(&whole).is_some_and(|rest| rest.starts_with(':'));
            assert_eq!(matched, inside, "a whole prefix is not what its pattern matches");
        }
    }
}

fn render(separator: &str, first: &str, second: &str) {
    if separator.is_empty() {
        return;
    }
    let template = |first: &str, second: &str| {
        let mut renderer = Renderer::new();
        renderer.value(first, separator);
        renderer.text(separator);
        renderer.value(second, "");
        renderer.finish().unwrap().as_str().to_owned()
    };
    let rendered = template(first, second);
    assert!(Name::new(&rendered).as_str().len() <= 200);
    let joined = [first, separator, second].concat();
    for (cut, _) in joined.char_indices() {
        let other = (&joined[..cut], joined[cut..].trim_start_matches(separator));
        let same = other == (first, second);
        assert_eq!(template(other.0, other.1) == rendered, same, "two calls share a name");
    }
}

fn check(text: &str) {
    for part in cache_syntax::prefixes(text) {
        assert!(text.starts_with(part) && part.len() < text.len());
    }
    if let Ok(name) = Name::direct(text) {
        assert!(name.as_str().len() <= 200 && name.tags().count() <= 6);
    }
    if let Ok(prefix) = name::validate_prefix(text) {
        assert!(prefix.len() <= 200 && name::validate_tag(text).is_ok());
    }
    assert!(Name::direct(&name::escape(text)).is_ok() || text.len() > 1000);
    if let Ok(pattern) = Pattern::new(&glob::escape(text)) {
        assert!(pattern.matches(text), "an escaped text does not match itself");
    }
}
