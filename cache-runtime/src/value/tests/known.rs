//! Values with known results.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Deserializer, Serializer};
use serde_json::json;

use super::*;
use crate::format::codec::{Bincode, MessagePack};

type Nested = Option<Option<String>>;

fn codec<V: crate::CacheValue>(codec: DefaultCodec) -> &'static dyn ValueCodec {
    type_of::<V>().codec(codec)
}

/// Returns an entry of a process that did not check that the value comes back unchanged.
fn unverified<V: crate::CacheValue>(value: &V, codec: &dyn ValueCodec) -> Encoded {
    process(DefaultCodec::Bincode)
        .encode_unseen(value_of(value), &value_of(value).measure(false), codec)
        .unwrap()
}

#[test]
fn a_shape_that_was_verified_in_one_codec_is_not_in_another() {
    let (bincode, packed) =
        (codec::<Nested>(DefaultCodec::Bincode), codec::<Nested>(DefaultCodec::MessagePack));
    let value: Nested = Some(None);
    let reader = process(DefaultCodec::Bincode);
    assert_eq!(read::<Nested>(&reader, &unverified(&value, bincode), None), Some(value.clone()));
    // MessagePack writes the same nil for both.
    assert_eq!(read::<Nested>(&reader, &unverified(&value, packed), None), None);
    let entry = encode(&process(DefaultCodec::MessagePack), &value, Coding::default()).unwrap();
    assert_eq!(entry.codec, bincode.id());
    assert_eq!(read::<Nested>(&reader, &entry, None), Some(value));
}

/// A second codec of a user, with the number of the first.
struct Backwards;

impl Codec for Backwards {
    const ID: u8 = Json::ID;
    const NAME: &'static str = "backwards";
    const HUMAN_READABLE: bool = false;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        Bincode::encode(value, out)?;
        out.reverse();
        Ok(())
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        Bincode::decode(&bytes.iter().rev().copied().collect::<Vec<_>>())
    }
}

#[test]
fn a_shape_that_was_verified_in_one_codec_is_not_in_another_of_its_number() {
    let codecs = [codec_of::<[u8; 3], Json>(), codec_of::<[u8; 3], Backwards>()];
    let reader = process(DefaultCodec::Bincode);
    let value = [1_u8, 2, 3];
    for codec in codecs {
        let entry = unverified(&value, codec);
        assert_eq!(read(&reader, &entry, Some(codec)), Some(value));
    }
    let entry = unverified(&value, codecs[0]);
    assert_eq!(read::<[u8; 3]>(&reader, &entry, Some(codecs[1])), None);
}

#[test]
fn a_value_that_equals_nothing_is_stored() {
    let likeness = likeness!(Vec<f64>);
    let value = vec![1.0, f64::NAN];
    for own in [None, Some(codec_of::<Vec<f64>, Json>())] {
        let types = process(DefaultCodec::Bincode);
        let entry = encode(&types, &value, Coding { own, likeness }).unwrap();
        let back: Vec<f64> = read(&types, &entry, own).unwrap();
        assert!(back[1].is_nan());
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
#[serde(untagged)]
enum Id {
    User(u64),
    Org(u64),
}

/// A type without `PartialEq`, so its values are compared by their printed text.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Owners(Vec<Id>, f64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Measured(Id, f64);

#[test]
fn a_value_that_cannot_be_compared_is_told_apart_by_what_it_prints() {
    let types = process(DefaultCodec::Bincode);
    let likeness = likeness!(Owners);
    let coding = Coding { own: None, likeness };
    assert!(encode(&types, &Owners(vec![Id::User(1)], 0.5), coding).is_ok());
    let lost = encode(&types, &Owners(vec![Id::User(1), Id::Org(2)], 0.5), coding);
    assert!(matches!(lost, Err(Error::Lossy { .. })), "{lost:?}");
    let coding = Coding { own: None, likeness: likeness!(Measured) };
    assert!(encode(&types, &Measured(Id::User(1), f64::NAN), coding).is_ok());
    assert!(encode(&types, &Measured(Id::Org(1), f64::NAN), coding).is_err());
}

#[test]
fn an_enum_directly_comes_back_as_the_same_variant() {
    let types = process(DefaultCodec::Bincode);
    assert!(encode(&types, &Id::User(1), Coding::default()).is_ok());
    assert!(encode(&types, &Id::Org(1), Coding::default()).is_err());
}

#[derive(Clone, Serialize, Deserialize)]
struct Secretive {
    #[serde(deserialize_with = "as_number")]
    password: String,
}

fn as_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    u64::deserialize(deserializer).map(|number| number.to_string())
}

#[test]
fn why_a_value_is_not_stored_is_said_without_the_value() {
    let types = process(DefaultCodec::Bincode);
    let value = Secretive { password: "hunter2".into() };
    let own = Some(codec_of::<Secretive, Json>());
    let error =
        encode(&types, &value, Coding { own, ..Coding::default() }).unwrap_err().to_string();
    for said in ["Secretive", "json: ", "messagepack: ", "bincode: ", "string \"..\"", "tier"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}

/// A type that panics when it is compared, printed or read.
#[derive(Clone, Serialize)]
struct Faulty(u8);

impl PartialEq for Faulty {
    fn eq(&self, _: &Self) -> bool {
        assert!(self.0 != 1, "compared");
        true
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("printed")
    }
}

impl<'de> Deserialize<'de> for Faulty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        assert!(number != 2, "read");
        Ok(Faulty(number))
    }
}

