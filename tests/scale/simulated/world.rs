//! Instances with memory and token cache, one Redis, and their reads and invalidations, one after
//! another. A load takes no time. A notice is received at once, or as often as the plan says.

use std::collections::VecDeque;

use cache_tests::Dice;

use super::Plan;
use super::lru::Lru;
use super::zipf::{Zipf, fraction};

/// The counts since the simulation has reached its steady state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) seconds: f64,
    pub(crate) reads: f64,
    pub(crate) memory_hits: f64,
    pub(crate) redis_hits: f64,
    /// Of tokens, and those of them that the token cache had.
    pub(crate) token_cache_looks: f64,
    pub(crate) token_cache_hits: f64,
    /// Copies that were found stale though nothing of theirs had been invalidated.
    pub(crate) false_shares: f64,
    pub(crate) commands: f64,
    pub(crate) notices: f64,
    pub(crate) deliveries: f64,
    /// At the end.
    pub(crate) tokens: f64,
    pub(crate) entries: f64,
}

#[derive(Clone, Copy)]
struct Copied {
    ends: f64,
    stamps: u64,
    /// The number of invalidations of its name and its prefix.
    truth: u64,
}

#[derive(Clone, Copy)]
struct CachedToken {
    ends: f64,
    stamps: u64,
    token: u64,
}

struct Instance {
    memory: Lru<Copied>,
    token_cache: Lru<CachedToken>,
}

#[derive(Clone, Copy, Default)]
struct Stored {
    ends: f64,
    token: u64,
}

#[derive(Clone, Copy, Default)]
struct Token {
    ends: f64,
    /// 0: there is none.
    token: u64,
}

pub(crate) struct World {
    plan: Plan,
    zipf: Zipf,
    dice: Dice,
    now: f64,
    instances: Vec<Instance>,
    stored: Vec<Stored>,
    tokens: Vec<Token>,
    next_token: u64,
    /// The counters are the same in all instances: those of names, and those of tags.
    name_slots: Vec<u64>,
    tag_slots: Vec<u64>,
    name_truth: Vec<u64>,
    group_truth: Vec<u64>,
    /// Further copies of notices, and when they come.
    echoes: VecDeque<(f64, Change)>,
    counted: Counted,
}

#[derive(Clone, Copy)]
enum Change {
    Name(usize),
    Prefix(usize),
}

impl World {
    pub(crate) fn new(plan: Plan, seed: u64) -> Self {
        let [keys, groups, slots] =
            [plan.keys, plan.groups(), plan.slots].map(|number| number as usize);
        let instance = || Instance {
            memory: Lru::new(keys, plan.copies as usize),
            // The prefix that all have comes last.
            token_cache: Lru::new(groups + 1, plan.token_cache as usize),
        };
        World {
            plan,
            zipf: Zipf::new(keys, plan.exponent),
            dice: Dice::new(seed),
            now: 0.0,
            instances: (0..plan.instances as usize).map(|_| instance()).collect(),
            stored: vec![Stored::default(); keys],
            tokens: vec![Token::default(); groups + 1],
            next_token: 0,
            name_slots: vec![0; slots],
            tag_slots: vec![0; slots],
            name_truth: vec![0; keys],
            group_truth: vec![0; groups + 1],
            echoes: VecDeque::new(),
            counted: Counted::default(),
        }
    }

    /// Two lives of an entry pass unseen; then it is counted for as long again.
    pub(crate) fn run(mut self) -> Counted {
        let seconds = 2.0 * self.plan.ttl;
        self.pass(seconds);
        self.counted = Counted { seconds, ..Counted::default() };
        self.pass(seconds);
        let now = self.now;
        let lives = |token: &Token| token.token != 0 && now < token.ends;
        self.counted.tokens = self.tokens.iter().filter(|token| lives(token)).count() as f64;
        let keys = 0..self.stored.len();
        self.counted.entries = keys.filter(|key| self.is_valid(*key)).count() as f64;
        self.counted
    }

    fn pass(&mut self, seconds: f64) {
        let reads = self.plan.instances * self.plan.reads;
        let all = reads + self.plan.invalidations();
        let end = self.now + seconds;
        while self.now < end {
            // As if by chance: the time to the next event is exponential.
            self.now -= (1.0 - fraction(&mut self.dice)).ln() / all;
            while self.echoes.front().is_some_and(|(at, _)| *at <= self.now) {
                if let Some((_, change)) = self.echoes.pop_front() {
                    self.receive(change);
                }
            }
            let which = fraction(&mut self.dice) * all;
            if which < reads {
                let instance = self.dice.below(self.instances.len() as u64) as usize;
                let key = self.zipf.key(&mut self.dice);
                self.read(instance, key);
            } else if which < reads + self.plan.names {
                let key = self.dice.below(self.stored.len() as u64) as usize;
                self.stored[key] = Stored::default();
                self.name_truth[key] += 1;
                self.tell(Change::Name(key));
            } else {
                let group = self.dice.below(self.plan.groups() as u64) as usize;
                self.tokens[group].token = 0;
                self.group_truth[group] += 1;
                self.tell(Change::Prefix(group));
            }
        }
    }

