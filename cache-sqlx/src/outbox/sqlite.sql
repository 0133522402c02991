create table if not exists cache_outbox (
    -- An id is never used again: a relay deletes the rows that it has read by their ids.
    id integer primary key autoincrement,
    namespace text not null default '',
    kind text not null check (kind in ('name', 'prefix', 'tag', 'pattern', 'everything')),
    target text not null default '',
    written_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    failures integer not null default 0,
    failure text
);
create index if not exists cache_outbox_open on cache_outbox (namespace, id) where failures = 0;
