//! The scripts that Redis runs in one step, and their calls.

use redis::{Cmd, cmd};

use super::error::StoreResult;
use super::lane::Lane;
use super::node::Node;

/// The number of bytes that identify the state of a key: the first 12 of a value or placeholder (see
/// `entry`).
pub(super) const STATE_BYTES: usize = 12;

/// Begins a load. If the key is absent or holds the entry that was found stale, the placeholder is set. Any
/// other content stays, and is the state to store over. An entry then lives at least as long as a placeholder
/// would. Then the tokens are noted, and missing ones are made. A put begins in the same way, and sets its
/// placeholder over any content. So no older load or put can store any more.
///
/// KEYS: name, tokens. ARGV: placeholder, its ms, state found stale, '' or '*' for a put, tokens' ms or
/// -1, new tokens.
/// Returns the state, then the tokens.
///
/// R1, R2: placeholder and tokens are set before the body runs.
const BEGIN: &str = r"
local found = got(redis.pcall('GETRANGE', KEYS[1], 0, 11))
if type(found) == 'table' or ARGV[3] == '*' then
  redis.call('DEL', KEYS[1])
  found = ''
end
if found == '' or found == ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  found = ARGV[1]
elseif string.sub(found, 2, 2) == 'V' then
  redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
end
local reply = {found}
for i = 2, #KEYS do reply[i] = note(KEYS[i], ARGV[4], ARGV[i + 3]) end
return reply";

/// Notes a token that is on another node than the name.
///
/// KEYS: the token. ARGV: its ms or -1, a new one. Returns the token, and its birth.
const NOTE: &str = "return note(KEYS[1], ARGV[1], ARGV[2])";

/// Treats a key of another type as absent. Any other failure, such as a command that the user may not run,
/// fails the script.
const GOT: &str = r"
local function got(reply)
  if type(reply) == 'table' and not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply) end
  return reply
end
";

/// Notes a token, and returns it with its birth, if it has one. A missing one is made. It outlives the entries
/// that record it.
const NOTING: &str = r"
local function note(key, life, fresh)
  local token = got(redis.pcall('GET', key))
  if type(token) == 'string' and #token >= 8 then
    if life == '-1' then redis.call('PERSIST', key)
    else redis.call('PEXPIRE', key, life, 'GT') end
    return token
  end
  if life == '-1' then redis.call('SET', key, fresh)
  else redis.call('SET', key, fresh, 'PX', life) end
  return fresh
end
";

/// Ends a load. The value is stored only if the key still has the state with which the load began, and if the
/// tokens are those that it noted. Without a value, the result is the same, and the placeholder is removed if
/// it is the load's own.
///
/// A put notifies the other processes. It removes the name's own token, because entries beside the name are
/// older.
///
/// KEYS: name, tokens, of a put the name's own one. ARGV: state, entry or '', its ms or -1 (or '1': own
/// placeholder), the feed, the notice or '', noted tokens. Returns 1 if stored, 0 if the state is another, 2
/// if a token is.
///
/// R2: compare-and-set; an absent key equals no state, so a removal takes the right to store.
const FILL: &str = r"
local found = got(redis.pcall('GETRANGE', KEYS[1], 0, 11))
local same = found == ARGV[1]
local outdated = false
for i = 2, math.min(#KEYS, #ARGV - 4) do
  if got(redis.pcall('GETRANGE', KEYS[i], 0, 7)) ~= ARGV[i + 4] then outdated = true end
end
if ARGV[2] == '' then
  if same and ARGV[3] == '1' then redis.call('UNLINK', KEYS[1]) end
elseif same and not outdated then
  if ARGV[3] == '-1' then redis.call('SET', KEYS[1], ARGV[2])
  else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  for i = #ARGV - 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
  if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
end
if outdated then return 2 end
return same and 1 or 0";

/// Counts a removal of tags, and returns the counter. A missing counter is made, with a new identity.
const COUNTING: &str = r"
local function count(key, step, fresh, life)
  local counter = got(redis.pcall('GET', key))
  local number = type(counter) == 'string' and tonumber(string.sub(counter, 9))
  if number then counter = string.sub(counter, 1, 8) .. string.format('%.0f', number + step)
  else counter = fresh .. '0' end
  if not number or step > 0 then redis.call('SET', key, counter, 'PX', life) end
  return counter
end
";

/// Adds to a removal counter, or only reads it.
///
/// KEYS: the counter. ARGV: 1 or 0, a new identity, the counter's ms. Returns the counter.
const COUNT: &str = "return count(KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3])";

/// Records the birth of a token, if it is still the same.
///
/// KEYS: the token. ARGV: the token, its birth. Returns 1 if it is recorded, else 0.
const STAMP: &str = r"
if got(redis.pcall('GETRANGE', KEYS[1], 0, 7)) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'KEEPTTL')
return 1";

/// Removes tokens, entries and placeholders, counts the entries, and notifies the other processes. The notice
/// comes after the removal, so a process that reads after it has received the notice does not get an older
/// value. The removal of tags is counted.
///
/// KEYS: tokens, names, removal counters. ARGV: the two bytes that an entry begins with, the number of tokens,
/// the feed, the notice or ''; if there are counters, their number, a new identity for them, their ms.
const REMOVE: &str = r"
local removed = 0
local last = #KEYS - tonumber(ARGV[5] or 0)
for i = last + 1, #KEYS do count(KEYS[i], 1, ARGV[6], ARGV[7]) end
for i = 1, last do
  if i > tonumber(ARGV[2]) and got(redis.pcall('GETRANGE', KEYS[i], 0, 1)) == ARGV[1] then
    removed = removed + 1
  end
  redis.call('UNLINK', KEYS[i])
