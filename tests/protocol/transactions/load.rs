//! A call: a look, and a load that may lead a flight. In a transaction, its load may be alone.

use crate::state::Version;

use super::cache::Targets;
use super::rules::{Case, Host, Part};
use super::setting::{Member, Setting};

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub entry: Targets,
    pub at: CallAt,
    /// The oldest version that its caller may be given.
    pub required: Version,
    /// The load is stored.
    pub stores: bool,
    /// The load leads the flight of its process.
    pub shares: bool,
    /// Redis is used, and nothing was removed or stored there since the load began.
    pub noted: bool,
    /// The removal of the entry was pending when the load began, so Redis is not used.
    pub cut_off: bool,
    /// No generation was raised since the load began.
    pub current: bool,
    /// Something was registered since the call began.
    pub marked: bool,
    /// The call began in the scope of a transaction.
    pub inside: bool,
    /// The writes of the transaction until the call began.
    pub own: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallAt {
    Starts,
    Looks,
    /// It has found nothing, and this is what it may do.
    Misses(Access),
    Follows,
    Reads,
    /// The body has read this version, and goes on.
    Ends(Version),
    Fills(Version),
    Keeps(Version),
    Done,
}

/// The use that a call may make of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    pub reads: bool,
    pub joins: bool,
    pub stores: bool,
    pub shares: bool,
}

impl Access {
    pub const FULL: Access = Access { reads: true, joins: true, stores: true, shares: true };
}

impl Call {
    pub fn new(entry: Targets) -> Call {
        Call { entry, at: CallAt::Starts, ..Call::DONE }
    }

    pub const DONE: Call = Call {
        entry: Targets::NONE,
        at: CallAt::Done,
        required: 0,
        stores: false,
        shares: false,
        noted: false,
        cut_off: false,
        current: false,
        marked: false,
        inside: false,
        own: None,
    };

    /// Returns whether a caller may join the flight that this call leads: it is sealed before its fill.
    fn can_be_joined(&self) -> bool {
        self.shares && matches!(self.at, CallAt::Reads | CallAt::Ends(_))
    }
}

impl Setting {
    /// Takes the next step of a call.
    pub fn proceed(&mut self, case: &Case, i: usize, access: Access) -> Result<(), String> {
        let Some(call) = self.call(i) else { return Ok(()) };
        match call.at {
            CallAt::Starts => {
                let required = self.cache.processes[case.host(i)].required[call.entry.index()];
                self.look(case, i, Call { required, ..call }, access)
            }
            CallAt::Looks => self.look(case, i, call, access),
            CallAt::Misses(access) => {
                self.begin_load(case, i, call, access);
                Ok(())
            }
            CallAt::Reads => {
                let version = self.read_row(case, i);
                self.set_call(i, Call { at: CallAt::Ends(version), ..call });
                Ok(())
            }
            CallAt::Ends(version) => self.end_body(case, i, call, version),
            CallAt::Fills(version) => self.fill(case, i, call, version),
            CallAt::Keeps(version) => {
                if call.current && call.stores {
                    let process = &mut self.cache.processes[case.host(i)];
                    process.memory[call.entry.index()] = Some(version);
                }
                self.give(case, i, call, version)
            }
            CallAt::Follows | CallAt::Done => Ok(()),
        }
    }

    fn look(&mut self, case: &Case, i: usize, call: Call, access: Access) -> Result<(), String> {
        let host = case.host(i);
        if access.reads
            && let Some(version) = self.cache.look(host, call.entry)
        {
            return self.give(case, i, call, version);
        }
        match case.part(i) {
            // Something may be registered before its load begins.
            Part::Transaction(..) => self.set_call(i, Call { at: CallAt::Misses(access), ..call }),
            _ => self.begin_load(case, i, call, access),
        }
        Ok(())
    }

    /// Joins a flight, or begins a load.
    fn begin_load(&mut self, case: &Case, i: usize, call: Call, access: Access) {
        let host = case.host(i);
        let is_led = self.leads(case, host, call.entry);
        if access.joins && is_led {
            return self.set_call(i, Call { at: CallAt::Follows, ..call });
        }
        let cut_off = self.cache.processes[host].journal.overlaps(call.entry);
        let shares = access.shares && !is_led;
        let keeps = access.stores || shares;
        let load = Call {
            at: CallAt::Reads,
            stores: access.stores,
            shares,
            noted: keeps && !cut_off,
            cut_off: keeps && cut_off,
            current: keeps,
            ..call
        };
        self.set_call(i, load);
    }

