//! What can go on for ever: fair cycles in the graph of all states.
//!
//! A *fair cycle* is one that can be repeated for ever while everybody gets on: on it, or
//! at some state of it,
//! - each process and kernel thread moves, or is idle, or waits for what it has not got;
//! - each device completes a request, or has none;
//! - swap IO completes, or none is under way.
//!
//! *Stuck page*: a fair cycle on which a migration is refused, a request completes, no
//! migration succeeds, and no state of which is *open*. A state is open if the migration
//! that is under way there, or the next one, begun as soon as that has ended, would succeed
//! if it were undisturbed: it takes no time beside an IO; when it waits for a lock, those
//! who are in the middle of something go on until it can, and nobody begins anything; when
//! it sleeps for a while, all of them get on as far as they can, and each IO completes. A
//! migration that finds no frame or slot to move the page to counts as if it would succeed:
//! it is not the page that is stuck then. So it is not bad luck that the page is never got:
//! at no time would it have helped to look just then. Where a request is always in flight
//! and the pte is not taken down, there are such cycles; where it is taken down, whoever
//! wants the page next has to wait, and the IO that is under way comes to its end.
//!
//! *No progress*: a fair cycle on which swapoff moves. It is told who has to begin
//! something again and again for it, and as few as possible do.
//!
//! Cycles are looked for as strongly connected components: what is asked of a cycle is
//! that it passes through something, so if any cycle will do, one through the whole of its
//! component does. Names that change along a cycle (symmetry) are followed: it is each
//! request's device that has to complete, by whatever name, and the cycle that is printed
//! brings everybody back to his own name. A chain of stages that move left (partial order)
//! is part of one transition and ends, so nobody is passed over for ever, and what no
//! transition in between can be told apart from adds no cycle.
//!
//! Not asked: which page it is, where there are several: no migration of any page succeeds
//! on the cycle. Of several swap requests it is only asked that some complete. Reclaim's
//! scans are none of this: nothing in them waits, so a page that is always in use is never
//! got by them, under any rule. Nor are tasks that wait for each other while others go on
//! for ever: a deadlock is found where nobody can move.

use super::actor::Op;
use super::intern::hash_of;
use super::model::Model as _;
use super::narrate::narrate;
use super::system::{Choice, Scratch, State, System, WORDS, flag, place_of};
use super::universe::{Times, Universe};
use super::{Elsewhere, Fair, Finding, Repeats, Subject, replay, write};
use crate::mm::Counters;
use crate::policy::Policy;
use crate::routines::stage_names;
use crate::run::{Options, Script, run};
use crate::scenario::parse_with_stages;
use hashbrown::HashTable;
use std::collections::VecDeque;

/// Most states of a graph that is kept: about 100 bytes each.
const MOST_STATES: u64 = 1 << 23;

/// Times that a cycle is gone round in what is replayed and written: enough for a run to
/// judge.
const TIMES: usize = 5;

/// Names of those who can begin something: processes, reclaim, migration, failures.
const WHO: [&str; 4] = ["processes", "reclaim", "migration", "failures"];

/// What is known about the end of a migration that is under way.
const UNKNOWN: u32 = u32::MAX;
/// It succeeds, or there is no room for the page.
const REMOVED: u32 = u32::MAX - 1;
/// It does not end.
const NEVER: u32 = u32::MAX - 2;

/// A transition.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    by: Choice,
    flags: u8,
    /// The names that it leads to, an index.
    naming: u8,
}

/// All states, numbered as they are found, and the transitions between them.
struct Graph<'s, 'a, const W: usize> {
    system: &'s System<'a, W>,
    states: Vec<State<W>>,
    parents: Vec<(u32, Choice)>,
    /// Who is in the middle of something, as bits.
    busy: Vec<u32>,
    /// Where each state's edges end.
    ends: Vec<u32>,
    edges: Vec<Edge>,
    /// New places of roles; the first: everybody keeps his.
    namings: Vec<Vec<u8>>,
    scratch: Scratch,
}

/// A schedule that goes on for ever.
pub(super) struct Lasso {
    pub word: &'static str,
    /// States of the component.
    pub states: u64,
    prefix: Vec<Choice>,
    round: Vec<Choice>,
    begin: Vec<&'static str>,
}

