#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::{self, Debug};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use serde::Deserializer;
use serde_json::json;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nested {
    id: u64,
    name: String,
    tags: Vec<String>,
    scores: BTreeMap<String, f64>,
    kind: Kind,
    parent: Option<Box<Nested>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    Struct { a: i32, b: Vec<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<u8>,
    b: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    Circle { radius: f64 },
    Square { side: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct List(Option<Box<List>>);

/// A byte buffer that requests owned bytes.
#[derive(Debug, PartialEq)]
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Blob;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

fn encode<C: Codec, T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    C::encode(value, &mut bytes).unwrap();
    bytes
}

#[track_caller]
fn round_trip<C: Codec, T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let mut bytes = encode::<C, T>(&value);
    assert_eq!(C::decode::<T>(&bytes).unwrap(), value, "{}", C::NAME);
    bytes.push(0);
    assert!(C::decode::<T>(&bytes).is_err(), "{}: a byte too many was taken: {value:?}", C::NAME);
}

fn nested(depth: u64) -> Nested {
    Nested {
        id: depth,
        name: format!("level {depth}"),
        tags: vec!["a".into(), String::new()],
        scores: [("x".to_owned(), 0.5)].into(),
        kind: Kind::Struct { a: -1, b: vec![1, 2] },
        parent: depth.checked_sub(1).map(|above| Box::new(nested(above))),
    }
}

fn every_kind_of_type<C: Codec>() {
    round_trip::<C, _>(());
    round_trip::<C, _>((true, 'x', "text".to_owned()));
    round_trip::<C, _>((u8::MAX, u16::MAX, u32::MAX, u64::MAX, usize::MAX));
    round_trip::<C, _>((i8::MIN, i16::MIN, i32::MIN, i64::MIN, isize::MIN));
    round_trip::<C, _>((u128::MAX, i128::MIN));
    round_trip::<C, _>((1.5_f32, f64::MIN_POSITIVE, f64::INFINITY));
    round_trip::<C, _>((None::<u8>, Some(1_u8), Some("x".to_owned())));
    round_trip::<C, _>(Ok::<u8, String>(1));
    round_trip::<C, _>(Err::<u8, String>("no".into()));
    round_trip::<C, _>([1_u16; 32]);
    round_trip::<C, _>((vec![1, 2, 3], VecDeque::from([4]), Box::<[u8]>::from([5])));
    round_trip::<C, _>((HashSet::from([1, 2]), BTreeSet::from([3])));
    round_trip::<C, _>((HashMap::from([(1, 'a'), (2, 'b')]), BTreeMap::from([((1, 2), ())])));
    round_trip::<C, _>((Duration::new(1, 2), UNIX_EPOCH + Duration::from_nanos(5), 1..5_u8));
    round_trip::<C, _>(IpAddr::from([127, 0, 0, 1]));
    round_trip::<C, _>(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 80)));
    round_trip::<C, _>((PathBuf::from("a/b"), NonZeroU32::MAX));
    round_trip::<C, _>((Box::new(1), Some(Box::new([2]))));
    round_trip::<C, _>((Marker, Kind::Unit, Kind::Newtype(1), Kind::Tuple(2, "x".into())));
    round_trip::<C, _>((vec![Marker; 3], vec![(); 1000]));
    round_trip::<C, _>(Blob(vec![0, 255]));
    round_trip::<C, _>(vec![Vec::<u8>::new(); 20_000]);
    round_trip::<C, _>("long text ".repeat(10_000));
    round_trip::<C, _>(nested(20));
    round_trip::<C, _>(Vec::<SystemTime>::new());
}

fn hostile_lengths_are_refused<C: Codec>(lengths: &[&[u8]]) {
    for length in lengths {
        assert!(C::decode::<String>(length).is_err());
        assert!(C::decode::<Blob>(length).is_err());
        assert!(C::decode::<Vec<u8>>(length).is_err());
        assert!(C::decode::<Vec<[u64; 32]>>(length).is_err());
        assert!(C::decode::<Vec<()>>(length).is_err());
        assert!(C::decode::<Vec<Marker>>(length).is_err());
        assert!(C::decode::<HashSet<()>>(length).is_err());
        assert!(C::decode::<VecDeque<((), Marker)>>(length).is_err());
        assert!(C::decode::<BTreeMap<(), ()>>(length).is_err());
        assert!(C::decode::<HashMap<u64, Vec<()>>>(length).is_err());
        assert!(C::decode::<Nested>(length).is_err());
    }
}

fn deep_nesting_is_refused<C: Codec>(level: u8) {
    assert!(C::decode::<List>(&vec![level; 1 << 20]).is_err());
}

