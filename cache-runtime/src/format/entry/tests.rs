#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use proptest::prelude::*;
use smallvec::smallvec;

use super::*;
use crate::support::golden;

const STATE: [u8; 12] = [0xC5, b'V', 2, 7, 8, 7, 6, 5, 4, 3, 2, 1];

fn address() -> EntryAddress {
    EntryAddress::new("shop", "video:meta:1")
}

fn header<'a>() -> Header<'a> {
    Header {
        state: StateId::value(7, 0x0102_0304_0506_0708),
        compressed: false,
        origin: 1,
        shape: 2,
        fingerprint: 9,
        created_ms: 3,
        fresh_for_ms: u64::MAX,
        load_micros: 5,
        root: 6,
        tags: smallvec![
            Tag { name: TagName::Prefix(5), token: 7 },
            Tag { name: TagName::Named("caf\u{e9}"), token: 8 },
        ],
    }
}

fn envelope(header: &Header<'_>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(header, payload, address(), &mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Stored<'_> {
    Stored::read(bytes, address())
}

#[test]
fn a_value_is_read_as_it_was_written() {
    let bytes = envelope(&header(), b"payload");
    assert_eq!(read(&bytes), Stored::Value(header(), b"payload"));
    assert_eq!(&bytes[..12], &STATE);
    assert_eq!(header().state.codec(), 7);
}

#[test]
fn a_value_under_another_key_is_foreign() {
    let bytes = envelope(&header(), b"payload");
    for (namespace, name) in [
        ("shop", "video:meta:2"),
        ("shop", "video:meta:"),
        ("shop", ""),
        ("shop2", "video:meta:1"),
        ("shop:video", "meta:1"),
        ("", "shop:video:meta:1"),
    ] {
        let found = Stored::read(&bytes, EntryAddress::new(namespace, name));
        assert_eq!(found, Stored::Foreign(Some(header().state)), "{namespace} {name}");
    }
}

#[test]
fn a_placeholder_is_its_state_alone() {
    let placeholder = StateId::placeholder(5);
    assert_eq!(read(placeholder.as_bytes()), Stored::Placeholder(placeholder));
    assert_eq!(placeholder.codec(), 0);
    let longer = [placeholder.as_bytes(), &b"x"[..]].concat();
    assert_eq!(read(&longer), Stored::Foreign(Some(placeholder)));
}

#[test]
fn states_differ_by_kind_codec_and_number() {
    let states = [
        StateId::placeholder(1),
        StateId::placeholder(2),
        StateId::value(1, 1),
        StateId::value(2, 1),
    ];
    for (index, state) in states.iter().enumerate() {
        assert!(!states[..index].contains(state));
    }
}

#[test]
fn what_is_not_ours_is_foreign() {
    assert_eq!(read(b""), Stored::Foreign(None));
    assert_eq!(read(b"some text"), Stored::Foreign(None));
    assert_eq!(read(b"a longer text"), Stored::Foreign(Some(StateId(*b"a longer tex"))));
    assert_eq!(read(&STATE), Stored::Foreign(Some(StateId(STATE))));
}

#[test]
fn another_version_is_foreign_even_with_a_good_checksum() {
    for (at, byte) in [(2, 1), (2, 3), (0, 0xC4), (1, b'X'), (12, 2)] {
        let mut bytes = envelope(&header(), b"payload");
        bytes[at] = byte;
        resign(&mut bytes);
        assert!(matches!(read(&bytes), Stored::Foreign(Some(_))), "byte {at}");
    }
}

#[test]
fn lengths_that_lie_are_foreign_even_with_a_good_checksum() {
    let plain = Header { tags: smallvec![], ..header() };
    let count = ID_LENGTH + 1 + 7 * 8;
    for (at, lie) in [(count, 0xFF), (count + 1, 6), (count + 1, 8), (count + 4, 0xFF)] {
        let mut bytes = envelope(&plain, b"payload");
        bytes[at] = lie;
        resign(&mut bytes);
        assert!(matches!(read(&bytes), Stored::Foreign(Some(_))), "byte {at}");
    }
}

fn resign(bytes: &mut [u8]) {
    let (before, checksum) = bytes.split_last_chunk_mut::<CHECKSUM_LENGTH>().unwrap();
    *checksum = address().checksum(before);
}

#[test]
fn too_many_tags_and_too_long_names_are_errors() {
    let long = "x".repeat(1 << 16);
    let tag = Tag { name: TagName::Named(&long), token: 0 };
    let with = |tags| Header { tags, ..header() };
    assert!(encode(&with(smallvec![tag]), b"", address(), &mut Vec::new()).is_err());
    let short = Tag { name: TagName::Prefix(1), token: 0 };
    assert!(encode(&with(smallvec![short; 256]), b"", address(), &mut Vec::new()).is_err());
    assert!(encode(&with(smallvec![short; 255]), b"", address(), &mut Vec::new()).is_ok());
}

#[test]
fn a_tag_is_named_by_the_entry_where_that_is_possible() {
    let entry = "video:meta:1";
    for (tag, expected) in [
        ("video", TagName::Prefix(5)),
        ("video:meta", TagName::Prefix(10)),
        ("user:1", TagName::Named("user:1")),
    ] {
        let name = TagName::new(tag, entry);
        assert_eq!(name, expected);
        assert_eq!(name.resolve(entry), Some(tag));
    }
    assert_eq!(TagName::Prefix(13).resolve(entry), None);
    assert_eq!(TagName::Prefix(1).resolve("\u{e9}"), None);
}

#[cfg(feature = "compression")]
#[test]
fn compression_is_undone_and_claims_are_checked() {
    let payload = b"abcd".repeat(1000);
    let compressed = compress(&payload).unwrap();
    assert!(compressed.len() < payload.len() / 10);
    assert_eq!(decompress(&compressed, payload.len()).unwrap(), payload);
    assert!(compress(b"tiny").is_none());
    let zeros = vec![0; 1 << 20];
    assert_eq!(decompress(&compress(&zeros).unwrap(), zeros.len()).unwrap(), zeros);

    let mut lie = compressed.clone();
    lie[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decompress(&lie, 1 << 30), None);
    lie[..4].copy_from_slice(&4001_u32.to_le_bytes());
    assert_eq!(decompress(&lie, 1 << 30), None);
    assert_eq!(decompress(&compressed[..compressed.len() - 1], 1 << 30), None);
    assert_eq!(decompress(b"", 1 << 30), None);
}

#[cfg(feature = "compression")]
#[test]
fn a_small_block_that_would_become_large_is_not_decompressed() {
    let zeros = vec![0; 600_000];
    let bomb = compress(&zeros).unwrap();
    assert!(bomb.len() < 3_000);
    assert_eq!(decompress(&bomb, zeros.len() - 1), None);
    assert_eq!(decompress(&bomb, zeros.len()), Some(zeros));
}

#[cfg(not(feature = "compression"))]
#[test]
fn without_the_feature_nothing_is_compressed_or_read() {
    assert_eq!(compress(&[0; 1000]), None);
    assert_eq!(decompress(&[0; 1000], 1 << 20), None);
}

#[test]
fn envelopes_are_pinned() {
    let compressed = Header { compressed: true, tags: smallvec![], ..header() };
    let text = [
        golden::line("mark", StateId::placeholder(0x0102_0304_0506_0708).as_bytes()),
        golden::line("value", &envelope(&header(), b"payload")),
        golden::line("compressed value without tags", &envelope(&compressed, b"")),
    ];
    golden::check("entry.txt", &text.concat());
}

type Words = (u64, u64, u64, u64, u64, u64, u64, u64);

fn any_header<'a>(
    words: Words,
    compressed: bool,
    tags: &'a [(Option<String>, u16, u64)],
) -> Header<'a> {
    let tag = |(name, length, token): &'a (Option<String>, u16, u64)| Tag {
        name: name.as_deref().map_or(TagName::Prefix(*length), TagName::Named),
        token: *token,
    };
    Header {
        state: StateId::value(words.0 as u8, words.0),
        compressed,
        origin: words.1,
        shape: words.2,
        created_ms: words.3,
        fresh_for_ms: words.4,
        load_micros: words.5,
        root: words.6,
        fingerprint: words.7,
        tags: tags.iter().map(tag).collect(),
    }
}

