//! The bytes of values and entries: codecs, the shape of types, and the envelope.

pub(crate) mod codec;
pub(crate) mod entry;
pub(crate) mod shape;
