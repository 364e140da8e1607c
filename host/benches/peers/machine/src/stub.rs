//! Stands in for `cowpath::explore` until it has `System`: the hand-written model, packed.

use peers_hand::event::Event;
use peers_hand::policy::Vanilla;
use peers_hand::state::State as Hand;
use std::collections::HashSet;

pub type State = [u64; 2];
#[derive(Clone, Debug)]
pub struct Scratch;
#[derive(Clone, Copy, Debug)]
pub struct Successor {
    pub state: State,
    pub by: u16,
    pub flags: u16,
}
#[derive(Debug)]
pub struct System {
    which: u8,
    events: Vec<Event>,
}
pub struct Found {
    pub states: u64,
    pub transitions: u64,
}

fn put(word: &mut u128, at: &mut u32, value: u8, bits: u32) {
    *word |= u128::from(value) << *at;
    *at += bits;
}

fn get(word: u128, at: &mut u32, bits: u32) -> u8 {
    let value = (word >> *at) & ((1 << bits) - 1);
    *at += bits;
    value as u8
}

macro_rules! fields {
    ($s:ident, $do:expr) => {{
        let mut act = $do;
        for x in &mut $s.alive {
            act(x, 1);
        }
        for x in &mut $s.pte {
            act(x, 4);
        }
        for x in &mut $s.expected {
            act(x, 2);
        }
        for x in &mut $s.dirty {
            act(x, 1);
        }
        for x in &mut $s.content {
            act(x, 2);
        }
        for x in &mut $s.disk {
            act(x, 2);
        }
        for x in &mut $s.cache {
            act(x, 2);
        }
        for x in &mut $s.holder {
            act(x, 4);
        }
        act(&mut $s.reclaimed, 2);
        act(&mut $s.phase, 3);
    }};
}

fn pack<
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
>(
    s: &Hand<N, NV, F, S, H, C>,
) -> State {
    let (mut word, mut at, mut s) = (0, 0, *s);
    fields!(s, |x: &mut u8, bits| put(&mut word, &mut at, *x, bits));
    [word as u64, (word >> 64) as u64]
}

fn unpack<
    const N: usize,
    const NV: usize,
    const F: usize,
    const S: usize,
    const H: usize,
    const C: usize,
>(
    state: &State,
) -> Hand<N, NV, F, S, H, C> {
    let word = u128::from(state[0]) | u128::from(state[1]) << 64;
    let (mut at, mut s) = (0, Hand::initial());
    fields!(s, |x: &mut u8, bits| *x = get(word, &mut at, bits));
    let swp = 1 + 3 * F as u8;
    for k in s.pte {
        if k >= swp {
            s.swap_map[(k - swp) as usize] += 1;
        } else if k != 0 {
            s.mapcount[(k - 1) as usize / 3] += 1;
        }
    }
    s.count = s.mapcount;
    for h in s.holder.into_iter().filter(|&h| h != 0) {
        s.count[(h as usize - 1) % F] += 1;
    }
    if s.reclaimed != 0 {
        s.count[s.reclaimed as usize - 1] += 1;
    }
    for k in 0..S {
        if s.cache[k] != 0 {
            let f = s.cache[k] as usize - 1;
            s.slot[f] = k as u8 + 1;
            s.swap_map[k] += 1;
            s.count[f] += 1;
        }
    }
    s
}

impl System {
    pub fn named(name: &str) -> Self {
        let events = match name {
            "A" => peers_hand::A::events().collect(),
            "B" => peers_hand::B::events().collect(),
            _ => panic!("no universe is called {name}"),
        };
        Self { which: name.as_bytes()[0], events }
    }

    pub fn initial(&self) -> State {
        pack(&peers_hand::B::initial())
    }

    pub fn scratch(&self) -> Scratch {
        Scratch
    }

    pub fn successors(&self, _: &mut Scratch, state: &State, into: &mut Vec<Successor>) {
        match self.which {
            b'A' => self.each::<2, 2, 3, 2, 1, 2>(state, into),
            _ => self.each::<2, 2, 3, 2, 2, 3>(state, into),
        }
    }

    fn each<
        const N: usize,
        const NV: usize,
        const F: usize,
        const S: usize,
        const H: usize,
        const C: usize,
    >(
        &self,
        state: &State,
        into: &mut Vec<Successor>,
    ) {
        let s: Hand<N, NV, F, S, H, C> = unpack(state);
        for (by, &event) in self.events.iter().enumerate() {
            if let Some(next) = s.after::<Vanilla>(event) {
                into.push(Successor {
                    state: pack(&next),
                    by: by as u16,
                    flags: u16::from(!next.holds()),
                });
            }
        }
    }
}

pub fn search(system: &System, _threads: usize) -> Found {
    let mut scratch = system.scratch();
    let mut seen = HashSet::from([system.initial()]);
    let mut queue = vec![system.initial()];
    let (mut at, mut transitions) = (0, 0);
    let mut into = Vec::new();
    while at < queue.len() {
        into.clear();
        system.successors(&mut scratch, &queue[at], &mut into);
        at += 1;
        transitions += into.len() as u64;
        queue.extend(into.iter().map(|s| s.state).filter(|&s| seen.insert(s)));
    }
    Found { states: queue.len() as u64, transitions }
}
