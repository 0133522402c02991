use std::ops::RangeInclusive;

/// The number of slots of a cluster of any size.
pub(super) const SLOTS: u16 = 16_384;

/// The view that one node has of all nodes, from its answer to `CLUSTER NODES`.
#[derive(Debug)]
pub(super) struct View(Vec<Node>);

/// One line of a view.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) port: u16,
    /// `true` if this is the node whose view it is.
    pub(super) is_speaker: bool,
    /// `true` if the node whose view it is reaches this node and knows its name.
    pub(super) is_well: bool,
    /// The name of the master of a replica.
    pub(super) master: Option<String>,
    /// Of two nodes that claim a slot, the one with the higher epoch has it.
    epoch: u64,
    slots: Vec<RangeInclusive<u16>>,
}

/// For each slot the port of the master that has it.
pub(super) type Owners = Vec<Option<u16>>;

impl View {
    /// `None` for what no node says.
    pub(super) fn parse(text: &str) -> Option<View> {
        text.lines().map(Node::parse).collect::<Option<_>>().map(View)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.iter()
    }

    pub(super) fn of_port(&self, port: u16) -> Option<&Node> {
        self.0.iter().find(|node| node.port == port)
    }

    pub(super) fn speaker(&self) -> Option<&Node> {
        self.0.iter().find(|node| node.is_speaker)
    }
}

impl Node {
    /// A line such as `<name> 127.0.0.1:20000@20001 myself,master - 0 0 1 connected 0-5460 7000`.
    fn parse(line: &str) -> Option<Node> {
        let words: Vec<_> = line.split(' ').collect();
        let [id, address, flags, master, _, _, epoch, _, slots @ ..] = words.as_slice() else {
            return None;
        };
        let (_, port) = address.split('@').next()?.rsplit_once(':')?;
        let flags: Vec<_> = flags.split(',').collect();
        let is_unwell = |flag| matches!(flag, "fail" | "fail?" | "handshake" | "noaddr");
        // A slot on its way is in brackets, and also among the others of the node that has it.
        let slots = slots.iter().filter(|slot| !slot.starts_with('['));
        Some(Node {
            id: (*id).to_owned(),
            port: port.parse().ok()?,
            is_speaker: flags.contains(&"myself"),
            is_well: !flags.into_iter().any(is_unwell),
            master: (*master != "-").then(|| (*master).to_owned()),
            epoch: epoch.parse().ok()?,
            slots: slots.map(|slot| range(slot)).collect::<Option<_>>()?,
        })
    }
}

/// Returns the owner of each slot according to all views. As among the nodes, the later claim counts.
pub(super) fn owners<'a>(views: impl IntoIterator<Item = &'a View>) -> Owners {
    let mut claims = vec![None; SLOTS.into()];
    for node in views.into_iter().flat_map(View::nodes) {
        for slot in node.slots.iter().cloned().flatten() {
            let claim = &mut claims[usize::from(slot)];
            *claim = (*claim).max(Some((node.epoch, node.port)));
        }
    }
    claims.into_iter().map(|claim| claim.map(|(_, port)| port)).collect()
}

fn range(slots: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    Some(first.parse().ok()?..=last.parse().ok()?)
}
