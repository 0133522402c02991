//! The default codec.

use bincode::config;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::guard::{Guarded, Limits};
use super::{Codec, CodecError};

/// bincode 2 in its standard configuration: the smallest and fastest, without names.
///
/// It cannot carry self-describing types (`serde_json::Value`, untagged, internally tagged and
/// flattened ones) nor structs with `skip_serializing_if`; [`MessagePack`](super::MessagePack) can.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl Codec for Bincode {
    const ID: u8 = 1;
    const NAME: &'static str = "bincode";
    const HUMAN_READABLE: bool = false;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        bincode::serde::encode_into_std_write(value, out, config::standard())
            .map(drop)
            .map_err(CodecError::new)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        // The limit of bincode itself is a constant, so it cannot follow the length of the input. The guard
        // does.
        let limits = Limits::for_input(bytes);
        let (value, read) = bincode::serde::seed_decode_from_slice(
            Guarded::new(&limits),
            bytes,
            config::standard(),
        )
        .map_err(CodecError::new)?;
        if read == bytes.len() { Ok(value) } else { Err(CodecError::trailing(bytes.len() - read)) }
    }
}