/// A type that panics when it is written.
#[derive(Clone, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("written")
    }
}

#[test]
fn a_panic_of_the_type_is_a_value_that_is_not_stored() {
    let types = process(DefaultCodec::Bincode);
    let coding = Coding { own: None, likeness: likeness!(Faulty) };
    assert!(encode(&types, &Faulty(0), coding).is_ok());
    for value in [1, 2] {
        let error = encode(&types, &Faulty(value), coding).unwrap_err();
        assert!(error.to_string().contains("its code panics"), "{error}");
    }
    assert!(encode(&types, &Unwritable, Coding::default()).is_err());
    let entry = unverified(&Faulty(2), codec::<Faulty>(DefaultCodec::Bincode));
    assert!(read::<Faulty>(&types, &entry, None).is_none());
}

fn limited(max_value_size: usize) -> Types {
    let compress_above = cfg!(feature = "compression").then_some(1_000);
    let config = CacheConfig { max_value_size, compress_above, ..CacheConfig::default() };
    Types::new(&config)
}

#[test]
fn a_value_over_the_limit_of_who_reads_is_a_miss() {
    let text = "x".repeat(5_000);
    for codec in DefaultCodec::ALL {
        for compressed in [false, cfg!(feature = "compression")] {
            let writer = if compressed { limited(10_000) } else { process(*codec) };
            let entry = writer
                .encode_unseen(
                    value_of(&text),
                    &value_of(&text).measure(false),
                    type_of::<String>().codec(*codec),
                )
                .unwrap();
            assert!(
                read::<String>(&limited(value_of(&text).size()), &entry, None).is_some(),
                "{codec:?}"
            );
            for limit in [100, 1_000, value_of(&text).size() - 1] {
                assert!(read::<String>(&limited(limit), &entry, None).is_none(), "{codec:?}");
            }
        }
    }
}

#[test]
fn whatever_is_under_the_limit_can_be_read() {
    let list = |value: serde_json::Value| vec![value; 1_000];
    let long_names =
        json!({"the longest of all the names that anybody has ever given to a number": 1});
    for value in [json!(1), json!(u64::MAX), json!("\0\0\0\0"), json!(""), json!({}), long_names] {
        let value = list(value);
        let types = limited(value_of(&value).size());
        for own in [None, Some(codec_of::<Vec<serde_json::Value>, Json>())] {
            let entry =
                encode(&types, &value, Coding { own, likeness: likeness!(Vec<serde_json::Value>) });
            assert_eq!(read(&types, &entry.unwrap(), own), Some(value.clone()));
        }
    }
    let options = vec![Some(Some(1_u8)); 1_000];
    let types = limited(value_of(&options).size());
    assert!(encode(&types, &options, Coding::default()).is_ok());
    let bytes = vec![200_u8; 1_000];
    let packed = Coding { own: Some(codec_of::<Vec<u8>, MessagePack>()), ..Coding::default() };
    assert!(encode(&limited(value_of(&bytes).size()), &bytes, packed).is_ok());
}

/// Returns the message with which a test of this value fails.
fn complaint<V>(value: &V) -> String
where
    V: crate::CacheValue + PartialEq + fmt::Debug,
{
    let checked = AssertUnwindSafe(|| crate::assert_round_trip(value));
    let panic = catch_unwind(checked).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    #[serde(skip)]
    password_hash: String,
}

#[test]
fn a_test_of_a_value_that_does_not_survive_says_what_is_lost() {
    let user = User { name: "ada".into(), password_hash: "$2b$".into() };
    let said = complaint(&user);
    for expected in [
        "::User` unchanged",
        "bincode: it decodes to another value",
        "- password_hash: \"$2b$\",",
        "+ password_hash: \"\",",
        "messagepack: ",
        "skip_serializing",
    ] {
        assert!(said.replace("-     ", "- ").replace("+     ", "+ ").contains(expected), "{said}");
    }
    assert!(!said.contains("ada"), "what is the same is not shown: {said}");
}

#[test]
fn a_test_of_a_value_that_survives_passes() {
    crate::assert_round_trip(&User { name: "ada".into(), password_hash: String::new() });
    crate::assert_round_trip(&Some(None::<u8>));
    crate::assert_round_trip(&json!({"a": [null, 1.5]}));
    crate::assert_round_trip(&vec![f64::NAN]);
    crate::assert_round_trip(&std::collections::HashSet::from([1, 2, 3]));
    crate::assert_round_trip(&Id::User(1));
    assert!(complaint(&vec![Id::Org(1)]).contains("messagepack: it decodes to another value"));
}
