//! Typed values as entries in Redis, and back.
//!
//! R5: a value is stored only if it comes back unchanged. A type may write another form than it reads. A
//! codec that cannot represent a type often fails only when it decodes, or not at all. Both may depend on the
//! value. So each value is decoded again from the encoded bytes, and compared, before they are stored. If a
//! codec does not return it unchanged, the self-describing codec is tried, then the default one. If none of
//! them does, the value is not stored.

mod comparable;
mod erased;
mod form;
mod kind;
mod likeness;
mod losses;
mod round_trip;
#[cfg(test)]
mod tests;

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::SmallVec;

pub use comparable::{
    CanBeCompared, Comparable, NotComparable, ProbeContent, ProbeIncomparable, ProbePartialEq,
    comparable,
};
pub(crate) use erased::{Value, ValueCodec, ValueRef, ValueType, owned};
pub(crate) use form::{Form, codec_of, type_of, value_of};
pub(crate) use kind::type_stored_by;
pub use kind::{MemoryKind, StoredKind};
pub(crate) use likeness::Likeness;
pub use likeness::{Equality, Printing, ProbeEqual, ProbePrint, ProbeUnequal, ProbeUnprinted};
pub(crate) use losses::Losses;
pub use round_trip::assert_round_trip;

use crate::config::CacheConfig;
use crate::error::Error;
use crate::format::codec::{CodecError, DefaultCodec};
use crate::format::entry;
use crate::format::shape::Measures;
use crate::key::prehashed::BuildPrehashed;
use crate::support::lock::{Mutex, RwLock};
use crate::support::panics::unless_panicking;

/// The maximum number of verified digests that are remembered, for each type in each codec.
const VERIFIED: usize = 8;
/// The maximum size of an encoded value, as a multiple of the value: it may contain field names and text.
const EXPANSION: usize = 8;
/// The maximum size of a value, as a multiple of its encoding: a number of eight bytes may be encoded in one.
const DENSITY: usize = 16;

/// A value in the form in which it is put into an entry.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) codec: u8,
    pub(crate) compressed: bool,
    pub(crate) shape: u64,
    pub(crate) payload: Vec<u8>,
}

/// The encoding and the comparison of the values of one function; both are unset for direct values.
#[derive(Clone, Copy, Default)]
pub(crate) struct Coding {
    /// The codec of the function's attribute.
    pub(crate) own: Option<&'static dyn ValueCodec>,
    pub(crate) likeness: Likeness,
}

/// Encodes and decodes the values of one cache.
#[derive(Debug)]
pub(crate) struct Types {
    /// The facts of a type in a codec, by the [identity](ValueCodec::identity) of the pair.
    known: RwLock<HashMap<TypeId, Arc<TypeFacts>, BuildPrehashed>>,
    codec: DefaultCodec,
    compress_above: Option<usize>,
    /// The maximum size of a value, in bytes.
    largest: usize,
}

#[derive(Debug, Default)]
struct TypeFacts {
    /// True if another codec had to be used for a value. This codec is then tried last.
    fails: AtomicBool,
    /// The shapes that were the same for an encoded value and for its decoded form.
    verified: Mutex<SmallVec<[u64; VERIFIED]>>,
}

/// The reason for which a codec cannot be used for a value.
#[derive(Debug)]
enum Unfit {
    Encode(String),
    Decode(String),
    Differs,
    Panics,
    TooLong(usize),
}

