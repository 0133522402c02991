//! The connections of a link that are ready for use, and the node of each key.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use redis::{Cmd, FromRedisValue, Pipeline, Value, cmd};
use tokio::sync::Mutex;

use super::error::{StoreError, StoreResult, Unusable};
use super::lane::Lane;
use super::node::Node;
use super::rights::Need;
use super::script::{Loaded, Script, ScriptCall};
use super::topology::{Slots, slot_of};
use crate::support::boxed::boxed;

/// The maximum number of redirections of one command.
const MOST_REDIRECTIONS: usize = 5;

/// One server that has all keys, or the masters of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    first: Node,
    others: Vec<Node>,
    slots: Option<Arc<Slots>>,
    scripts: Arc<Loaded>,
    /// The runs of the servers.
    server: String,
    /// True if a command was redirected to another node.
    has_redirected: Arc<AtomicBool>,
    /// The time at which the servers last answered a ping that was sent because a reply was late.
    pub(super) answered: Arc<Mutex<Option<Instant>>>,
}

impl Ready {
    /// Makes the connections of a link from its nodes.
    ///
    /// # Errors
    /// If there is no node.
    pub(super) fn new(
        nodes: Vec<Node>,
        slots: Option<Slots>,
        scripts: Arc<Loaded>,
    ) -> StoreResult<Self> {
        let mut nodes = nodes.into_iter();
        let first = nodes.next().ok_or(Unusable::NoMasters)?;
        let others: Vec<_> = nodes.collect();
        let servers: Vec<_> =
            std::iter::once(&first).chain(&others).map(|node| &*node.server).collect();
        Ok(Ready {
            server: servers.join("+"),
            first,
            others,
            slots: slots.map(Arc::new),
            scripts,
            has_redirected: Arc::default(),
            answered: Arc::default(),
        })
    }

    pub(super) fn scripts(&self) -> &Arc<Loaded> {
        &self.scripts
    }

    /// Returns the runs of the servers.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Returns true if a server lacks a command for this need, or the user lacks the right to it.
    pub(super) fn lacks(&self, need: Need) -> bool {
        self.nodes().any(|node| node.lacks.iter().any(|lack| lack.need == need))
    }

    /// Returns true if invalidations can be received.
    pub(super) fn has_feed(&self) -> bool {
        !self.lacks(Need::Feed)
    }