end
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return removed";

/// Does the same, and replaces tokens instead of removing them. A token that is not the expected one is removed. The token of a
/// key that has no replacement is removed, too.
///
/// KEYS, ARGV: those of [`REMOVE`]; then for each token or name the expected token and the new one, or '' and ''.
///
/// R1: the predecessor of a token counts only if the token was replaced by the very one that the soft record names.
const SOFTEN: &str = r"
local removed = 0
local last = #KEYS - tonumber(ARGV[5])
for i = last + 1, #KEYS do count(KEYS[i], 1, ARGV[6], ARGV[7]) end
for i = 1, last do
  local from = ARGV[6 + 2 * i]
  if i > tonumber(ARGV[2]) and got(redis.pcall('GETRANGE', KEYS[i], 0, 1)) == ARGV[1] then
    removed = removed + 1
  end
  if from ~= '' and got(redis.pcall('GETRANGE', KEYS[i], 0, 7)) == from then
    redis.call('SET', KEYS[i], ARGV[7 + 2 * i], 'KEEPTTL')
  else
    redis.call('UNLINK', KEYS[i])
  end
end
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return removed";

/// Renews the placeholder of a running load, if it is still there: its life begins again.
///
/// KEYS: the key of the placeholder. ARGV: placeholder, its ms. Returns 1 if it is there, else 0.
const RENEW: &str = r"
if got(redis.pcall('GETRANGE', KEYS[1], 0, 11)) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

/// Adds the counts of one manager to the sums, unless this report was already added. The first report of a
/// manager also removes the managers that have not reported for a day.
///
/// KEYS: the sums. ARGV: ms, the manager's field, the report's number, then fields and what is added
/// to them.
const ADD: &str = r"
local time = redis.call('TIME')
local now = time[1]
local ms = now .. string.format('%03d', math.floor(time[2] / 1000))
local last = redis.pcall('HGET', KEYS[1], ARGV[2])
if type(last) == 'table' then
  if not string.find(last.err, 'WRONGTYPE', 1, true) then return last end
  redis.call('DEL', KEYS[1])
  last = false
end
local number = tonumber(string.match(last or '', '^%d+') or 0)
if number < tonumber(ARGV[3]) then
  for i = 4, #ARGV, 2 do redis.pcall('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
  number = ARGV[3]
end
redis.call('HSET', KEYS[1], ARGV[2], number .. ' ' .. ms .. ' ' .. now)
redis.call('HSETNX', KEYS[1], '@since', now)
if ARGV[3] == '1' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local seen = string.sub(all[i], 1, 3) == '@i:' and string.match(all[i + 1], '%d+$')
    if seen and tonumber(seen) < now - 86400 then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])";

/// A script of the cache.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    Begin,
    Note,
    Count,
    Stamp,
    Fill,
    Remove,
    Soften,
    Renew,
    Add,
}

impl Script {
    const ALL: [Script; 9] = [
        Script::Begin,
        Script::Note,
        Script::Count,
        Script::Stamp,
        Script::Fill,
        Script::Remove,
        Script::Soften,
        Script::Renew,
        Script::Add,
    ];

    fn source(self) -> String {
        match self {
            Script::Begin => format!("{GOT}{NOTING}{BEGIN}"),
            Script::Note => format!("{GOT}{NOTING}{NOTE}"),
            Script::Count => format!("{GOT}{COUNTING}{COUNT}"),
            Script::Stamp => format!("{GOT}{STAMP}"),
            Script::Fill => format!("{GOT}{FILL}"),
            Script::Remove => format!("{GOT}{COUNTING}{REMOVE}"),
            Script::Soften => format!("{GOT}{COUNTING}{SOFTEN}"),
            Script::Renew => format!("{GOT}{RENEW}"),
            Script::Add => ADD.to_owned(),
        }
    }

    /// Returns the call of a script that the server has lost, with its text.
    pub(super) fn in_full(self, keys: &[String], arguments: &[&[u8]]) -> Cmd {
        call("EVAL", &self.source(), keys, arguments)
    }
}

/// A call of a script about one key.
#[derive(Clone)]
pub(super) struct ScriptCall<'a> {
    pub(super) script: Script,
    pub(super) key: &'a String,
    pub(super) arguments: Vec<&'a [u8]>,
}

/// The names under which servers hold the scripts.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded([String; Script::ALL.len()]);

impl Loaded {
    pub(super) async fn load(node: &Node) -> StoreResult<Self> {
        let mut loaded = Loaded::default();
        for script in Script::ALL {
            let load = async {
                node.ask(Lane::Quick, cmd("SCRIPT").arg("LOAD").arg(script.source())).await
            };
            loaded.0[script as usize] = load.await?;
        }
        Ok(loaded)
    }

    pub(super) fn call(&self, script: Script, keys: &[String], arguments: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.0[script as usize], keys, arguments)
    }
}

fn call(command: &str, script: &str, keys: &[String], arguments: &[&[u8]]) -> Cmd {
    let mut call = cmd(command);
    call.arg(script).arg(keys.len());
    for key in keys {
        call.arg(key);
    }
    for argument in arguments {
        call.arg(*argument);
    }
    call
}