impl Types {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        let CacheConfig { codec, compress_above, max_value_size: largest, .. } = *config;
        Types { known: RwLock::default(), codec, compress_above, largest }
    }

    /// Encodes a value of these measures with the function's own codec or the configured one. If the value
    /// would not come back unchanged, other codecs are tried.
    ///
    /// # Errors
    /// [`Error::Encode`] if its `Serialize` fails, [`Error::Lossy`] if no codec returns it unchanged.
    pub(crate) fn encode(
        &self,
        value: ValueRef<'_>,
        measures: &Measures,
        coding: Coding,
    ) -> Result<Encoded, Error> {
        let of = value.of();
        let first = coding.own.unwrap_or_else(|| of.codec(self.codec));
        let facts = self.facts(first);
        let mut codecs = distinct(first, of);
        if facts.fails.load(Ordering::Relaxed) {
            codecs.rotate_left(1);
        }
        let mut unfit = Vec::new();
        for codec in codecs {
            match self.encode_with(value, measures, codec, coding.likeness) {
                Ok(encoded) => {
                    if codec.identity() != first.identity() {
                        facts.change_codec(first, codec, of, &unfit);
                    }
                    return Ok(encoded);
                }
                Err(why) => unfit.push((codec.name(), why)),
            }
        }
        Err(refused(of.name(), &unfit))
    }

    /// Returns the value of an entry, if it decodes exactly to the shape that was written, and is not over
    /// the limit.
    pub(crate) fn decode(
        &self,
        header: &entry::Header<'_>,
        payload: &[u8],
        of: &dyn ValueType,
        own: Option<&dyn ValueCodec>,
    ) -> Option<Value> {
        let codec = codec_by_id(header.state.codec(), of, own)?;
        let payload = self.unpack(header.compressed, payload)?;
        // A refused value is dropped inside the closure as well.
        unless_panicking(|| self.decode_with(codec, header, &payload)).flatten()
    }

    fn decode_with(
        &self,
        codec: &dyn ValueCodec,
        header: &entry::Header<'_>,
        payload: &[u8],
    ) -> Option<Value> {
        let value = codec.decode(payload).ok()?;
        if payload.len() > self.largest / DENSITY && value.as_ref().size() > self.largest {
            return None;
        }
        let facts = self.facts(codec);
        if !facts.is_verified(header.shape) {
            if value.as_ref().shape(codec.human_readable()) != Some(header.shape) {
                return None;
            }
            facts.verified(header.shape);
        }
        Some(value)
    }

    /// Returns the payload in the form of the codec; `None` if it cannot be decompressed, or is larger than
    /// the payload of any stored value.
    pub(crate) fn unpack<'a>(&self, compressed: bool, payload: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let limit = self.longest();
        if payload.len() > limit {
            return None;
        }
        if compressed {
            entry::decompress(payload, limit).map(Into::into)
        } else {
            Some(payload.into())
        }
    }

    /// Returns the maximum number of bytes of a payload.
    fn longest(&self) -> usize {
        self.largest.saturating_mul(EXPANSION)
    }

    /// Encodes a value with this codec, if it comes back unchanged.
    fn encode_with(
        &self,
        value: ValueRef<'_>,
        measures: &Measures,
        codec: &dyn ValueCodec,
        likeness: Likeness,
    ) -> Result<Encoded, Unfit> {
        let encode = || {
            let encoded = self.encode_unseen(value, measures, codec)?;
            let payload = self.unpack(encoded.compressed, &encoded.payload);
            let payload = payload.ok_or(Unfit::Differs)?;
            let back = codec.decode(&payload).map_err(|error| Unfit::Decode(error.to_string()))?;
            let same_bytes = || {
                let mut again = Vec::with_capacity(payload.len());
                codec.encode(back.as_ref(), &mut again).is_ok() && again == *payload
            };
            let same = likeness.holds(value, back.as_ref(), same_bytes);
            if same { Ok(encoded) } else { Err(Unfit::Differs) }
        };
        unless_panicking(encode).unwrap_or(Err(Unfit::Panics))
    }

    fn encode_unseen(
        &self,
        value: ValueRef<'_>,
        measures: &Measures,
        codec: &dyn ValueCodec,
    ) -> Result<Encoded, Unfit> {
        let mut payload = Vec::new();
        codec.encode(value, &mut payload).map_err(|error| Unfit::Encode(error.to_string()))?;
        if payload.len() > self.longest() {
            return Err(Unfit::TooLong(payload.len()));
        }
        let shape = match codec.human_readable() {
            true if measures.has_two_shapes => value.shape(true),
            _ => measures.shape,
        };
        let shape = shape.ok_or_else(|| Unfit::Encode("its `Serialize` failed".into()))?;
        let packed = self
            .compress_above
            .filter(|above| payload.len() > *above)
            .and_then(|_| entry::compress(&payload).filter(|packed| packed.len() < payload.len()));
        let compressed = packed.is_some();
        Ok(Encoded { codec: codec.id(), compressed, shape, payload: packed.unwrap_or(payload) })
    }

    fn facts(&self, codec: &dyn ValueCodec) -> Arc<TypeFacts> {
        let id = codec.identity();
        if let Some(facts) = self.known.read().get(&id) {
            return Arc::clone(facts);
        }
        let mut known = self.known.write();
        Arc::clone(known.entry(id).or_default())
    }
}