/// What is asked of a cycle.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// A stuck page: who migrates.
    Stuck(u8),
    /// No progress: who turns swap off.
    NoProgress(u8),
}

/// What a cycle has to pass through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Refused(u8),
    Completed,
    Moves(u8),
    /// Somebody, by the place that he has at the start, is treated fairly.
    Fair(u8),
}

impl Asked {
    const fn word(self) -> &'static str {
        match self {
            Self::Stuck(_) => "STUCK",
            Self::NoProgress(_) => "NO PROGRESS",
        }
    }

    fn goals(self) -> Vec<Goal> {
        match self {
            Self::Stuck(scanner) => vec![Goal::Refused(scanner), Goal::Completed],
            Self::NoProgress(swapoff) => vec![Goal::Moves(swapoff)],
        }
    }
}

/// What can be asked of a universe.
fn questions<const W: usize>(system: &System<'_, W>) -> Vec<Asked> {
    let role = |wanted: fn(&Op) -> bool| {
        let place = system.cast().iter().position(|cast| cast.ops.iter().any(wanted));
        place.map(|role| role as u8)
    };
    let Universe { migrate, requests, swapoff, .. } = *system.universe();
    let mut asked = Vec::new();
    if migrate == Times::Always && requests > 0 {
        asked.extend(role(|op| matches!(op, Op::Migrate(..))).map(Asked::Stuck));
    }
    if swapoff {
        asked.extend(role(|op| matches!(op, Op::Swapoff)).map(Asked::NoProgress));
    }
    asked
}

/// Looks for what can go on for ever in a system all of whose states are known to be so
/// many.
pub(super) fn look<const W: usize>(system: &System<'_, W>, states: u64) -> (Vec<Fair>, Vec<Lasso>) {
    let asked = questions(system);
    if asked.is_empty() || states > MOST_STATES {
        let fair = |asked: &Asked| Fair { word: asked.word(), states: None };
        return (asked.iter().map(fair).collect(), Vec::new());
    }
    let mut graph = Graph::new(system);
    let (mut fair, mut lassos) = (Vec::new(), Vec::new());
    for asked in asked {
        let lasso = graph.ask(asked);
        let states = Some(lasso.as_ref().map_or(0, |lasso| lasso.states));
        fair.push(Fair { word: asked.word(), states });
        lassos.extend(lasso);
    }
    (fair, lassos)
}

impl<'s, 'a, const W: usize> Graph<'s, 'a, W> {
    fn new(system: &'s System<'a, W>) -> Self {
        let everybody = (0..=system.cast().len() as u8).collect();
        let mut graph = Self {
            system,
            states: vec![system.initial()],
            parents: vec![(0, Choice { by: 0, which: 0 })],
            busy: Vec::new(),
            ends: Vec::new(),
            edges: Vec::new(),
            namings: vec![everybody],
            scratch: system.scratch(),
        };
        let mut numbers = HashTable::new();
        numbers.insert_unique(place_of(&graph.states[0]), 0, |_| 0);
        let mut found = Vec::new();
        while graph.ends.len() < graph.states.len() {
            let from = graph.ends.len();
            if from.is_multiple_of(4096) {
                system.remember_more(u64::MAX);
            }
            let state = graph.states[from];
            found.clear();
            graph.busy.push(system.busy(&mut graph.scratch, &state));
            system.expand(&mut graph.scratch, &state, &mut found);
            for one in &found {
                let states = &mut graph.states;
                let hash = place_of(&one.state);
                let same = |&number: &u32| states[number as usize] == one.state;
                let to = numbers.find(hash, same).copied().unwrap_or_else(|| {
                    let number = states.len() as u32;
                    states.push(one.state);
                    graph.parents.push((from as u32, one.by));
                    let rehash = |&number: &u32| place_of(&states[number as usize]);
                    numbers.insert_unique(hash, number, rehash);
                    number
                });
                let renamed = one.flags & flag::RENAMED != 0;
                let naming = if renamed { graph.naming(&state, one.by) } else { 0 };
                graph.edges.push(Edge { to, by: one.by, flags: one.flags, naming });
            }
            graph.ends.push(u32::try_from(graph.edges.len()).expect("fewer than 2^32"));
        }
        graph
    }

