//! The self-describing codec.

use std::io::Cursor;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed as _};

use super::guard::{Guarded, Limits};
use super::{Codec, CodecError};

/// MessagePack with the names of fields: larger and slower, and self-describing.
///
/// It carries what the positional formats cannot: `serde_json::Value`, untagged, internally tagged
/// and flattened types, and structs with `skip_serializing_if`. It cannot carry `Some(None)`, which it
/// writes as `None`; [`Bincode`](super::Bincode) can.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for MessagePack {
    const ID: u8 = 2;
    const NAME: &'static str = "messagepack";
    const HUMAN_READABLE: bool = false;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
        value.serialize(&mut serializer).map_err(CodecError::new)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        // rmp-serde limits the depth of arrays and maps itself, but not that of options and newtypes, which
        // take no input: `struct List(Option<Box<List>>)` would recurse forever.
        let limits = Limits::for_input(bytes);
        let mut deserializer = rmp_serde::Deserializer::new(Cursor::new(bytes));
        let value =
            Guarded::new(&limits).deserialize(&mut deserializer).map_err(CodecError::new)?;
        match bytes.len() - deserializer.position() as usize {
            0 => Ok(value),
            rest => Err(CodecError::trailing(rest)),
        }
    }
}
