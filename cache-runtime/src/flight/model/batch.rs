//! A caller of many keys: one body loads all keys that nobody else loads.

use super::*;

/// The rule by which a batch waits for the flights of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchRule {
    /// A batch that leads any flight waits for no other flight until it has landed all of its own.
    LandsFirst,
    /// Broken: it waits for the flights that it follows before it runs its own body.
    FollowsFirst,
    /// Broken: it leads flights behind others, as a caller of one key does, and waits for those others first.
    LeadsBehind,
    /// Broken: it does that, and seals each flight when it has opened it. (The others seal when they have
    /// joined all.)
    LeadsBehindAtOnce,
}

/// A caller of many keys. It goes through its stages in rounds.
pub(super) struct Batch {
    pub(super) order: [usize; 2],
    pub(super) stage: BatchStage,
    /// The number of its flights for which the present stage is over.
    pub(super) done: usize,
    /// The keys that it joins in this round or in the next one.
    pub(super) left: Vec<KeyLeft>,
    pub(super) led: Vec<Led>,
    pub(super) followed: Vec<FollowedKey>,
    pub(super) retiring: Option<Landed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchStage {
    /// One key at a time.
    Joins,
    /// Waits while it leads. No batch that keeps to the rule does.
    WaitsToLead,
    /// This stage and the following ones take one flight at a time, except the read.
    Seals,
    Reads,
    Reopens,
    BeginsBody,
    SealsLoaded,
    Fills,
    Lands,
    /// Polls all flights that it follows.
    Follows,
}

pub(super) struct KeyLeft {
    pub(super) key: usize,
    /// True if the key is loaded in a flight that no other caller joins.
    pub(super) alone: bool,
}

/// A key whose flight the batch leads.
pub(super) struct Led {
    pub(super) key: usize,
    pub(super) leader: Leader<u8>,
    /// The wait for the flight before this one.
    pub(super) behind: Option<Wait>,
    /// The version that the body has loaded.
    pub(super) version: Option<Version>,
    /// The way in which the flight will end.
    pub(super) end: Option<LedEnd>,
}

pub(super) enum LedEnd {
    With(FlightOutcome),
    Panicked,
    Dropped,
}

pub(super) struct FollowedKey {
    pub(super) key: usize,
    pub(super) wait: Wait,
}

impl Batch {
    pub(super) fn new(order: [usize; 2]) -> Self {
        Batch {
            order,
            stage: BatchStage::Joins,
            done: 0,
            left: order.map(|key| KeyLeft { key, alone: false }).into(),
            led: Vec::new(),
            followed: Vec::new(),
            retiring: None,
        }
    }

    pub(super) fn can_move(&self) -> bool {
        self.retiring.is_some()
            || match self.stage {
                BatchStage::WaitsToLead => self.is_woken_to_lead(),
                BatchStage::Follows => self.is_woken(),
                _ => true,
            }
    }

    /// Returns true if it may still be given a value from a flight of another caller.
    pub(super) fn may_follow(&self) -> bool {
        let first = matches!(self.stage, BatchStage::Joins | BatchStage::WaitsToLead);
        first || !self.left.is_empty() || !self.followed.is_empty()
    }

    /// Returns true if a value of this key may be checked, from a flight of another caller or from a store.
    pub(super) fn requires(&self, key: usize) -> bool {
        let looks = matches!(
            self.stage,
            BatchStage::Joins | BatchStage::WaitsToLead | BatchStage::Seals | BatchStage::Reads
        );
        looks && self.led.iter().any(|led| led.key == key)
            || self.left.iter().any(|left| left.key == key)
            || self.followed.iter().any(|followed| followed.key == key)
    }

    fn is_woken(&self) -> bool {
        self.followed.iter().any(|followed| followed.wait.is_woken())
    }

