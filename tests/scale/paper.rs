//! The constants that `docs/capacity.md` calculates with, and how many bytes
//! a notice is.

/// The value of all measurements: a text of this many bytes.
pub(crate) const VALUE: usize = 100;
/// The namespace of all measurements.
pub(crate) const NAMESPACE: &str = "shop";

/// Bytes in Redis of an entry that is named after its function (`shop:article:article:` and 40 digits).
pub(crate) const NAMED_BY_FUNCTION: f64 = 410.0;
/// Bytes in Redis of an entry with a short name (`shop:a:0:100000`).
pub(crate) const NAMED_SHORT: f64 = 360.0;
/// Bytes in Redis of a token (`shop:#t:a:100000`).
pub(crate) const TOKEN: f64 = 150.0;
/// Bytes of a copy in memory, as it is weighed.
pub(crate) const COPY: f64 = 400.0;

/// Connections of an instance that has one runtime, by default: two for commands, one for the feed.
pub(crate) const CONNECTIONS: f64 = 3.0;
/// Bytes in Redis of an instance's connections that have just been used, at most.
pub(crate) const CONNECTIONS_BYTES: f64 = 150_000.0;

/// The number of pings that an instance sends to the feed per second.
pub(crate) const PINGS: f64 = 2.0;
/// Bytes of a ping and its answer.
pub(crate) const PING_BYTES: f64 = 21.0;
/// Bytes of a health check and its answers.
pub(crate) const CHECK_BYTES: f64 = 2_200.0;
/// Bytes of a report of statistics and its answer, where one number of one function has grown.
pub(crate) const REPORT_BYTES: f64 = 265.0;

/// Counters for names, and as many for tags, at the default capacity of 64 MiB.
pub(crate) const SLOTS: f64 = (1 << 19) as f64;
/// The number of tags in the token cache.
pub(crate) const TOKEN_CACHE: f64 = 16_384.0;
/// The default of `CACHE_MEMORY_CAPACITY`.
pub(crate) const CAPACITY: f64 = (64 << 20) as f64;

/// Returns the bytes of a notice about these keys, on the wire to one subscriber: a push of RESP3 with the
/// word `message`, the channel and the payload, which is a version, a source, and for each key its kind and
/// length.
pub(crate) fn notice_bytes(namespace: &str, keys: &[&str]) -> usize {
    let payload = 1 + 8 + keys.iter().map(|key| 1 + 2 + key.len()).sum::<usize>();
    let channel = namespace.len() + ":#feed".len();
    ">3\r\n".len() + [7, channel, payload].into_iter().map(bulk).sum::<usize>()
}

fn bulk(bytes: usize) -> usize {
    "$\r\n\r\n".len() + bytes.to_string().len() + bytes
}
