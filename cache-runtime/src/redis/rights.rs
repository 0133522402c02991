//! The rights that the cache needs: each command is tried when a connection is made.
//!
//! A command that is refused inside a script fails the script, and some commands in scripts are meant to
//! fail. So missing rights are found beforehand, and named.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

use super::error::{Denied, ReplyKind, StoreError};
use super::notice;

/// The effect of a missing command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The server cannot be used.
    All,
    /// Nothing is cleared by a pattern, and no names are listed.
    Scans,
    /// The statistics of all processes are not collected.
    Sums,
    /// Invalidations of other processes cannot be received, if the server has no such command. A user without
    /// the right to publish cannot send any either.
    Feed,
    /// Scripts that the server has lost are not sent again before the next connection.
    LostScripts,
    /// There is no effect.
    Nothing,
}

/// A command in the form in which it is tried. It is the same on every server, and all keys that it leaves
/// expire.
pub(super) struct Right {
    /// The words. `KEY`, `FEED`, `NOTICE` and `RETURN` are placeholders.
    pub(super) line: &'static str,
    pub(super) need: Need,
}

/// Every command that is sent or that a script runs. The key is absent at first. From `SET` to `UNLINK` it is
/// a text that lives ten seconds, so commands on hashes are refused there.
pub(super) const RIGHTS: [Right; 22] = [
    of(Need::Nothing, "PING"),
    of(Need::All, "TIME"),
    of(Need::All, "INFO server"),
    of(Need::All, "PERSIST KEY"),
    of(Need::All, "SET KEY 1 PX 10000"),
    of(Need::All, "PEXPIRE KEY 10000 GT"),
    of(Need::All, "GET KEY"),
    of(Need::All, "MGET KEY"),
    of(Need::All, "GETRANGE KEY 0 11"),
    of(Need::Sums, "HSET KEY a 1"),
    of(Need::Sums, "HGET KEY a"),
    of(Need::Sums, "HSETNX KEY b 1"),
    of(Need::Sums, "HINCRBY KEY a 1"),
    of(Need::Sums, "HGETALL KEY"),
    of(Need::Sums, "HDEL KEY a"),
    of(Need::All, "DEL KEY"),
    of(Need::All, "UNLINK KEY"),
    of(Need::Scans, "SCAN 0 MATCH KEY COUNT 1"),
    of(Need::All, "SCRIPT LOAD RETURN"),
    // The digest of that script.
    of(Need::All, "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 KEY"),
    of(Need::LostScripts, "EVAL RETURN 1 KEY"),
    of(Need::Feed, "PUBLISH FEED NOTICE"),
];

/// The additional commands that are sent to a node of a cluster.
pub(super) const OF_CLUSTER: [Right; 4] = [
    of(Need::All, "ASKING"),
    of(Need::All, "CLUSTER SHARDS"),
    of(Need::Feed, "CLUSTER INFO"),
    of(Need::Scans, "CLUSTER NODES"),
];

const fn of(need: Need, line: &'static str) -> Right {
    Right { line, need }
}

/// A command or right that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) kind: LackKind,
    pub(super) need: Need,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LackKind {
    /// The user may not run this command, which has this name in an ACL.
    Denied(String),
    /// The user may not touch keys of this namespace.
    Keys,
    /// The user may not publish on the channel of the feed.
    Channel,
    /// The server has no such command.
    Unknown(String),
}

/// Tries commands in one round trip, with this key and this channel.
pub(super) async fn lacking(
    rights: &[Right],
    connection: &MultiplexedConnection,
    key: &str,
    feed: &str,
) -> Vec<Lack> {
    let tried = rights.iter().map(async |right| {
        let command = right.command(key, feed);
        let answer = command.query_async::<redis::Value>(&mut connection.clone()).await;
        right.lack(&answer.err()?.into())
    });
    let mut lacking: Vec<Lack> = join_all(tried).await.into_iter().flatten().collect();
    lacking.dedup_by(|a, b| a.kind == b.kind);
    lacking
}

impl Right {
    pub(super) fn command(&self, key: &str, feed: &str) -> Cmd {
        let mut words = self.line.split(' ');
        let mut command = cmd(words.next().unwrap_or_default());
        for word in words {
            match word {
                "KEY" => command.arg(key),
                "FEED" => command.arg(feed),
                "NOTICE" => command.arg(notice::nothing()),
                "RETURN" => command.arg("return 1"),
                word => command.arg(word),
            };
        }
        command
    }