    fn is_woken_to_lead(&self) -> bool {
        let mut behind = self.led.iter().filter_map(|led| led.behind.as_ref()).peekable();
        if behind.peek().is_some() { behind.any(Wait::is_woken) } else { self.is_woken() }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.retiring.is_some() {
            return "retires a flight of its batch";
        }
        match self.stage {
            BatchStage::Joins => "joins with a key of its batch",
            BatchStage::WaitsToLead => "polls while it leads a batch",
            BatchStage::Seals => "seals a flight of its batch",
            BatchStage::Reads => "reads its batch",
            BatchStage::Reopens => "reopens a flight of its batch",
            BatchStage::BeginsBody => "begins the body in a flight of its batch",
            BatchStage::SealsLoaded => "seals a loaded flight of its batch",
            BatchStage::Fills => "fills an entry of its batch",
            BatchStage::Lands => "lands a flight of its batch",
            BatchStage::Follows => "polls the flights that its batch follows",
        }
    }

    pub(super) fn mishaps(&self, store: Store) -> impl Iterator<Item = Mishap> {
        let mut mishaps = Vec::new();
        if self.retiring.is_some() {
            // Nothing is awaited between the two scopes of a landing.
            return mishaps.into_iter();
        }
        mishaps.push(Mishap::Dropped);
        if self.runs_body(store) {
            mishaps.extend([Mishap::Fails, Mishap::Panics]);
            mishaps.extend(self.led.iter().map(|led| Mishap::Lacks(led.key)));
            if store == Store::Redis {
                mishaps.push(Mishap::Unkept);
            }
        }
        if self.stage == BatchStage::Follows {
            mishaps.extend(self.followed.iter().map(|followed| Mishap::GivesUp(followed.key)));
        }
        mishaps.into_iter()
    }

    /// The end of the body has no effect on others: it is one step with the step after it.
    fn runs_body(&self, store: Store) -> bool {
        self.done == 0
            && self.stage
                == match store {
                    Store::Redis => BatchStage::SealsLoaded,
                    Store::Memory => BatchStage::Fills,
                }
    }

    fn enter(&mut self, stage: BatchStage) {
        (self.stage, self.done) = (stage, 0);
        self.skip_ended();
    }

    /// Takes the next flight, or enters the next stage after the last one.
    fn next(&mut self, after: BatchStage) {
        self.done += 1;
        self.skip_ended();
        if self.done >= self.led.len() {
            self.enter(after);
        }
    }

    fn skip_ended(&mut self) {
        while self.led.get(self.done).is_some_and(|led| led.end.is_some()) {
            self.done += 1;
        }
    }

    /// Lands all flights in the same way, and asks for no further key.
    fn end_all(&mut self, end: impl Fn() -> LedEnd) {
        self.left.clear();
        self.followed.clear();
        self.led.iter_mut().for_each(|led| led.end = Some(end()));
        self.enter(if self.led.is_empty() { BatchStage::Follows } else { BatchStage::Lands });
    }

    /// Joins a key again after an outcome that it cannot use.
    fn again(&mut self, key: usize, outcome: &FlightOutcome) {
        // No second body panics.
        let alone = matches!(outcome, FlightOutcome::Failed | FlightOutcome::Error(_));
        self.left.push(KeyLeft { key, alone });
        self.left.sort_by_key(|left| self.order.iter().position(|key| *key == left.key));
    }

