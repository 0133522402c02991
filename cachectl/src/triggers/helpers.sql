-- The text of a value in a name, as the templates of the attributes have it. `stop` is the character that
-- follows the value in the template, or empty.
create or replace function {escape}(value text, stop text) returns text
language sql immutable strict parallel safe as $escape$
select case
    when value = '' then mark || '-'
    when value !~ special and (stop = '' or position(stop in value) = 0) then value
    else (
        select string_agg(
            case
                when letter = stop or letter ~ special then
                    regexp_replace(upper(encode(convert_to(letter, 'UTF8'), 'hex')), '(..)', replacement, 'g')
                else letter
            end, '' order by place)
        from regexp_split_to_table(value, '') with ordinality as letters (letter, place)
    )
end
from (select
    case when stop = '%' then '^' else '%' end as mark,
    case when stop = '%' then $$^\1$$ else $$%\1$$ end as replacement,
    -- Separators, the characters of patterns, control characters, white space.
    $$[:%{{}}*?[\]^\\#~\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$$ as special
) as rule
$escape$;

-- A long text, as the cache shortens it: its beginning and a digest of the whole.
create or replace function {shorten}(whole text) returns text
language plpgsql immutable strict parallel safe as $shorten$
declare
    bytes bytea := convert_to(whole, 'UTF8');
    kept int := 150;
begin
    if length(bytes) <= 200 then
        return whole;
    end if;
    while get_byte(bytes, kept) & 192 = 128 loop
        kept := kept - 1;
    end loop;
    return convert_from(substring(bytes from 1 for kept), 'UTF8') || '~'
        || encode(substring(sha256(bytes) from 1 for 20), 'hex');
end
$shorten$;
