//! The token of the tag, and its soft record.

use super::{SoftModel, SoftRule};

/// A token: the number of the actor that has made it, from 1 on.
pub type Token = u8;

const MOST: usize = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    pub successor: Token,
    /// Former tokens with their deadlines. Unused places hold no token.
    predecessors: [(Token, u8); MOST],
}

impl Record {
    /// Returns the record after another soft invalidation of this token.
    pub fn after(
        model: &SoftModel,
        former: Option<Record>,
        token: Token,
        successor: Token,
        until: u8,
    ) -> Record {
        let belongs = |record: &Record| {
            record.successor == token || model.is_off(SoftRule::ChainsBelongToTokens)
        };
        let mut record = former.filter(belongs).unwrap_or_default();
        if model.is_off(SoftRule::DeadlinesAreKept) {
            record.predecessors.iter_mut().for_each(|(_, deadline)| *deadline = until);
        }
        if let Some(place) = record.predecessors.iter_mut().find(|(known, _)| *known == 0) {
            *place = (token, until);
        }
        Record { successor, ..record }
    }

    /// Returns whether an entry with this token may be served as a stale value.
    pub fn accepts(
        &self,
        model: &SoftModel,
        noted: Token,
        present: Option<Token>,
        now: u8,
    ) -> bool {
        let counts =
            present == Some(self.successor) || model.is_off(SoftRule::RecordsBelongToTokens);
        let in_time = |until: u8| now < until || model.is_off(SoftRule::DeadlinesAreCompared);
        counts && self.predecessors.iter().any(|&(known, until)| known == noted && in_time(until))
    }
}