    fn naming(&mut self, state: &State<W>, by: Choice) -> u8 {
        let Some(mut roles) = self.system.roles(&mut self.scratch, state, by) else { return 0 };
        roles.push(roles.len() as u8);
        let known = self.namings.iter().position(|one| *one == roles);
        let place = known.unwrap_or_else(|| {
            self.namings.push(roles);
            self.namings.len() - 1
        });
        u8::try_from(place).expect("few orders of few actors")
    }

    fn range(&self, state: u32) -> std::ops::Range<usize> {
        let end = |state: u32| self.ends[state as usize] as usize;
        state.checked_sub(1).map_or(0, end)..end(state)
    }

    fn edges(&self, state: u32) -> &[Edge] {
        &self.edges[self.range(state)]
    }

    fn idle(&self, state: u32, role: u8) -> bool {
        self.busy[state as usize] >> role & 1 == 0
    }

    fn moves(&self, state: u32, role: u8) -> bool {
        self.edges(state).iter().any(|edge| edge.by.by == role)
    }

    fn device(&self, role: u8) -> bool {
        self.system.cast().get(usize::from(role)).is_some_and(|cast| cast.device.is_some())
    }

    /// Swap IO, as if it were one more actor.
    fn swap(&self) -> u8 {
        self.system.cast().len() as u8
    }

    /// Who makes a transition.
    fn mover(&self, edge: &Edge) -> u8 {
        if edge.by.by == Choice::SWAP { self.swap() } else { edge.by.by }
    }

    /// Who begins something, an index of [`WHO`]; none: nobody, or a device, or swapoff.
    fn begins(&self, state: u32, edge: &Edge) -> Option<usize> {
        if edge.by.by == Choice::SWAP || !self.idle(state, edge.by.by) {
            return None;
        }
        let cast = &self.system.cast()[usize::from(edge.by.by)];
        match cast.ops[usize::from(edge.by.which)] {
            Op::Verb(..) => Some(0),
            Op::Shrink(..) => Some(1),
            Op::Migrate(..) => Some(2),
            Op::Fail | Op::NoMemory | Op::NoSwap => Some(3),
            Op::Swapoff | Op::Complete | Op::Put | Op::PinRead | Op::PinWrite => None,
        }
    }

    /// Whether somebody is treated fairly by being here.
    fn fair_at(&self, state: u32, role: u8) -> bool {
        if role == self.swap() {
            return !self.moves(state, Choice::SWAP);
        }
        match self.device(role) {
            true => self.idle(state, role) && !self.moves(state, role),
            false => self.idle(state, role) || !self.moves(state, role),
        }
    }

    /// Whether somebody is treated fairly by this transition.
    fn fair_by(&self, edge: &Edge, role: u8) -> bool {
        let completes = edge.flags & flag::COMPLETED != 0;
        self.mover(edge) == role && (completes || !self.device(role))
    }

    fn reached_at(&self, goal: Goal, state: u32, places: &[u8]) -> bool {
        matches!(goal, Goal::Fair(who) if self.fair_at(state, places[usize::from(who)]))
    }

    fn reached_by(&self, goal: Goal, edge: &Edge, places: &[u8]) -> bool {
        let (by, flags) = (edge.by.by, edge.flags);
        match goal {
            Goal::Refused(scanner) => by == scanner && flags & flag::REFUSED != 0,
            Goal::Completed => by != Choice::SWAP && flags & flag::COMPLETED != 0,
            Goal::Moves(who) => by == who,
            Goal::Fair(who) => self.fair_by(edge, places[usize::from(who)]),
        }
    }

