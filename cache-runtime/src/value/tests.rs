#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]
#![allow(clippy::needless_borrow, reason = "as generated code asks: look-up begins at `&&`")]

mod dice;
mod known;
mod passes;
mod roam;
mod zoo;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::format::codec::{Codec, CodecError};
use crate::format::entry::{Header, StateId};

/// Returns the comparison of the values of a type, as in generated code.
macro_rules! likeness {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "one of each two is taken")]
        use crate::value::{
            ProbeEqual as _, ProbePrint as _, ProbeUnequal as _, ProbeUnprinted as _,
        };
        let kind = crate::output::kind_plain::<$type>();
        let (equality, printing) = ((&&kind).__cache_equality(), (&&kind).__cache_printing());
        crate::value::Likeness { equality, printing }
    }};
}
use likeness;

/// A codec of a user, which encodes text and numbers in another form.
struct Json;

impl Codec for Json {
    const ID: u8 = 200;
    const NAME: &'static str = "json";
    const HUMAN_READABLE: bool = true;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(out, value).map_err(CodecError::new)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::new)
    }
}

/// Encodes a value in the same way as a load.
fn encode<V: crate::CacheValue>(
    types: &Types,
    value: &V,
    coding: Coding,
) -> Result<Encoded, Error> {
    let value = value_of(value);
    let panics = || Error::Panics { type_name: value.of().name() };
    let measures = unless_panicking(|| value.measure(false)).ok_or_else(panics)?;
    types.encode(value, &measures, coding)
}

/// Returns the state of a process that has just been started.
fn process(codec: DefaultCodec) -> Types {
    let compress_above = cfg!(feature = "compression").then_some(100);
    Types::new(&CacheConfig { codec, compress_above, ..CacheConfig::default() })
}

/// Reads an entry in this process.
fn read<V: crate::CacheValue>(
    process: &Types,
    entry: &Encoded,
    own: Option<&'static dyn ValueCodec>,
) -> Option<V> {
    let header = Header {
        state: StateId::value(entry.codec, 1),
        compressed: entry.compressed,
        origin: 0,
        shape: entry.shape,
        fingerprint: 0,
        created_ms: 0,
        fresh_for_ms: 0,
        load_micros: 0,
        root: 0,
        tags: SmallVec::new(),
    };
    process.decode(&header, &entry.payload, type_of::<V>(), own).and_then(owned)
}