fn any_bytes_decode_or_fail<C: Codec>(bytes: &[u8]) {
    let _ = C::decode::<Nested>(bytes);
    let _ = C::decode::<Vec<Kind>>(bytes);
    let _ = C::decode::<HashMap<String, Vec<()>>>(bytes);
    let _ = C::decode::<(String, Blob, Option<Vec<u64>>)>(bytes);
    let _ = C::decode::<BTreeMap<Vec<u8>, (char, IpAddr)>>(bytes);
    let _ = C::decode::<List>(bytes);
    let _ = C::decode::<Untagged>(bytes);
    let _ = C::decode::<serde_json::Value>(bytes);
}

#[test]
fn bincode_carries_every_kind_of_type() {
    every_kind_of_type::<Bincode>();
}

#[test]
fn message_pack_carries_every_kind_of_type() {
    every_kind_of_type::<MessagePack>();
}

#[cfg(feature = "postcard")]
#[test]
fn postcard_carries_every_kind_of_type() {
    every_kind_of_type::<Postcard>();
}

#[test]
fn message_pack_carries_self_describing_types() {
    round_trip::<MessagePack, _>(json!({"a": [1, -1, 1.5, null, true, "x"], "b": {}}));
    round_trip::<MessagePack, _>(Sparse { a: None, b: 1 });
    round_trip::<MessagePack, _>(vec![Untagged::Number(1), Untagged::Text("x".into())]);
    round_trip::<MessagePack, _>(vec![
        Tagged::Circle { radius: 1.0 },
        Tagged::Square { side: 2.0 },
    ]);
    round_trip::<MessagePack, _>(Flattened { id: 1, rest: [("x".into(), 2)].into() });
}

#[test]
fn a_positional_format_never_makes_a_wrong_value_of_a_sparse_struct() {
    let bytes = encode::<Bincode, _>(&Sparse { a: None, b: 1 });
    assert!(Bincode::decode::<Sparse>(&bytes).is_err());
    let bytes = encode::<Bincode, _>(&Untagged::Number(1));
    assert!(Bincode::decode::<Untagged>(&bytes).is_err());
}

#[test]
fn message_pack_does_not_care_for_the_order_of_fields() {
    #[derive(Serialize)]
    struct Written {
        b: u8,
        a: Option<u8>,
    }
    let bytes = encode::<MessagePack, _>(&Written { b: 1, a: Some(2) });
    assert_eq!(MessagePack::decode::<Sparse>(&bytes).unwrap(), Sparse { a: Some(2), b: 1 });
}

#[test]
fn bincode_does_not_believe_lengths() {
    hostile_lengths_are_refused::<Bincode>(&[
        &[251, 0xFF, 0xFF],
        &[252, 0xFF, 0xFF, 0xFF, 0xFF],
        &[253, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[253, 0, 0, 0, 0, 1, 0, 0, 0],
    ]);
    deep_nesting_is_refused::<Bincode>(1);
}

#[test]
fn message_pack_does_not_believe_lengths() {
    hostile_lengths_are_refused::<MessagePack>(&[
        &[0xDD, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0xDF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0xDB, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0xC6, 0xFF, 0xFF, 0xFF, 0xFF],
    ]);
    deep_nesting_is_refused::<MessagePack>(0x91);
    deep_nesting_is_refused::<MessagePack>(0x01);
}

#[cfg(feature = "postcard")]
#[test]
fn postcard_does_not_believe_lengths() {
    hostile_lengths_are_refused::<Postcard>(&[
        &[0xFF, 0xFF, 0x03],
        &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    ]);
    deep_nesting_is_refused::<Postcard>(1);
}

#[test]
fn an_encoding_that_fails_is_an_error() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    let error = MessagePack::encode(&Failing, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("not today"));
    assert!(Bincode::encode(&Failing, &mut Vec::new()).is_err());
}

#[test]
fn the_default_codec_is_named_in_lower_case() {
    assert_eq!(serde_json::to_value(DefaultCodec::default()).unwrap(), json!("bincode"));
    let read = serde_json::from_str::<DefaultCodec>("\"messagepack\"").unwrap();
    assert_eq!(read, DefaultCodec::MessagePack);
}

#[test]
fn a_value_behind_an_rc_is_encoded_too() {
    assert_eq!(encode::<Bincode, _>(&*Rc::new(5_u8)), [5]);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        any_bytes_decode_or_fail::<Bincode>(&bytes);
        any_bytes_decode_or_fail::<MessagePack>(&bytes);
        #[cfg(feature = "postcard")]
        any_bytes_decode_or_fail::<Postcard>(&bytes);
    }

    #[test]
    fn damaged_values_never_panic(at in 0..200_usize, bits: u8, cut in 0..200_usize) {
        for mut bytes in [encode::<Bincode, _>(&nested(3)), encode::<MessagePack, _>(&nested(3))] {
            let at = at % bytes.len();
            bytes[at] ^= bits;
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            any_bytes_decode_or_fail::<Bincode>(&bytes);
            any_bytes_decode_or_fail::<MessagePack>(&bytes);
        }
    }
}