    fn ask(&mut self, asked: Asked) -> Option<Lasso> {
        match asked {
            Asked::Stuck(scanner) => {
                let open = self.open(scanner);
                let allowed = |from: u32, edge: &Edge| {
                    let removed = edge.by.by == scanner && edge.flags & flag::REMOVED != 0;
                    !removed && !open[from as usize] && !open[edge.to as usize]
                };
                self.lasso(asked, &allowed)
            }
            Asked::NoProgress(_) => {
                let lasso = |who: u8| {
                    let may = |from, edge: &Edge| {
                        edge.flags & flag::OFF == 0
                            && self.begins(from, edge).is_none_or(|one| who >> one & 1 == 1)
                    };
                    self.lasso(asked, &may)
                };
                let everybody = (1 << WHO.len()) - 1;
                let lasso_of_all = lasso(everybody)?;
                let mut some: Vec<u8> = (0..everybody).collect();
                some.sort_by_key(|who| who.count_ones());
                some.into_iter().find_map(lasso).or(Some(lasso_of_all))
            }
        }
    }

    /// The first component with a fair cycle, and such a cycle.
    fn lasso(&self, asked: Asked, allowed: &impl Fn(u32, &Edge) -> bool) -> Option<Lasso> {
        let component = self.components(allowed);
        let inside = |from: u32, edge: &Edge| {
            component[from as usize] == component[edge.to as usize] && allowed(from, edge)
        };
        // How many goals each component's transitions reach: all, or it is none of ours.
        let goals = asked.goals();
        let all = (1u8 << goals.len()) - 1;
        let mut reached = vec![0u8; self.states.len()];
        for from in 0..self.states.len() as u32 {
            for edge in self.edges(from).iter().filter(|edge| inside(from, edge)) {
                for (place, &goal) in goals.iter().enumerate() {
                    let here = self.reached_by(goal, edge, &[]);
                    reached[component[from as usize] as usize] |= u8::from(here) << place;
                }
            }
        }
        let mut members: Vec<Vec<u32>> = Vec::new();
        let mut places = vec![usize::MAX; self.states.len()];
        for state in 0..self.states.len() as u32 {
            let of = component[state as usize] as usize;
            if reached[of] == all {
                if places[of] == usize::MAX {
                    places[of] = members.len();
                    members.push(Vec::new());
                }
                members[places[of]].push(state);
            }
        }
        let fair = members.into_iter().find(|members| self.all_fair(members, &inside))?;
        Some(self.told(asked, &fair, &inside))
    }

    fn told(&self, asked: Asked, members: &[u32], inside: &impl Fn(u32, &Edge) -> bool) -> Lasso {
        let first = |wanted: &dyn Fn(u32, &Edge) -> bool| {
            members.iter().find_map(|&state| {
                let mut range = self.range(state);
                let is = |&edge: &usize| {
                    inside(state, &self.edges[edge]) && wanted(state, &self.edges[edge])
                };
                range.find(is).map(|edge| (state, edge))
            })
        };
        let begins = |state: u32, edge: &Edge| match asked {
            Asked::Stuck(scanner) => edge.by.by == scanner && self.idle(state, scanner),
            Asked::NoProgress(_) => self.begins(state, edge).is_some(),
        };
        let start = first(&begins).or_else(|| first(&|_, _| true)).expect("it has a cycle");
        let round = self.round(asked, start, inside);
        let mut begin = [false; WHO.len()];
        for &(state, edge) in &round {
            if let Some(who) = self.begins(state, &self.edges[edge]) {
                begin[who] = true;
            }
        }
        let begin = WHO.into_iter().zip(begin).filter_map(|(who, does)| does.then_some(who));
        Lasso {
            word: asked.word(),
            states: members.len() as u64,
            prefix: self.prefix(start.0),
            round: round.iter().map(|&(_, edge)| self.edges[edge].by).collect(),
            begin: begin.collect(),
        }
    }

    fn prefix(&self, mut state: u32) -> Vec<Choice> {
        let mut choices = Vec::new();
        while state > 0 {
            let (parent, by) = self.parents[state as usize];
            choices.push(by);
            state = parent;
        }
        choices.reverse();
        choices
    }

