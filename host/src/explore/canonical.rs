//! Makes equal what is equal in two walks of a scenario: stores, transfers, forks and
//! requests are numbered through a run, so that two orders of independent stores end in
//! different numbers.
//!
//! Less than `super::world` forgets: a walk's names lead to address spaces and requests, and
//! a scenario's swap IO can fail, which leaves in a slot what it held.

use super::world::rank;
use crate::machine::Machine;
use crate::mm::{Costs, PG_FREE, SECTORS, Token};

/// Replaces event numbers by as few as will do, and forgets what is merely counted.
pub(super) fn renumber(machine: &mut Machine) {
    forget(machine);
    rank(machine);
}

/// Forgets what is merely counted, and what nobody may look at, in free frames and slots:
/// whoever did would be found by the accounts, not by what he saw.
pub(super) fn forget(machine: &mut Machine) {
    machine.stages = 0;
    let mem = &mut machine.mem;
    mem.costs = Costs::default();
    for page in mem.pages.iter_mut().filter(|page| page.has(PG_FREE)) {
        page.data = [Token::ZERO; SECTORS];
    }
    for area in &mut mem.areas {
        for (data, &count) in area.data.iter_mut().zip(&area.swap_map) {
            if count == 0 {
                *data = [Token::ZERO; SECTORS];
            }
        }
    }
}