    /// Returns the command in the form in which it is sent, without arguments.
    pub(super) fn words(&self) -> &'static str {
        self.line.split_once(" KEY").map_or(self.line, |(words, _)| words)
    }

    /// Returns the name of the command in an ACL.
    fn name(&self) -> String {
        let mut words = self.line.split(' ');
        let name = words.next().unwrap_or_default().to_lowercase();
        match words.next() {
            Some(word) if ["script", "cluster"].contains(&&*name) => {
                format!("{name}|{}", word.to_lowercase())
            }
            _ => name,
        }
    }

    /// Returns the missing right or command that a reply shows. Any other error shows that the command exists
    /// and is permitted.
    pub(super) fn lack(&self, error: &StoreError) -> Option<Lack> {
        let kind = match error.reply()? {
            ReplyKind::Denied(Denied::Command) => LackKind::Denied(self.name()),
            ReplyKind::Denied(Denied::Channel) => LackKind::Channel,
            ReplyKind::Denied(Denied::Keys) => LackKind::Keys,
            ReplyKind::UnknownCommand => LackKind::Unknown(self.name()),
            _ => return None,
        };
        // Without the right to publish, other processes do not receive invalidations.
        let need = match (self.need, &kind) {
            (Need::Feed, LackKind::Denied(_) | LackKind::Channel | LackKind::Keys) => Need::All,
            (need, _) => need,
        };
        Some(Lack { kind, need })
    }
}

impl Lack {
    /// Returns true if the server has no such command.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.kind, LackKind::Unknown(_))
    }

    /// Returns the rule that permits the command, in the syntax of `ACL SETUSER`.
    fn rule(&self, namespace: &str) -> Option<String> {
        match &self.kind {
            // Without this command, the access to the channel cannot be tested. So the rule permits both.
            LackKind::Denied(name) if name == "publish" => {
                Some(format!("+{name} &{namespace}:#feed"))
            }
            LackKind::Denied(name) => Some(format!("+{name}")),
            LackKind::Keys => Some(format!("~{namespace}:*")),
            LackKind::Channel => Some(format!("&{namespace}:#feed")),
            LackKind::Unknown(_) => None,
        }
    }

    fn name(&self, namespace: &str) -> String {
        match &self.kind {
            LackKind::Denied(name) | LackKind::Unknown(name) => {
                name.to_uppercase().replace('|', " ")
            }
            LackKind::Keys => format!("the keys of `{namespace}:`"),
            LackKind::Channel => format!("the channel `{namespace}:#feed`"),
        }
    }
}

impl Need {
    /// Describes the effect if the command is missing.
    pub(super) fn loss(self) -> &'static str {
        match self {
            Need::All => {
                "this server is not used; values are kept only in the memory of each process"
            }
            Need::Scans => "`clear` makes the whole namespace stale, and names cannot be listed",
            Need::Sums => "this process is missing from the statistics of the fleet",
            Need::Feed => "invalidations of other processes cannot be received",
            Need::LostScripts => {
                "after SCRIPT FLUSH, the server is not used until the next connection is made"
            }
            Need::Nothing => "nothing else is affected",
        }
    }
}

/// Returns the rules that permit all of this, in the syntax of `ACL SETUSER`.
pub(super) fn rules<'a>(lacking: impl Iterator<Item = &'a Lack>, namespace: &str) -> Vec<String> {
    let mut rules: Vec<String> = lacking.filter_map(|lack| lack.rule(namespace)).collect();
    rules.dedup();
    rules
}

/// Describes the lacks of one kind of need, with the remedy.
fn describe(lacking: &[&Lack], user: &str, namespace: &str) -> String {
    let names = |unknown: bool| {
        let some = lacking.iter().filter(|lack| lack.is_unknown() == unknown);
        some.map(|lack| lack.name(namespace)).collect::<Vec<_>>()
    };
    let (denied, unknown) = (names(false), names(true));
    let mut parts = Vec::new();
    if !denied.is_empty() {
        parts.push(format!(
            "a right is missing: user `{user}` may not use {} (to permit it: ACL SETUSER {user} {})",
            denied.join(", "),
            rules(lacking.iter().copied(), namespace).join(" ")
        ));
    }
    if !unknown.is_empty() {
        parts.push(format!("the server has no command {}", unknown.join(", ")));
    }
    if unknown.iter().any(|name| ["EVALSHA", "SCRIPT LOAD"].contains(&&**name)) {
        parts.push(
            "it cannot run scripts, without which its entries cannot be kept coherent".to_owned(),
        );
    }
    parts.extend(lacking.first().map(|lack| lack.need.loss().to_owned()));
    parts.join("; ")
}

/// Describes all lacks, one text for each kind of need.
pub(super) fn describe_all<'a>(
    lacking: impl Iterator<Item = &'a Lack>,
    user: &str,
    namespace: &str,
) -> Vec<String> {
    let mut by_need = BTreeMap::<Need, Vec<&Lack>>::new();
    for lack in lacking {
        let same = by_need.entry(lack.need).or_default();
        if !same.iter().any(|known| known.kind == lack.kind) {
            same.push(lack);
        }
    }
    by_need.values().map(|lacking| describe(lacking, user, namespace)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_permits_it() {
        let lack = |kind| Lack { kind, need: Need::All };
        let lacks = [
            lack(LackKind::Denied("get".into())),
            lack(LackKind::Denied("script|load".into())),
            lack(LackKind::Keys),
            lack(LackKind::Unknown("unlink".into())),
        ];
        let text = describe(&lacks.each_ref(), "app", "shop");
        assert_eq!(
            text,
            "a right is missing: user `app` may not use GET, SCRIPT LOAD, the keys of `shop:` (to permit it: ACL \
             SETUSER app +get +script|load ~shop:*); the server has no command UNLINK; this server is not used; values \
             are kept only in the memory of each process"
        );
    }
}