    /// Strongly connected components: a number for each state, that of one of its states.
    fn components(&self, allowed: &impl Fn(u32, &Edge) -> bool) -> Vec<u32> {
        const NONE: u32 = u32::MAX;
        let count = self.states.len();
        let (mut component, mut low) = (vec![NONE; count], vec![NONE; count]);
        let (mut stack, mut work) = (Vec::new(), Vec::new());
        let mut met = 0;
        for root in 0..count as u32 {
            if low[root as usize] != NONE {
                continue;
            }
            work.push((root, self.range(root).start, met));
            while let Some((state, next, number)) = work.pop() {
                let at = state as usize;
                if low[at] == NONE {
                    low[at] = number;
                    met += 1;
                    stack.push(state);
                }
                let mut deeper = None;
                for edge in next..self.range(state).end {
                    let one = &self.edges[edge];
                    let to = one.to as usize;
                    if !allowed(state, one) {
                        continue;
                    }
                    if low[to] == NONE {
                        deeper = Some(edge);
                        break;
                    }
                    if component[to] == NONE {
                        low[at] = low[at].min(low[to]);
                    }
                }
                if let Some(edge) = deeper {
                    // It is met again when the other is done.
                    work.push((state, edge, number));
                    work.push((self.edges[edge].to, self.range(self.edges[edge].to).start, met));
                } else if low[at] == number {
                    while let Some(one) = stack.pop() {
                        component[one as usize] = state;
                        if one == state {
                            break;
                        }
                    }
                }
            }
        }
        component
    }

    /// Whether everybody is treated fairly somewhere in a component, by whatever name.
    fn all_fair(&self, members: &[u32], inside: &impl Fn(u32, &Edge) -> bool) -> bool {
        let roles = usize::from(self.swap()) + 1;
        let place = |state: u32| members.binary_search(&state).expect("it is one of them");
        let mut same = Same::new(members.len() * roles);
        for (at, &state) in members.iter().enumerate() {
            for edge in self.edges(state).iter().filter(|edge| inside(state, edge)) {
                let to = place(edge.to);
                for (role, &named) in self.namings[usize::from(edge.naming)].iter().enumerate() {
                    same.join(at * roles + role, to * roles + usize::from(named));
                }
            }
        }
        let mut fair = vec![false; members.len() * roles];
        for (at, &state) in members.iter().enumerate() {
            for role in 0..roles {
                let mut edges = self.edges(state).iter().filter(|edge| inside(state, edge));
                let by = edges.any(|edge| self.fair_by(edge, role as u8));
                if by || self.fair_at(state, role as u8) {
                    fair[same.root(at * roles + role)] = true;
                }
            }
        }
        (0..roles).all(|role| fair[same.root(role)])
    }

    /// A short cycle from a transition on, through all that is needed, after which everybody
    /// has his name again.
    fn round(
        &self,
        asked: Asked,
        (start, first): (u32, usize),
        inside: &impl Fn(u32, &Edge) -> bool,
    ) -> Vec<(u32, usize)> {
        let mut goals = asked.goals();
        goals.extend((0..=self.swap()).map(Goal::Fair));
        let own = self.namings[0].clone();
        goals.retain(|&goal| !self.reached_at(goal, start, &own));
        let mut at = (start, own.clone());
        let mut round = Vec::new();
        let mut path = vec![(start, first)];
        loop {
            for &(state, number) in &path {
                let edge = &self.edges[number];
                goals.retain(|&goal| !self.reached_by(goal, edge, &at.1));
                at = self.after(&at.1, edge);
                goals.retain(|&goal| !self.reached_at(goal, at.0, &at.1));
                round.push((state, number));
            }
            if goals.is_empty() && at == (start, own.clone()) {
                return round;
            }
            path = self.path(&at, inside, &|edge, before, after| match goals.is_empty() {
                true => *after == (start, own.clone()),
                false => goals.iter().any(|&goal| {
                    self.reached_by(goal, edge, before) || self.reached_at(goal, after.0, &after.1)
                }),
            });
        }
    }

    fn after(&self, places: &[u8], edge: &Edge) -> (u32, Vec<u8>) {
        let names = &self.namings[usize::from(edge.naming)];
        (edge.to, places.iter().map(|&place| names[usize::from(place)]).collect())
    }