impl TypeFacts {
    fn change_codec(
        &self,
        from: &dyn ValueCodec,
        to: &dyn ValueCodec,
        of: &dyn ValueType,
        unfit: &[(&str, Unfit)],
    ) {
        if !self.fails.swap(true, Ordering::Relaxed) {
            let reason = unfit.iter().find(|(codec, _)| *codec == from.name());
            tracing::warn!(
                type_name = of.name(),
                codec = from.name(),
                reason = reason.map(|(_, why)| why.to_string()),
                instead = to.name(),
                "this codec cannot represent every value of the type; another one is used instead"
            );
        }
    }

    fn is_verified(&self, shape: u64) -> bool {
        self.verified.lock().contains(&shape)
    }

    /// Remembers a digest in place of the oldest one.
    fn verified(&self, shape: u64) {
        let mut verified = self.verified.lock();
        if verified.len() == VERIFIED {
            verified.remove(0);
        }
        verified.push(shape);
    }
}

/// Returns the codecs that are tried for a value, in their order.
fn distinct<'a>(
    first: &'a dyn ValueCodec,
    of: &dyn ValueType,
) -> SmallVec<[&'a dyn ValueCodec; 3]> {
    let others = [of.codec(DefaultCodec::MessagePack), of.codec(DefaultCodec::Bincode)];
    let others = others.into_iter().map(|codec| codec as &dyn ValueCodec);
    let others = others.filter(|codec| codec.identity() != first.identity());
    std::iter::once(first).chain(others).collect()
}

fn refused(type_name: &'static str, unfit: &[(&'static str, Unfit)]) -> Error {
    let all = unfit.iter().map(|(codec, why)| format!("{codec}: {why}"));
    let message = all.collect::<Vec<_>>().join("; ");
    if unfit.iter().all(|(_, why)| matches!(why, Unfit::Encode(_))) {
        return Error::Encode { type_name, source: CodecError::new(message) };
    }
    Error::Lossy { type_name, message }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Encode(error) => write!(f, "{}", Unquoted(error)),
            Unfit::Decode(error) => write!(f, "it cannot be decoded again ({})", Unquoted(error)),
            Unfit::Differs => f.write_str("it decodes to another value"),
            Unfit::Panics => f.write_str("its code panics"),
            Unfit::TooLong(bytes) => write!(f, "it takes {bytes} bytes"),
        }
    }
}

/// A text of serde without its quotations of the value, which may be secret.
struct Unquoted<'a>(&'a str);

impl fmt::Display for Unquoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.split('"').enumerate() {
            match i % 2 {
                0 => f.write_str(part)?,
                _ => f.write_str("\"..\"")?,
            }
        }
        Ok(())
    }
}

/// Returns the codec that wrote an entry, if this program has that codec.
fn codec_by_id<'a>(
    id: u8,
    of: &dyn ValueType,
    own: Option<&'a dyn ValueCodec>,
) -> Option<&'a dyn ValueCodec> {
    let known = DefaultCodec::ALL.iter().map(|codec| of.codec(*codec) as &dyn ValueCodec);
    own.into_iter().chain(known).find(|codec| codec.id() == id)
}

/// Returns the name of the codec with this number, if it is one of this crate.
pub(crate) fn codec_name(id: u8) -> Option<&'static str> {
    codec_by_id(id, type_of::<()>(), None).map(|codec| codec.name())
}