    /// Returns the notice to publish; an empty one if other processes could not receive it.
    pub(super) fn tells<'a>(&self, notice: &'a [u8]) -> &'a [u8] {
        if self.has_feed() { notice } else { &[] }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.slots.is_some()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Returns the node that has this key, as far as this is known.
    pub(super) fn node_of(&self, key: &str) -> &Node {
        match self.number_of(key) {
            0 => &self.first,
            number => self.others.get(number - 1).unwrap_or(&self.first),
        }
    }

    /// Returns the number of that node.
    fn number_of(&self, key: &str) -> usize {
        let owner = self.slots.as_ref().map_or(0, |slots| slots.owner(key));
        if owner > self.others.len() { 0 } else { owner }
    }

    /// Returns true if one script can use both keys.
    pub(super) fn are_together(&self, one: &str, other: &str) -> bool {
        !self.is_cluster() || slot_of(one) == slot_of(other)
    }

    /// Returns true if a key was redirected since the last call.
    pub(super) fn take_redirected(&self) -> bool {
        self.has_redirected.load(Ordering::Relaxed)
            && self.has_redirected.swap(false, Ordering::Relaxed)
    }

    /// Sends a command about this key. The future is boxed, because that of the client exceeds a kilobyte.
    pub(super) fn ask<T: FromRedisValue>(
        &self,
        lane: Lane,
        key: &str,
        command: &Cmd,
    ) -> Pin<Box<impl Future<Output = StoreResult<T>>>> {
        boxed(|| self.ask_in_place(lane, key, command))
    }

    /// Does the same for a caller that is boxed itself.
    pub(super) async fn ask_in_place<T: FromRedisValue>(
        &self,
        lane: Lane,
        key: &str,
        command: &Cmd,
    ) -> StoreResult<T> {
        if !self.is_cluster() {
            return self.first.ask(lane, command).await;
        }
        boxed(|| self.ask_cluster(lane, key, command)).await
    }

    async fn ask_cluster<T: FromRedisValue>(
        &self,
        lane: Lane,
        key: &str,
        command: &Cmd,
    ) -> StoreResult<T> {
        let mut node = self.node_of(key);
        let mut outcome = node.ask(lane, command).await;
        for _ in 0..MOST_REDIRECTIONS {
            let Err(error) = &outcome else { break };
            let Some((place, is_asking)) = error.redirection() else { break };
            self.has_redirected.fetch_or(!is_asking, Ordering::Relaxed);
            let unknown = || Unusable::UnknownNode { place: place.to_owned() };
            node = self.node_at(place, node).ok_or_else(unknown)?;
            outcome = match is_asking {
                false => node.ask(lane, command).await,
                true => ask_newcomer(node, lane, command).await,
            };
        }
        outcome
    }

    /// Sends commands, each about its key, together: one pipeline to each node. Each has an outcome of its own.
    pub(super) async fn ask_each(
        &self,
        lane: Lane,
        commands: Vec<(&str, Cmd)>,
    ) -> Vec<StoreResult<Value>> {
        let mut parts: Vec<NodePart<'_>> = self.nodes().map(NodePart::new).collect();
        let mut numbers = Vec::with_capacity(commands.len());
        for (key, command) in commands {
            let number = self.number_of(key);
            if let Some(part) = parts.get_mut(number) {
                part.keys.push(key);
                part.commands.add_command(command);
            }
            numbers.push(number);
        }
        let asked = boxed(|| join_all(parts.iter().map(|part| self.ask_part(lane, part)))).await;
        let mut replies: Vec<_> = asked.into_iter().map(Vec::into_iter).collect();
        let reply = |number: usize| replies.get_mut(number).and_then(Iterator::next);
        numbers.into_iter().filter_map(reply).collect()
    }

    /// Sends the commands of one node. Those whose keys are elsewhere are sent again, one by one.
    async fn ask_part(&self, lane: Lane, part: &NodePart<'_>) -> Vec<StoreResult<Value>> {
        let NodePart { node, keys, commands } = part;
        if keys.is_empty() {
            return Vec::new();
        }
        let mut outcomes: Vec<_> = match node.ask_all(lane, commands).await {
            Ok(replies) if replies.len() == keys.len() => {
                replies.into_iter().map(|reply| Ok(reply.extract_error()?)).collect()
            }
            Ok(_) => {
                let expected = "one reply to each command";
                vec![Err(StoreError::Unexpected { expected, cause: None }); keys.len()]
            }
            Err(error) => vec![Err(error); keys.len()],
        };
        let all = outcomes.iter_mut().zip(keys).zip(commands.cmd_iter());
        let is_elsewhere = |outcome: &StoreResult<Value>| {
            outcome.as_ref().is_err_and(|error| error.redirection().is_some())
        };
        let elsewhere = all.filter(|((outcome, _), _)| is_elsewhere(outcome));
        let again = elsewhere.map(async |((outcome, key), command)| {
            *outcome = self.ask(lane, key, command).await;
        });
        join_all(again).await;
        outcomes
    }

    /// Returns true if all servers answer on one of their connections.
    pub(super) async fn answers(&self) -> bool {
        join_all(self.nodes().map(Node::answers)).await.into_iter().all(|is_there| is_there)
    }

    /// Returns the values of these keys. Each result is the same as for a request of one key.
    pub(super) async fn values(
        &self,
        lane: Lane,
        keys: &[impl AsRef<str>],
    ) -> StoreResult<Vec<Value>> {
        let keys = keys.iter().map(AsRef::as_ref);
        if !self.is_cluster() {
            let bytes = keys.clone().map(str::len).sum::<usize>();
            let mut command = Cmd::with_capacity(1 + keys.len(), "MGET".len() + bytes);
            command.arg("MGET");
            keys.for_each(|key| _ = command.arg(key));
            return self.first.ask(lane, &command).await;
        }
        // A cluster refuses a command whose keys are in several slots.
        let get = |key| {
            let mut get = cmd("GET");
            get.arg(key);
            (key, get)
        };
        let gets = keys.map(get).collect();
        let values = boxed(|| self.ask_each(lane, gets)).await;
        // A key that is not a string is not an entry. `MGET` also returns nothing for it.
        values.into_iter().map(|value| value.or_else(absent_if_foreign)).collect()
    }

    /// Runs a script on the node of its first key. All other keys must be on that node, too.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        lane: Lane,
        script: Script,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> StoreResult<T> {
        let key = keys.first().map_or("", String::as_str);
        match self.ask(lane, key, &self.scripts.call(script, keys, arguments)).await {
            // The server has lost the script, so it is sent in full.
            Err(error) if error.is_no_script() => {
                let in_full = script.in_full(keys, arguments);
                self.ask(lane, key, &in_full).await
            }
            outcome => outcome,
        }
    }

    /// Runs scripts, each about one key, together: one pipeline to each node.
    pub(super) async fn script_each(
        &self,
        lane: Lane,
        calls: &[ScriptCall<'_>],
    ) -> Vec<StoreResult<Value>> {
        let command = |ScriptCall { script, key, arguments }: &ScriptCall<'_>| {
            self.scripts.call(*script, std::slice::from_ref(*key), arguments)
        };
        let commands = calls.iter().map(|call| (call.key.as_str(), command(call))).collect();
        let mut outcomes = self.ask_each(lane, commands).await;
        let is_unknown =
            |outcome: &StoreResult<Value>| outcome.as_ref().is_err_and(StoreError::is_no_script);
        let each = outcomes.iter_mut().zip(calls);
        let unknown: Vec<_> = each.filter(|(outcome, _)| is_unknown(outcome)).collect();
        if !unknown.is_empty() {
            // A server has lost scripts, so these are sent in full.
            let in_full = |ScriptCall { script, key, arguments }: &ScriptCall<'_>| {
                script.in_full(std::slice::from_ref(*key), arguments)
            };
            let commands = unknown.iter().map(|(_, call)| (call.key.as_str(), in_full(call)));
            let again = self.ask_each(lane, commands.collect()).await;
            unknown.into_iter().zip(again).for_each(|((outcome, _), again)| *outcome = again);
        }
        outcomes
    }

    /// Returns the node that a reply names. If the reply names no host, the node has the host of the replying
    /// node.
    fn node_at(&self, place: &str, from: &Node) -> Option<&Node> {
        let (host, port) = place.rsplit_once(':')?;
        let host = if host.is_empty() { from.host()? } else { host };
        let port = port.parse().ok()?;
        self.nodes().find(|node| node.is_at(host, port))
    }
}