fn tags() -> impl Strategy<Value = Vec<(Option<String>, u16, u64)>> {
    prop::collection::vec((prop::option::of(".{0,10}"), any::<u16>(), any::<u64>()), 0..12)
}

proptest! {
    #[test]
    fn every_value_is_read_as_it_was_written(
        words: Words, compressed: bool, tags in tags(), payload: Vec<u8>,
    ) {
        let bytes = envelope(&any_header(words, compressed, &tags), &payload);
        let header = any_header(words, compressed, &tags);
        prop_assert_eq!(read(&bytes), Stored::Value(header, &payload));
    }

    #[test]
    fn a_cut_or_continued_value_is_no_value(
        words: Words, tags in tags(), payload: Vec<u8>, at: usize, extra: u8,
    ) {
        let mut bytes = envelope(&any_header(words, false, &tags), &payload);
        let cut = at % bytes.len();
        prop_assert!(matches!(read(&bytes[..cut]), Stored::Foreign(_)));
        bytes.push(extra);
        prop_assert!(matches!(read(&bytes), Stored::Foreign(Some(_))));
    }

    #[test]
    fn random_bytes_are_something(mut bytes: Vec<u8>, ours: bool, sign: bool) {
        if ours && bytes.len() >= 3 {
            bytes[..3].copy_from_slice(&STATE[..3]);
        }
        if sign && bytes.len() >= CHECKSUM_LENGTH {
            resign(&mut bytes);
        }
        let stored = read(&bytes);
        prop_assert_eq!(matches!(stored, Stored::Foreign(None)), bytes.len() < ID_LENGTH);
        let _ = decompress(&bytes, 1 << 20);
    }
}

#[test]
fn no_flipped_bit_leaves_a_value() {
    let bytes = envelope(&header(), b"payload");
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(read(&damaged), Stored::Foreign(Some(_))), "bit {bit}");
    }
}