    /// The shortest way to a transition that is wanted.
    fn path(
        &self,
        from: &(u32, Vec<u8>),
        inside: &impl Fn(u32, &Edge) -> bool,
        wanted: &impl Fn(&Edge, &[u8], &(u32, Vec<u8>)) -> bool,
    ) -> Vec<(u32, usize)> {
        let mut nodes = vec![(from.clone(), usize::MAX, 0)];
        let mut numbers = HashTable::new();
        numbers.insert_unique(hash_of(from), 0usize, |_| 0);
        let mut queue = VecDeque::from([0]);
        while let Some(node) = queue.pop_front() {
            let (state, places) = nodes[node].0.clone();
            for number in self.range(state) {
                let edge = &self.edges[number];
                if !inside(state, edge) {
                    continue;
                }
                let next = self.after(&places, edge);
                if wanted(edge, &places, &next) {
                    let mut path = vec![(state, number)];
                    let mut back = node;
                    while nodes[back].1 != usize::MAX {
                        let (_, parent, number) = nodes[back];
                        path.push((nodes[parent].0.0, number));
                        back = parent;
                    }
                    path.reverse();
                    return path;
                }
                let hash = hash_of(&next);
                if numbers.find(hash, |&one| nodes[one].0 == next).is_none() {
                    queue.push_back(nodes.len());
                    let new = nodes.len();
                    nodes.push((next, node, number));
                    numbers.insert_unique(hash, new, |&one| hash_of(&nodes[one].0));
                }
            }
        }
        unreachable!("a component is strongly connected")
    }

    /// Which states are open, see the module.
    fn open(&mut self, scanner: u8) -> Vec<bool> {
        let count = self.states.len();
        let asleep = self.asleep(scanner);
        let mut ends = vec![UNKNOWN; count];
        let mut open = vec![false; count];
        for state in 0..count as u32 {
            if self.idle(state, scanner) {
                open[state as usize] = self.range(state).any(|number| {
                    let Edge { to, by, flags, .. } = self.edges[number];
                    let begun = by.by == scanner;
                    let over = self.idle(to, scanner);
                    begun
                        && match over {
                            true => flags & flag::REFUSED == 0,
                            false => self.end(scanner, to, &asleep, &mut ends) == REMOVED,
                        }
                });
            }
        }
        for state in 0..count as u32 {
            if !self.idle(state, scanner) {
                open[state as usize] = match self.end(scanner, state, &asleep, &mut ends) {
                    REMOVED => true,
                    NEVER | UNKNOWN => false,
                    then => open[then as usize],
                };
            }
        }
        open
    }

    /// In which states somebody sleeps for a while.
    fn asleep(&mut self, role: u8) -> Vec<bool> {
        let Self { system, states, busy, scratch, .. } = self;
        let mut known: Vec<Option<bool>> = Vec::new();
        let one = |(state, busy): (&State<W>, &u32)| {
            if busy >> role & 1 == 0 {
                return false;
            }
            let actor = system.actor_of(state, role.into()) as usize;
            known.resize(known.len().max(actor + 1), None);
            *known[actor].get_or_insert_with(|| system.sleeps(scratch, state, role.into()))
        };
        states.iter().zip(&*busy).map(one).collect()
    }

    /// What the migration that is under way in a state comes to if it is undisturbed: it
    /// succeeds, does not end, or is refused: then the state after it.
    fn end(&self, scanner: u8, state: u32, asleep: &[bool], ends: &mut [u32]) -> u32 {
        let mut path = Vec::new();
        let mut at = state;
        let end = loop {
            if self.idle(at, scanner) {
                break at;
            }
            if ends[at as usize] != UNKNOWN {
                break ends[at as usize];
            }
            // Whoever comes back here never gets anywhere.
            ends[at as usize] = NEVER;
            path.push(at);
            let Some(edge) = self.undisturbed(scanner, at, asleep[at as usize]) else {
                break NEVER;
            };
            let over = edge.by.by == scanner && self.idle(edge.to, scanner);
            if over && edge.flags & flag::REFUSED == 0 {
                break REMOVED;
            }
            at = edge.to;
        };
        for state in path {
            ends[state as usize] = end;
        }
        end
    }