    fn leads(&self, case: &Case, host: Host, entry: Targets) -> bool {
        let mut calls = case.parts().filter(|j| case.host(*j) == host).map(|j| self.call(j));
        calls.any(|call| call.is_some_and(|call| call.entry == entry && call.can_be_joined()))
    }

    /// The body has ended: the value of a load that a registration has overtaken is for its caller alone.
    fn end_body(
        &mut self,
        case: &Case,
        i: usize,
        call: Call,
        version: Version,
    ) -> Result<(), String> {
        let overtaken = self.is_overtaken(case, i, call);
        if overtaken || !call.stores && !call.shares {
            self.answer_followers(case, call, case.host(i), None)?;
            return self.give(case, i, call, version);
        }
        self.set_call(i, Call { at: CallAt::Fills(version), ..call });
        Ok(())
    }

    /// One script: the value is stored, and valid for those who wait, if nothing was removed or stored since.
    fn fill(&mut self, case: &Case, i: usize, call: Call, version: Version) -> Result<(), String> {
        let valid = if call.cut_off { call.current } else { call.noted };
        if call.noted && call.stores {
            self.cache.redis[call.entry.index()] = Some(version);
            self.forget_notes(call.entry);
        }
        if call.shares {
            let given = valid.then_some(version);
            self.answer_followers(case, call, case.host(i), given)?;
        }
        self.set_call(i, Call { at: CallAt::Keeps(version), shares: false, ..call });
        Ok(())
    }

    /// Those who wait for a flight get its value, or look again.
    fn answer_followers(
        &mut self,
        case: &Case,
        led: Call,
        host: Host,
        value: Option<Version>,
    ) -> Result<(), String> {
        if !led.shares {
            return Ok(());
        }
        for j in case.parts().filter(|j| case.host(*j) == host) {
            let Some(call) = self.call(j) else { continue };
            if call.entry != led.entry || call.at != CallAt::Follows {
                continue;
            }
            match value {
                Some(version) => self.give(case, j, call, version)?,
                None => self.set_call(j, Call { at: CallAt::Looks, ..call }),
            }
        }
        Ok(())
    }

    /// The caller has its value.
    fn give(&mut self, case: &Case, i: usize, call: Call, version: Version) -> Result<(), String> {
        self.set_call(i, Call::DONE);
        match case.part(i) {
            Part::Transaction(..) => self.judge_inside(case, i, call, version),
            _ => self.judge(call.required, version, "a caller outside of the transaction gets"),
        }
    }

    /// Checks a value that is stored, or given to a caller outside of a transaction.
    pub fn judge(&self, required: Version, version: Version, what: &str) -> Result<(), String> {
        if !self.database.was_committed(version) {
            return Err(format!("{what} version {version}, which is uncommitted"));
        }
        if version < required {
            return Err(format!(
                "{what} version {version}, which is outdated: version {required} was invalidated \
                 within its bound before"
            ));
        }
        Ok(())
    }

    /// Something was removed or stored in Redis: loads that noted the state before may not store.
    pub fn forget_notes(&mut self, targets: Targets) {
        self.change_calls(targets, |call| call.noted = false);
    }

    /// A process raises generations.
    pub fn raise(&mut self, case: &Case, host: Host, targets: Targets) {
        self.cache.processes[host].drop_copies(targets);
        for i in case.parts().filter(|i| case.host(*i) == host) {
            if let Some(call) = self.call_mut(i).filter(|call| call.entry.overlaps(targets)) {
                call.current = false;
            }
        }
    }

    fn change_calls(&mut self, targets: Targets, change: impl Fn(&mut Call)) {
        for member in &mut self.members {
            if let Some(call) = member.call_mut().filter(|call| call.entry.overlaps(targets)) {
                change(call);
            }
        }
    }

    pub fn call(&self, i: usize) -> Option<Call> {
        match self.members[i] {
            Member::Reader(call) => Some(call),
            Member::Transaction(transaction) => Some(transaction.call),
            _ => None,
        }
    }

    pub fn call_mut(&mut self, i: usize) -> Option<&mut Call> {
        self.members[i].call_mut()
    }

    fn set_call(&mut self, i: usize, call: Call) {
        if let Some(place) = self.call_mut(i) {
            *place = call;
        }
    }
}
