create table if not exists cache_outbox (
    id bigint generated always as identity primary key,
    namespace text not null default '',
    kind text not null check (kind in ('name', 'prefix', 'tag', 'pattern', 'everything')),
    target text not null default '',
    written_at timestamptz not null default now(),
    failures int not null default 0,
    failure text
);
create index if not exists cache_outbox_open on cache_outbox (namespace, id) where failures = 0;