    /// Begins the next round, or waits. Returns the state of the caller.
    fn go_on(mut self: Box<Self>) -> At {
        if self.stage == BatchStage::Follows {
            if !self.left.is_empty() {
                self.enter(BatchStage::Joins);
            } else if self.followed.is_empty() && self.retiring.is_none() {
                return At::Gone;
            }
        }
        At::Many(self)
    }
}

impl World<'_> {
    pub(super) fn step_of_many(
        &mut self,
        i: usize,
        mut batch: Box<Batch>,
    ) -> Result<At, &'static str> {
        if let Some(landed) = batch.retiring.take() {
            landed.retire();
            return Ok(batch.go_on());
        }
        let in_redis = self.model.store == Store::Redis;
        let this = batch.done;
        match batch.stage {
            BatchStage::Joins => self.join_next(i, &mut batch),
            BatchStage::WaitsToLead => self.poll_to_lead(i, &mut batch)?,
            BatchStage::Seals => {
                batch.led[this].leader.seal();
                batch.next(BatchStage::Reads);
            }
            BatchStage::Reads => {
                for led in &mut batch.led {
                    let found = self.valid(led.key).map(|version| Arc::new(version) as _);
                    led.end = found.map(|value| LedEnd::With(FlightOutcome::Value(value)));
                    if let Some(LedEnd::With(outcome)) = &led.end {
                        self.check(i, led.key, outcome)?;
                        if !in_redis {
                            // It is one step with the read.
                            led.leader.seal();
                        }
                    }
                }
                let stage = if batch.led.iter().any(|led| led.end.is_some()) {
                    BatchStage::Lands
                } else {
                    BatchStage::Reopens
                };
                batch.enter(stage);
            }
            BatchStage::Reopens => {
                batch.led[this].leader.reopen();
                batch.next(BatchStage::BeginsBody);
            }
            BatchStage::BeginsBody => {
                self.begin_body(&batch.led[this].leader, batch.led[this].key)?;
                batch.next(if in_redis { BatchStage::SealsLoaded } else { BatchStage::Fills });
                if batch.stage != BatchStage::BeginsBody {
                    for led in &mut batch.led {
                        led.version = Some(self.shelves[led.key].data);
                    }
                }
            }
            BatchStage::SealsLoaded => {
                let led = &mut batch.led[this];
                led.leader.seal();
                if !in_redis {
                    let value = led.version.map(|version| Arc::new(version) as _);
                    led.end = value.map(|value| LedEnd::With(FlightOutcome::Value(value)));
                }
                batch.next(if in_redis { BatchStage::Fills } else { BatchStage::Lands });
            }
            BatchStage::Fills => {
                let Led { key, leader, version, end, .. } = &mut batch.led[this];
                let version = version.unwrap();
                if in_redis {
                    *end = Some(LedEnd::With(self.fill(*key, version)));
                } else {
                    self.store_in_memory(*key, version, leader.snapshot());
                }
                batch.next(if in_redis { BatchStage::Lands } else { BatchStage::SealsLoaded });
            }
            BatchStage::Lands => self.land_next(&mut batch),
            BatchStage::Follows => self.poll_followed(i, &mut batch)?,
        }
        Ok(batch.go_on())
    }

    fn join_next(&mut self, i: usize, batch: &mut Batch) {
        let asked = self.come(i);
        let KeyLeft { key, alone } = batch.left.remove(0);
        match if alone { Role::Lead(self.lead_alone(key)) } else { self.join_of_many(key, asked) } {
            Role::Lead(mut leader) => {
                let behind = leader.predecessor().map(Wait::new);
                if self.model.rule == BatchRule::LeadsBehindAtOnce && behind.is_none() {
                    leader.seal();
                }
                batch.led.push(Led { key, leader, behind, version: None, end: None });
            }
            Role::Follow(follower) => {
                batch.followed.push(FollowedKey { key, wait: Wait::new(follower) });
            }
        }
        if batch.left.is_empty() {
            self.go_on_to_lead(batch);
        }
    }

    fn join_of_many(&self, key: usize, asked: Ticket) -> Role<u8> {
        let shelf = &self.shelves[key];
        let slots = [shelf.slot];
        match self.model.rule {
            BatchRule::LandsFirst | BatchRule::FollowsFirst => {
                self.flights.join_without_wait(&shelf.key, asked, self.generations, || &slots)
            }
            BatchRule::LeadsBehind | BatchRule::LeadsBehindAtOnce => {
                self.flights.join(&shelf.key, asked, self.generations, || &slots)
            }
        }
    }

    /// Looks for the keys whose flights the batch leads, after the waits that its rule demands.
    fn go_on_to_lead(&self, batch: &mut Batch) {
        let waits = match self.model.rule {
            BatchRule::LandsFirst => false,
            BatchRule::FollowsFirst => !batch.followed.is_empty(),
            BatchRule::LeadsBehind | BatchRule::LeadsBehindAtOnce => {
                batch.led.iter().any(|led| led.behind.is_some())
            }
        };
        batch.enter(match self.model.store {
            _ if batch.led.is_empty() => BatchStage::Follows,
            _ if waits => BatchStage::WaitsToLead,
            Store::Redis => BatchStage::Seals,
            Store::Memory => BatchStage::Reads,
        });
    }

    fn poll_to_lead(&mut self, i: usize, batch: &mut Batch) -> Result<(), &'static str> {
        if self.model.rule == BatchRule::FollowsFirst {
            self.poll_followed(i, batch)?;
        }
        for mut led in mem::take(&mut batch.led) {
            let Some(wait) = &mut led.behind else {
                batch.led.push(led);
                continue;
            };
            match if wait.is_woken() { wait.poll() } else { None } {
                None => batch.led.push(led),
                Some(outcome @ FlightOutcome::Value(_)) => {
                    self.check(i, led.key, &outcome)?;
                    led.leader.pass_on(&wait.follower, outcome);
                }
                Some(_) => batch.led.push(Led { behind: None, ..led }),
            }
        }
        self.go_on_to_lead(batch);
        Ok(())
    }

    fn poll_followed(&self, i: usize, batch: &mut Batch) -> Result<(), &'static str> {
        for FollowedKey { key, mut wait } in mem::take(&mut batch.followed) {
            match if wait.is_woken() { wait.poll() } else { None } {
                None => batch.followed.push(FollowedKey { key, wait }),
                Some(outcome @ FlightOutcome::Value(_)) => self.check(i, key, &outcome)?,
                Some(outcome) => batch.again(key, &outcome),
            }
        }
        Ok(())
    }

    /// Lands the first flight that has its end. When none has, a body loads the other keys, if there are any.
    fn land_next(&self, batch: &mut Batch) {
        let ended = |led: &Led| led.end.is_some();
        if let Some(first) = batch.led.iter().position(ended) {
            let Led { leader, end, .. } = batch.led.remove(first);
            batch.retiring = self.land(leader, |leader| match end {
                Some(LedEnd::With(outcome)) => leader.land(|| outcome),
                Some(LedEnd::Panicked) => leader.panicked(),
                Some(LedEnd::Dropped) | None => drop(leader),
            });
        }
        if !batch.led.iter().any(ended) {
            let lacks = !batch.led.is_empty();
            batch.enter(if lacks { BatchStage::Reopens } else { BatchStage::Follows });
        }
    }

    pub(super) fn befall_many(&self, mut batch: Box<Batch>, mishap: Mishap) -> At {
        match mishap {
            Mishap::Dropped => batch.end_all(|| LedEnd::Dropped),
            Mishap::Fails => batch.end_all(|| LedEnd::With(FlightOutcome::Failed)),
            Mishap::Panics => batch.end_all(|| LedEnd::Panicked),
            Mishap::Unkept => {
                for led in &mut batch.led {
                    let value = led.version.map(|version| Arc::new(version) as _);
                    led.end = Some(LedEnd::With(FlightOutcome::Outdated(value)));
                }
                batch.enter(BatchStage::Lands);
            }
            Mishap::Lacks(key) => {
                let lacking = batch.led.iter_mut().filter(|led| led.key == key);
                lacking.for_each(|led| led.end = Some(LedEnd::Dropped));
                let stage = if batch.led.iter().all(|led| led.end.is_some()) {
                    BatchStage::Lands
                } else {
                    batch.stage
                };
                batch.enter(stage);
            }
            Mishap::GivesUp(key) => {
                if let Some(at) = batch.followed.iter().position(|followed| followed.key == key) {
                    let wait = batch.followed.remove(at).wait;
                    self.flights.give_up(&self.shelves[key].key, &wait.follower);
                    batch.again(key, &FlightOutcome::Abandoned);
                }
            }
        }
        batch.go_on()
    }
}
