//! A list that evicts the least recently used item.

const NONE: u32 = u32::MAX;

/// Items by their number, the least recently used of which makes room. The store's table does somewhat
/// better than that.
pub(crate) struct Lru<T> {
    /// The place of each item, by its number.
    places: Vec<u32>,
    nodes: Vec<Node<T>>,
    capacity: usize,
    first: u32,
    last: u32,
}

struct Node<T> {
    number: u32,
    before: u32,
    after: u32,
    item: T,
}

impl<T> Lru<T> {
    pub(crate) fn new(numbers: usize, capacity: usize) -> Self {
        let (places, nodes) = (vec![NONE; numbers], Vec::new());
        Lru { places, nodes, capacity, first: NONE, last: NONE }
    }

    /// Returns the item of a number, which is now the one that was used last.
    pub(crate) fn get(&mut self, number: usize) -> Option<&T> {
        let place = self.places[number];
        if place == NONE {
            return None;
        }
        self.unlink(place);
        self.move_to_front(place);
        Some(&self.nodes[place as usize].item)
    }

    pub(crate) fn insert(&mut self, number: usize, item: T) {
        if self.get(number).is_some() {
            self.nodes[self.first as usize].item = item;
            return;
        }
        let node = Node { number: number as u32, before: NONE, after: NONE, item };
        let place = if self.nodes.len() < self.capacity {
            self.nodes.push(node);
            self.nodes.len() as u32 - 1
        } else {
            let place = self.last;
            self.unlink(place);
            self.places[self.nodes[place as usize].number as usize] = NONE;
            self.nodes[place as usize] = node;
            place
        };
        self.places[number] = place;
        self.move_to_front(place);
    }

    fn unlink(&mut self, place: u32) {
        let Node { before, after, .. } = self.nodes[place as usize];
        match before {
            NONE => self.first = after,
            before => self.nodes[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.nodes[after as usize].before = before,
        }
    }

    fn move_to_front(&mut self, place: u32) {
        let second = self.first;
        let node = &mut self.nodes[place as usize];
        (node.before, node.after) = (NONE, second);
        match second {
            NONE => self.last = place,
            second => self.nodes[second as usize].before = place,
        }
        self.first = place;
    }
}