    /// Who is next while a migration is undisturbed.
    fn undisturbed(&self, scanner: u8, state: u32, asleep: bool) -> Option<Edge> {
        let edges = self.edges(state);
        let own = edges.iter().find(|edge| edge.by.by == scanner);
        if own.is_some() && !asleep {
            return own.copied();
        }
        let goes_on = |edge: &&Edge| {
            let by = edge.by.by;
            by != scanner && by != Choice::SWAP && !self.idle(state, by)
        };
        let completes = |edge: &&Edge| {
            let ops = |by: u8| &self.system.cast()[usize::from(by)].ops;
            let which = |edge: &&Edge| ops(edge.by.by)[usize::from(edge.by.which)];
            self.device(edge.by.by) && matches!(which(edge), Op::Complete)
        };
        let swap = |edge: &&Edge| edge.by.by == Choice::SWAP;
        let next = edges.iter().find(goes_on).or_else(|| edges.iter().find(swap));
        next.or_else(|| edges.iter().find(completes)).or(own).copied()
    }
}

/// Which of many are the same.
struct Same(Vec<u32>);

impl Same {
    fn new(count: usize) -> Self {
        Self((0..u32::try_from(count).expect("fewer than 2^32")).collect())
    }

    fn root(&mut self, mut one: usize) -> usize {
        while self.0[one] as usize != one {
            self.0[one] = self.0[self.0[one] as usize];
            one = self.0[one] as usize;
        }
        one
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other) as u32;
    }
}

/// What goes on for ever as a finding: told as a scenario that goes round a few times,
/// replayed, written.
///
/// # Panics
/// A schedule that cannot be followed: a mistake of this program.
pub(super) fn finding<const W: usize>(
    system: &System<'_, W>,
    policy: &Policy,
    others: &[&Policy],
    lasso: &Lasso,
) -> Finding {
    let Lasso { word, prefix, round, begin, .. } = lasso;
    let schedule = |times: usize| -> Vec<Choice> {
        prefix.iter().chain(std::iter::repeat_n(round, times).flatten()).copied().collect()
    };
    let told = narrate(system, &schedule(TIMES));
    let [before, once] = [0, 1].map(|times| narrate(system, &schedule(times)).moves.len());
    let script = Script::of(&told.scenario);
    let subject = Subject { scenario: &told.scenario, script: &script, counters: Counters::Two };
    let replayed = replay::replay(&subject, policy, &told.moves).unwrap_or_else(|refused| {
        panic!("{word} cannot be replayed: turn {}: {}", refused.turn, refused.why)
    });
    assert!(replayed.moves.len() >= told.moves.len(), "{word} ends when replayed");
    let moves = &replayed.moves[..told.moves.len()];
    let written = write::write(&subject, policy, moves, word);
    let goes_on = before > 0
        && moves.get(before).is_some_and(|next| {
            let last = &moves[before - 1];
            !next.began && (last.by, last.step) == (next.by, next.step)
        });
    let turns = subject.turns(&moves[..before]).len();
    let repeats = Repeats {
        from: (turns + usize::from(!goes_on)) as u32,
        transitions: (once - before) as u32,
        begin: begin.clone(),
    };
    let elsewhere = others.iter().map(|other| elsewhere(other, &written));
    Finding {
        word,
        line: line(word, begin),
        transitions: once as u32,
        schedule: subject.turns(&moves[..once]),
        elsewhere: elsewhere.flatten().collect(),
        repeats: Some(repeats),
        written,
    }
}

fn line(word: &str, begin: &[&str]) -> String {
    let what = match word {
        "STUCK" => "no migration gets the page, whenever it looks, though each request completes",
        _ => "swapoff goes on for ever, though everybody gets on",
    };
    if begin.is_empty() {
        return format!("{what}; nobody has to begin anything for that");
    }
    format!("{what}; who begins something again and again for that: {}", begin.join(", "))
}

/// What a written scenario comes to under another policy.
fn elsewhere(policy: &Policy, written: &write::Written) -> Option<Elsewhere> {
    let write::Written::Reproduces(text) = written else { return None };
    let scenario = parse_with_stages("written", text, &stage_names()).ok()?;
    let outcome = run(&scenario, policy, Options::default()).outcome;
    let (policy, line) = (policy.name().to_string(), outcome.line);
    let word = WORDS.into_iter().chain(["ok"]).find(|&word| word == outcome.word);
    let line = if word.is_some() { line } else { format!("{}: {line}", outcome.word) };
    Some(Elsewhere { policy, word: word.or(Some("undefined")), line, parts_at: None })
}