/// The commands that are sent to one node together.
struct NodePart<'a> {
    node: &'a Node,
    keys: Vec<&'a str>,
    commands: Pipeline,
}

impl<'a> NodePart<'a> {
    fn new(node: &'a Node) -> Self {
        NodePart { node, keys: Vec::new(), commands: Pipeline::new() }
    }
}

/// Returns the slots that each master of a cluster claims; `None` while keys are moving between two of them.
/// A single server claims nothing.
pub(super) async fn claims(ready: &Ready) -> StoreResult<Option<Vec<String>>> {
    if !ready.is_cluster() {
        return Ok(Some(Vec::new()));
    }
    let claim = async |node: &Node| -> StoreResult<Option<String>> {
        let all: String = node.ask(Lane::Quick, cmd("CLUSTER").arg("NODES")).await?;
        let own = all.lines().find(|line| line.contains("myself")).unwrap_or_default();
        // The fields are id, address, flags, master, ping and pong, then those that are read: epoch, state,
        // slots.
        let own: Vec<_> = own.split(' ').skip(6).collect();
        let is_moving = own.iter().any(|part| part.starts_with('['));
        Ok((!is_moving).then(|| own.join(" ")))
    };
    join_all(ready.nodes().map(claim)).await.into_iter().collect()
}

/// Sends a command to the node that a key is moving to.
async fn ask_newcomer<T: FromRedisValue>(node: &Node, lane: Lane, command: &Cmd) -> StoreResult<T> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").ignore().add_command(command.clone());
    let (answer,) = pipeline.query_async(&mut node.connection(lane)).await?;
    Ok(answer)
}

/// Returns nothing for a key that is not a string, because it is not an entry.
pub(super) fn absent_if_foreign(error: StoreError) -> StoreResult<Value> {
    if error.is_wrong_type() { Ok(Value::Nil) } else { Err(error) }
}
