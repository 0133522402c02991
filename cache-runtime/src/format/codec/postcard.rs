//! The alternative positional codec.

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed as _};

use super::guard::{Guarded, Limits};
use super::{Codec, CodecError};

/// postcard: as compact as [`Bincode`](super::Bincode), with the same kinds of types it cannot
/// carry, and a specified format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl Codec for Postcard {
    const ID: u8 = 3;
    const NAME: &'static str = "postcard";
    const HUMAN_READABLE: bool = false;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        postcard::to_io(value, out).map(drop).map_err(CodecError::new)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let limits = Limits::for_input(bytes);
        let mut deserializer = postcard::Deserializer::from_bytes(bytes);
        let value =
            Guarded::new(&limits).deserialize(&mut deserializer).map_err(CodecError::new)?;
        match deserializer.finalize().map_err(CodecError::new)? {
            [] => Ok(value),
            rest => Err(CodecError::trailing(rest.len())),
        }
    }
}
