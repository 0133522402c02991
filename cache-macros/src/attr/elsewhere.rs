//! Options of other caches, and their equivalents here.
//!
//! Names are compared without underscores and in lower case, so `maxAge` and `max_age` are one.

use syn::Ident;
use syn::ext::IdentExt as _;

use crate::error::hint;

/// Some names, and the answer to each.
pub(super) type Answers = [(&'static [&'static str], &'static str)];

/// Returns the error for an option that an attribute does not have.
pub(super) fn unknown(name: &Ident, names: &[&str], elsewhere: &[&Answers]) -> syn::Error {
    let written = name.unraw().to_string();
    let plain = written.replace('_', "").to_lowercase();
    let mut answers = elsewhere.iter().copied().flatten();
    let known = answers.find(|(others, _)| others.contains(&plain.as_str()));
    let hint = known.map_or_else(|| hint(&written, names), |(_, answer)| (*answer).to_owned());
    syn::Error::new_spanned(name, format!("unknown option `{name}`: {hint}"))
}

const CAPACITY: &str = "`max_entries = 10_000` or `max_memory = \"8MiB\"` limits the memory of this function; \
                        `CACHE_MEMORY_CAPACITY` limits that of all";
const TTL: &str =
    "`ttl = 300` (seconds) or `ttl = \"5m\"` sets the time for which a value is fresh";
const TTL_IN_MILLISECONDS: &str = "`ttl = \"250ms\"` sets the time for which a value is fresh";
const IDLE: &str = "a value is fresh for its `ttl`, and reading it does not extend that: \
                    `stale_while_revalidate` or `early_refresh` refreshes a value that is in use";
const NAMING: &str = "`key_prefix = \"video\"` names the entries of a function";
const SHARED: &str = "remove it: concurrent calls with the same key share one run of the body by \
                      default, and `coalesce` changes that";
const STORE_TYPE: &str = "remove it, since all functions share one store; the size moves to `max_entries`, \
                          the lifespan to `ttl`";
const UNNEEDED: &str = "remove it: there is no cache to construct or to name, since all functions \
                        share one store";
const MANAGER: &str = "`manager = &self.cache` uses this `CacheManager` in place of the one of the scope or of the process";
const KEY: &str = "`key` sets the key of a call: `key = \"{id}:{lang}\"`, or an expression such as \
                   `key = (id, user.lang)`";
const STALE: &str = "`stale_while_revalidate = \"1m\"` serves the stale value for that time after its TTL, while \
                     a background refresh runs";
const WHERE: &str = "`tier = \"memory\"`, `\"redis\"` or `\"tiered\"` sets the stores of the values, and \
                     `REDIS_URL` is the address of Redis";
const CONDITION: &str = "`cache_if` decides which values are stored, and `bypass_if` excludes calls from \
                         the cache";
const CODEC: &str = "`codec = cache_runtime::MessagePack` sets the encoding of values in Redis";
const CHANGES: &str = "it belongs to `#[cache_invalidate]`, on the function that changes the data";

const EACH: &str = "`each(id in ids)` gives each id in the argument `ids` an entry of its own";

/// The options that are not known in `#[cached]`.
pub(super) const OF_CACHED: &Answers = &[
    (
        &[
            "time",
            "expire",
            "expiresin",
            "expiration",
            "expiry",
            "timeout",
            "lifetime",
            "lifespan",
            "maxage",
            "timetolive",
            "ttlsecs",
            "ttlseconds",
            "cachetimeout",
            "expireafterwrite",
            "duration",
            "seconds",
            "revalidate",
            "absoluteexpiration",
        ],
        TTL,
    ),
    (&["ttlmillis", "ttlms"], TTL_IN_MILLISECONDS),
    (
        &["expires", "expireafter"],
        "`ttl = \"5m\"` sets the time for which a value is fresh; `ttl = |value| value.expires_in` finds it in the value",
    ),
    (&["tti", "timetoidle", "idle", "expireafteraccess", "slidingexpiration", "timerefresh"], IDLE),
    (
        &["refresh"],
        "reading a value does not extend its TTL: `stale_while_revalidate` or `early_refresh` refreshes a \
         value that is in use, and `.cache_entry().refresh()` on a call loads it now",
    ),
    (
        &["forcerefresh", "force", "forcedupdate", "bypass", "skipcache", "nocache", "disable"],
        "`bypass_if` excludes calls from the cache, and `.cache_entry().refresh()` on a call \
         loads its value now",
    ),
    (
        &[
            "size",
            "maxsize",
            "capacity",
            "maxcapacity",
            "max",
            "limit",
            "maximumsize",
            "initialcapacity",
            "sharedcache",
            "maximumweight",
        ],
        CAPACITY,
    ),
    (
        &[
            "concurrency",
            "maxconcurrency",
            "maxconcurrent",
            "concurrent",
            "semaphore",
            "permits",
            "bulkhead",
        ],
        "`max_loads = 8` limits the bodies of this function that run at once, and `source = \"postgres\"` those of all \
         functions with this source",
    ),
    (
        &["unbound", "unbounded"],
        "remove it: the memory store is always bounded, by `CACHE_MEMORY_CAPACITY` (64 MiB)",
    ),
    (
        &["weigher"],
        "`weight = |value| value.len()` returns the size of a value in memory; without it, sizes are \
         measured, and `CACHE_MEMORY_CAPACITY` bounds their sum",
    ),
    (
        &["evictionpolicy", "evictionlistener", "policy", "lru", "lfu"],
        "remove it: the memory store itself chooses what to evict",
    ),
    (
        &["result"],
        "remove it: of a `Result`, only `Ok` is stored, which is recognised by the type; \
         `output = \"plain\"` stores errors too",
    ),
    (
        &["cacheerr"],
        "`output = \"plain\"` stores errors too; without it, only the `Ok` of a `Result` is stored",
    ),
    (
        &["option"],
        "`cache_none = false` does not store a `None`; without it, a `None` is stored, and `negative_ttl` \
         gives it another TTL",
    ),
    (
        &["skipnil", "skipnone", "unlessnone", "cachenull", "cachenullvalues"],
        "`cache_none = false` does not store a `None`",
    ),
    (
        &["resultfallback", "fallback", "staleonerror", "serveonerror"],
        "`stale_if_error = \"1h\"` serves the stale value if a load fails",
    ),
    (
        &["withcachedflag", "cachedflag", "wascached"],
        "`.cache_entry().fetch()` on a call returns the source and the age of its value; the function \
         returns the value without its `Return<..>`",
    ),
    (
        &["convert"],
        "`key` takes this expression, and not a type: `key = format!(\"{id}:{lang}\")`; in quotes, it is a \
         template: `key = \"{id}:{lang}\"`",
    ),
    (&["keygenerator", "keybuilder", "makename", "keyfn", "keyby", "hashmethod"], KEY),
    (
        &["ignore", "exclude", "argstoignore", "skipargs", "noself"],
        "`skip(db, self)` leaves arguments out of the key",
    ),
    (&["include", "vary", "varyon", "varybyquery", "varybyheader", "keys", "args"], KEY),
    (
        &["name"],
        "`key_prefix = \"video\"` names the entries of a function; `.cache_entry()` on a call acts on one of them",
    ),
    (&["cache", "cachename", "cachenames", "value", "alias", "group", "region"], NAMING),
    (
        &["namespace"],
        "the whole process has one namespace: set `CACHE_NAMESPACE`; `key_prefix = \"video\"` \
         names the entries of a function",
    ),
    (&["ty", "type", "create"], STORE_TYPE),
    (
        &[
            "createexpr",
            "inimpl",
            "keytype",
            "companions",
            "companionsvis",
            "shards",
            "unsyncreads",
            "customhasher",
            "hasherinit",
            "hasher",
            "support",
            "supportfuture",
            "supportinvalidationclosures",
            "typed",
            "threadlocal",
            "global",
        ],
        UNNEEDED,
    ),
    (&["cachemanager", "cacheresolver"], MANAGER),
    (
        &["recordstats", "stats", "metrics"],
        "remove it: every function is counted, see `CacheManager::stats`",
    ),
    (
        &["maperror"],
        "remove it: the cache never fails the caller, so there is no error to map; when Redis \
         cannot be used, the body runs",
    ),
    (&["redis", "backend", "store", "storage", "io", "local", "remote", "connectionconfig"], WHERE),
    (
        &["disk", "diskdir", "durable", "synctodiskoncachechange"],
        "there is no store on disk: `tier = \"redis\"` keeps values in Redis, where they survive a \
         restart",
    ),
    (&["cacheprefixblock"], "`key_prefix` takes a literal or the path of a `const &str`"),
    (
        &["condition", "unless", "when", "if", "cachewhen", "iscacheable", "responsefilter"],
        CONDITION,
    ),
    (
        &[
            "sync",
            "syncwrites",
            "synclock",
            "syncwritesbuckets",
            "lock",
            "singleflight",
            "protected",
            "dedupe",
        ],
        SHARED,
    ),
    (&["racettl", "raceconditionttl", "swr", "graceperiod", "stale", "staleperiod"], STALE),
    (
        &["earlyttl", "beta", "refreshafterwrite", "refreshahead", "refreshthreshold", "prefetch"],
        "`early_refresh = 1.0` refreshes a value in the background before its TTL ends",
    ),
    (&["serializer", "serialize", "serde", "format", "encoding"], CODEC),
    (
        &["compress", "compression"],
        "the configuration compresses values for Redis, see `CacheConfig::compress_above`",
    ),
    (&["tag"], "`tags` takes a list: `tags = [\"user:{user_id}\"]`"),
    (&["entries", "invalidates", "evict", "allentries", "beforeinvocation"], CHANGES),
    (&["batch", "batched", "bulk", "many", "multi", "multiget", "foreach"], EACH),
    (
        &["batchsize", "maxbatchsize", "chunksize"],
        "`max_batch = 100` limits the ids of one run of the body of a function with `each(id in ids)`",
    ),
];

/// The options that are not known in `#[cache_invalidate]` and `#[cache_put]`.
pub(super) const OF_CHANGES: &Answers = &[
    (&["key", "keygenerator"], "`entry = get_video(id)` names one entry"),
    (&["entries"], "it is `entry`, repeated: `entry = get_video(1), entry = get_video(2)`"),
    (&["condition", "unless", "cacheif", "bypassif"], "`if = |result| ..` decides by the result"),
    (
        &["beforeinvocation", "before"],
        "`when = \"before\"` invalidates before the body; the default, `when = \"success\"`, after it",
    ),
    (&["allentries", "all"], "`prefix = \"video\"` invalidates everything below a prefix"),
    (
        &[
            "name",
            "cache",
            "cachename",
            "cachenames",
            "value",
            "namespace",
            "group",
            "region",
            "pattern",
        ],
        "`prefix = \"video\"` invalidates the entries with this `key_prefix`, and `entry = get_video(id)` one entry",
    ),
    (&["tag"], "`tags` takes a list: `tags = [\"user:{user_id}\"]`"),
    (&["cachemanager", "cacheresolver"], MANAGER),
    (
        &[
            "ttl",
            "skip",
            "version",
            "negativettl",
            "cachenone",
            "tier",
            "codec",
            "stalewhilerevalidate",
            "staleiferror",
            "source",
            "maxloads",
            "shed",
            "output",
            "time",
            "expire",
        ],
        "it belongs to `#[cached]`, on the function whose values are stored",
    ),
];
