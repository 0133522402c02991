//! The encodings of values in Redis.

mod bincode;
mod guard;
mod message_pack;
#[cfg(feature = "postcard")]
mod postcard;
#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use crate::error::CodecError;

pub use self::bincode::Bincode;
pub use self::message_pack::MessagePack;
#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;

/// A format for values in Redis.
///
/// An implementation need not support every type (a positional format cannot): the cache decodes each
/// value before it is stored, and uses [`MessagePack`] or [`Bincode`] if the value has changed. But
/// `decode` must be total: for any bytes it returns a value or an error, without a panic, and without
/// allocating more than their length justifies.
///
/// ```
/// use cache_runtime::{Codec, CodecError};
/// use serde::{Serialize, de::DeserializeOwned};
///
/// struct Json;
///
/// impl Codec for Json {
///     const ID: u8 = 200;
///     const NAME: &'static str = "json";
///     const HUMAN_READABLE: bool = true;
///
///     fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
///         serde_json::to_writer(out, value).map_err(CodecError::new)
///     }
///
///     fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
///         serde_json::from_slice(bytes).map_err(CodecError::new)
///     }
/// }
///
/// let mut bytes = Vec::new();
/// Json::encode(&[1, 2], &mut bytes)?;
/// assert_eq!(Json::decode::<Vec<u8>>(&bytes)?, [1, 2]);
/// # Ok::<(), CodecError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a codec",
    label = "does not implement `cache_runtime::Codec`",
    note = "`codec` takes a type that implements `cache_runtime::Codec`, such as `cache_runtime::Bincode` or `cache_runtime::MessagePack`"
)]
pub trait Codec: Send + Sync + 'static {
    /// The number that is stored with each value. Numbers below 128 are reserved for this crate.
    const ID: u8;

    /// The name of the codec in logs and statistics.
    const NAME: &'static str;

    /// The result of `is_human_readable` of its serializers.
    const HUMAN_READABLE: bool;

    /// Appends the bytes of `value` to `out`.
    ///
    /// # Errors
    /// If the format cannot represent the value, or its `Serialize` fails. The bytes that were appended
    /// to `out` are then meaningless.
    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a value back from all of `bytes`.
    ///
    /// # Errors
    /// If the bytes are not exactly one value of this type.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// The codec of functions that have none of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DefaultCodec {
    /// [`Bincode`].
    #[default]
    Bincode,
    /// [`MessagePack`].
    MessagePack,
    /// [`Postcard`].
    #[cfg(feature = "postcard")]
    Postcard,
}

impl DefaultCodec {
    pub(crate) const ALL: &[DefaultCodec] = &[
        DefaultCodec::Bincode,
        DefaultCodec::MessagePack,
        #[cfg(feature = "postcard")]
        DefaultCodec::Postcard,
    ];
}