    fn tell(&mut self, change: Change) {
        self.counted.commands += 1.0;
        self.counted.notices += 1.0;
        self.receive(change);
        for copy in 1..self.plan.notices as usize {
            let at = self.now + copy as f64 * self.plan.apart;
            self.echoes.push_back((at, change));
        }
    }

    /// Applies a change to an instance that receives it, in one step.
    fn receive(&mut self, change: Change) {
        self.counted.deliveries += self.plan.instances;
        match change {
            Change::Name(key) => bump(&mut self.name_slots, key as u64),
            Change::Prefix(group) => {
                bump(&mut self.tag_slots, group as u64);
                // The name that is the prefix itself.
                bump(&mut self.name_slots, u64::MAX - group as u64);
            }
        }
    }

    fn group(&self, key: usize) -> usize {
        // Popular keys are spread over the prefixes.
        (slot(key as u64, usize::MAX) ^ 0x5A5A) % (self.tokens.len() - 1)
    }

    /// The prefix that all have.
    fn common(&self) -> usize {
        self.tokens.len() - 1
    }

    fn tag_stamp(&self, tag: usize) -> u64 {
        self.tag_slots[slot(tag as u64, self.tag_slots.len())]
    }

    fn stamps(&self, key: usize) -> u64 {
        let name = self.name_slots[slot(key as u64, self.name_slots.len())];
        name + self.tag_stamp(self.group(key)) + self.tag_stamp(self.common())
    }

    fn truth(&self, key: usize) -> u64 {
        self.name_truth[key] + self.group_truth[self.group(key)]
    }

    fn is_valid(&self, key: usize) -> bool {
        let (stored, token) = (self.stored[key], self.tokens[self.group(key)]);
        self.now < stored.ends && token.token == stored.token && self.now < token.ends
    }

    fn read(&mut self, instance: usize, key: usize) {
        self.counted.reads += 1.0;
        let (now, stamps, truth) = (self.now, self.stamps(key), self.truth(key));
        if let Some(copy) = self.instances[instance].memory.get(key)
            && now < copy.ends
        {
            if copy.stamps == stamps {
                assert_eq!(copy.truth, truth, "a stale copy was served");
                self.counted.memory_hits += 1.0;
                return;
            }
            if copy.truth == truth {
                self.counted.false_shares += 1.0;
            }
        }
        // GET or MGET.
        self.counted.commands += 1.0;
        if now < self.stored[key].ends {
            self.validate(instance, key);
        }
        if self.is_valid(key) {
            self.counted.redis_hits += 1.0;
        } else {
            self.load(instance, key);
        }
        let ends = self.stored[key].ends.min(now + self.plan.memory_ttl);
        self.instances[instance].memory.insert(key, Copied { ends, stamps, truth });
    }

    /// Compares the tokens of an entry with those of the token cache; if it has not all they came with
    /// the entry, by MGET in place of GET.
    fn validate(&mut self, instance: usize, key: usize) {
        let (group, common) = (self.group(key), self.common());
        let expected = self.stored[key].token;
        let knows = |world: &mut World, tag: usize| {
            let (now, stamps) = (world.now, world.tag_stamp(tag));
            let cached_tokens = world.instances[instance].token_cache.get(tag);
            let known = cached_tokens.filter(|known| now < known.ends && known.stamps == stamps);
            known.map(|known| known.token)
        };
        self.counted.token_cache_looks += 1.0;
        match (knows(self, common), knows(self, group)) {
            (Some(_), Some(token)) if token == expected => self.counted.token_cache_hits += 1.0,
            (Some(_), Some(_)) => {
                // The token cache may be behind: they are requested.
                self.counted.commands += 1.0;
                self.remember(instance, group);
            }
            _ => self.remember(instance, group),
        }
    }

    fn remember(&mut self, instance: usize, group: usize) {
        for tag in [group, self.common()] {
            let Token { token, ends } = self.tokens[tag];
            if token != 0 && self.now < ends {
                let (ends, stamps) = (self.now + self.plan.memory_ttl, self.tag_stamp(tag));
                self.instances[instance]
                    .token_cache
                    .insert(tag, CachedToken { ends, stamps, token });
            }
        }
    }

    /// BEGIN and FILL.
    fn load(&mut self, instance: usize, key: usize) {
        self.counted.commands += 2.0;
        let group = self.group(key);
        for tag in [group, self.common()] {
            if self.tokens[tag].token == 0 || self.tokens[tag].ends <= self.now {
                self.next_token += 1;
                self.tokens[tag].token = self.next_token;
            }
            self.tokens[tag].ends = self.now + self.plan.token_life;
        }
        self.remember(instance, group);
        self.stored[key] =
            Stored { ends: self.now + self.plan.ttl, token: self.tokens[group].token };
    }
}

fn bump(slots: &mut [u64], number: u64) {
    let at = slot(number, slots.len());
    slots[at] += 1;
}

fn slot(number: u64, slots: usize) -> usize {
    Dice::new(number).word() as usize % slots
}
