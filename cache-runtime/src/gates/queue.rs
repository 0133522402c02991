//! The order in which waiting loads take the permits of a gate.

use std::collections::BTreeMap;

/// One of this number of permits goes to a refresh, if one waits: misses do not hold up refreshes for ever.
const REFRESH_EVERY: u32 = 8;

/// The reason for which a load runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadClass {
    /// A caller waits for its value.
    Miss,
    /// It replaces a value in the background.
    Refresh,
}

/// The permits of a gate, and the loads that wait for one: misses first, each class in the order of its arrival.
#[derive(Debug)]
pub(super) struct GateQueue<T> {
    limit: u32,
    taken: u32,
    misses: BTreeMap<u64, T>,
    refreshes: BTreeMap<u64, T>,
    next: u64,
    /// The permits that misses have received since the last one for a refresh.
    misses_in_a_row: u32,
}

impl<T> GateQueue<T> {
    pub(super) fn new(limit: u32) -> Self {
        GateQueue {
            limit,
            taken: 0,
            misses: BTreeMap::new(),
            refreshes: BTreeMap::new(),
            next: 0,
            misses_in_a_row: 0,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns the number of permits that are taken.
    pub(super) fn taken(&self) -> u32 {
        self.taken
    }

    /// Returns the number of loads that wait.
    pub(super) fn waiting(&self) -> usize {
        self.misses.len() + self.refreshes.len()
    }

    /// Returns true if a load that comes now has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.taken >= self.limit
    }

    /// Takes a permit. Returns false if none is free.
    pub(super) fn enter(&mut self) -> bool {
        // While a load waits, all permits are taken.
        let enters = !self.is_full();
        self.taken += u32::from(enters);
        enters
    }

    /// Adds a load to those that wait. Returns its number.
    pub(super) fn wait(&mut self, class: LoadClass, load: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.of(class).insert(number, load);
        number
    }

    /// Removes a load that waits no longer. Returns `None` if it has received a permit.
    pub(super) fn leave(&mut self, class: LoadClass, number: u64) -> Option<T> {
        self.of(class).remove(&number)
    }

    /// Takes a permit back. Returns the load that receives it; without one, the permit is free.
    pub(super) fn give_back(&mut self) -> Option<T> {
        let next = self.take_next();
        if next.is_none() {
            self.taken = self.taken.saturating_sub(1);
        }
        next
    }

    fn take_next(&mut self) -> Option<T> {
        let is_turn_of_refresh = self.misses_in_a_row + 1 >= REFRESH_EVERY;
        if (is_turn_of_refresh || self.misses.is_empty())
            && let Some((_, refresh)) = self.refreshes.pop_first()
        {
            self.misses_in_a_row = 0;
            return Some(refresh);
        }
        let (_, miss) = self.misses.pop_first()?;
        self.misses_in_a_row = match self.refreshes.is_empty() {
            true => 0,
            false => self.misses_in_a_row + 1,
        };
        Some(miss)
    }

    fn of(&mut self, class: LoadClass) -> &mut BTreeMap<u64, T> {
        match class {
            LoadClass::Miss => &mut self.misses,
            LoadClass::Refresh => &mut self.refreshes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LoadClass::{Miss, Refresh};
    use super::*;

    fn full() -> GateQueue<(LoadClass, u32)> {
        let mut queue = GateQueue::new(1);
        assert!(queue.enter() && !queue.enter());
        queue
    }

    #[test]
    fn misses_come_in_the_order_of_their_arrival_and_before_refreshes() {
        let mut queue = full();
        for (class, number) in [(Refresh, 0), (Miss, 0), (Miss, 1), (Refresh, 1), (Miss, 2)] {
            queue.wait(class, (class, number));
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.give_back()).collect();
        let expected = [(Miss, 0), (Miss, 1), (Miss, 2), (Refresh, 0), (Refresh, 1)];
        assert_eq!(order, expected);
        assert_eq!((queue.taken(), queue.waiting()), (0, 0));
    }

    #[test]
    fn every_eighth_permit_goes_to_the_oldest_refresh() {
        let mut queue = full();
        (0..3).for_each(|number| _ = queue.wait(Refresh, (Refresh, number)));
        (0..20).for_each(|number| _ = queue.wait(Miss, (Miss, number)));
        let order: Vec<_> = std::iter::from_fn(|| queue.give_back()).collect();
        let places: Vec<_> = (0..order.len()).filter(|at| order[*at].0 == Refresh).collect();
        assert_eq!(places, [7, 15, 22]);
    }

    #[test]
    fn a_place_that_is_left_is_free() {
        let mut queue = full();
        let first = queue.wait(Miss, (Miss, 0));
        queue.wait(Miss, (Miss, 1));
        assert_eq!(queue.leave(Miss, first), Some((Miss, 0)));
        assert_eq!(queue.leave(Miss, first), None);
        assert_eq!(queue.give_back(), Some((Miss, 1)));
        assert_eq!(queue.give_back(), None);
        assert!(queue.enter());
    }
}
