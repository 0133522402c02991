//! Typed values as entries in Redis, and back.
//!
//! A codec that cannot carry a type often says so only when decoding. So the first value of each
//! type is decoded again before it is stored; if that fails, or gives another shape, the type
//! uses the self-describing codec from then on. The same is tried again whenever an entry of the
//! type could not be decoded, since what a codec can carry may depend on the value.

mod erased;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use smallvec::SmallVec;

pub(crate) use erased::{AnyValue, Value, ValueCodec, ValueType, codec_of, owned, type_of};

use crate::codec::DefaultCodec;
use crate::entry;
use crate::error::Error;

/// So many digests are remembered as verified for each type.
const VERIFIED: usize = 8;

/// A value ready to be put into an entry.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) codec: u8,
    pub(crate) compressed: bool,
    pub(crate) shape: u64,
    pub(crate) payload: Vec<u8>,
}

/// What is known of the stored types.
#[derive(Debug)]
pub(crate) struct Types {
    known: RwLock<HashMap<TypeId, Arc<TypeFacts>>>,
    codec: DefaultCodec,
    compress_above: Option<usize>,
}

#[derive(Debug)]
struct TypeFacts {
    /// The next value is decoded again before it is stored.
    verify: AtomicBool,
    self_describing: AtomicBool,
    verified: Mutex<SmallVec<[u64; VERIFIED]>>,
}

impl Types {
    pub(crate) fn new(codec: DefaultCodec, compress_above: Option<usize>) -> Self {
        Types { known: RwLock::default(), codec, compress_above }
    }

    /// Encodes a value with the call site's own codec, or the configured one.
    pub(crate) fn encode(
        &self,
        value: &dyn AnyValue,
        own: Option<&dyn ValueCodec>,
    ) -> Result<Encoded, Error> {
        if let Some(codec) = own {
            return self.encode_with(value, codec);
        }
        let (of, facts) = (value.of(), self.facts(value.of()));
        if !facts.self_describing.load(Ordering::Relaxed) {
            let codec = of.codec(self.codec);
            match self.encode_with(value, codec) {
                Ok(encoded) if self.carries(&facts, codec, &encoded) => return Ok(encoded),
                _ => facts.change_codec(codec.name(), of.name()),
            }
        }
        self.encode_with(value, of.codec(DefaultCodec::MessagePack))
    }

    /// The value of an entry, if it decodes exactly to the shape that was written.
    pub(crate) fn decode(
        &self,
        header: &entry::Header<'_>,
        payload: &[u8],
        of: &dyn ValueType,
        own: Option<&dyn ValueCodec>,
    ) -> Option<Value> {
        let facts = self.facts(of);
        let value = decode(header, payload, of, own, &facts);
        if value.is_none() {
            facts.verify.store(true, Ordering::Relaxed);
        }
        value
    }

    fn encode_with(&self, value: &dyn AnyValue, codec: &dyn ValueCodec) -> Result<Encoded, Error> {
        let failed = |message: String| Error::Encode { type_name: value.of().name(), message };
        let mut payload = Vec::new();
        codec.encode(value, &mut payload).map_err(|error| failed(error.to_string()))?;
        let shape = value
            .shape(codec.human_readable())
            .ok_or_else(|| failed("its `Serialize` failed".into()))?;
        let packed = self
            .compress_above
            .filter(|above| payload.len() > *above)
            .and_then(|_| entry::compress(&payload).filter(|packed| packed.len() < payload.len()));
        let compressed = packed.is_some();
        Ok(Encoded { codec: codec.id(), compressed, shape, payload: packed.unwrap_or(payload) })
    }

    /// Whether the codec gives back what it was given, tried out where that is not known.
    fn carries(&self, facts: &TypeFacts, codec: &dyn ValueCodec, encoded: &Encoded) -> bool {
        if !facts.verify.load(Ordering::Relaxed) {
            return true;
        }
        let Some(payload) = unpack(encoded.compressed, &encoded.payload) else {
            return false;
        };
        let same = codec
            .decode(&payload)
            .is_ok_and(|back| back.shape(codec.human_readable()) == Some(encoded.shape));
        if same {
            facts.verify.store(false, Ordering::Relaxed);
        }
        same
    }

    fn facts(&self, of: &dyn ValueType) -> Arc<TypeFacts> {
        let id = of.id();
        if let Some(facts) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(facts);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(id).or_insert_with(|| Arc::new(TypeFacts::new())))
    }
}

impl TypeFacts {
    fn new() -> Self {
        TypeFacts {
            verify: AtomicBool::new(true),
            self_describing: AtomicBool::new(false),
            verified: Mutex::default(),
        }
    }

    fn change_codec(&self, codec: &str, type_name: &str) {
        if !self.self_describing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                type_name,
                codec,
                "this codec cannot carry the type; its values are stored as MessagePack"
            );
        }
    }

    fn is_verified(&self, shape: u64) -> bool {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(&shape)
    }

    /// Remembers a digest, in the place of the oldest.
    fn verified(&self, shape: u64) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() == VERIFIED {
            verified.remove(0);
        }
        verified.push(shape);
    }
}

fn decode(
    header: &entry::Header<'_>,
    payload: &[u8],
    of: &dyn ValueType,
    own: Option<&dyn ValueCodec>,
    facts: &TypeFacts,
) -> Option<Value> {
    let codec = codec_by_id(header.state.codec(), of, own)?;
    let payload = unpack(header.compressed, payload)?;
    let value = codec.decode(&payload).ok()?;
    if facts.is_verified(header.shape) {
        return Some(value);
    }
    if value.shape(codec.human_readable()) != Some(header.shape) {
        return None;
    }
    facts.verified(header.shape);
    Some(value)
}

/// The codec that wrote an entry, if this program has it.
fn codec_by_id<'a>(
    id: u8,
    of: &dyn ValueType,
    own: Option<&'a dyn ValueCodec>,
) -> Option<&'a dyn ValueCodec> {
    let known = DefaultCodec::ALL.iter().map(|codec| of.codec(*codec) as &dyn ValueCodec);
    own.into_iter().chain(known).find(|codec| codec.id() == id)
}

/// What the codec of this number is called, if it is one of ours.
pub(crate) fn codec_name(id: u8) -> Option<&'static str> {
    codec_by_id(id, type_of::<()>(), None).map(|codec| codec.name())
}

/// The payload as the codec wrote it; `None` if it cannot be decompressed.
pub(crate) fn unpack(compressed: bool, payload: &[u8]) -> Option<std::borrow::Cow<'_, [u8]>> {
    if compressed { entry::decompress(payload).map(Into::into) } else { Some(payload.into()) }
}
