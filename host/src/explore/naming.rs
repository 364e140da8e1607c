//! Symmetry of a universe: states that differ in names only become one.
//!
//! Names are chosen by the world alone, so that a step and the names it leads to can be
//! remembered together; actors take the new names, and change places with their processes.

use super::actor::{Actor, Cast};
use super::symmetry::{
    Seen, Symmetric, choose_by, forget_lru_order, forget_mmlist_order, sort_free,
};
use super::universe::{Times, Universe};
use super::world::{NO_IO, NOBODY, Shared, spaces};
use crate::machine::Machine;
use crate::mm::MmId;
use crate::rename::{Rename, Renaming};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// New names, and new places in the cast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    renaming: Renaming,
    /// The new place of each role.
    pub roles: Vec<u8>,
}

impl Hash for Naming {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Renaming { frames, slots, mms, vmas, anon_vmas, tasks, ios, ptes } = &self.renaming;
        (frames, slots, mms, vmas, anon_vmas, tasks, ios, ptes, &self.roles).hash(state);
    }
}

/// What of a universe is symmetric.
#[derive(Clone, Debug)]
pub(super) struct Symmetries {
    what: Symmetric,
    mmlist: bool,
    devices: Vec<usize>,
    identity: Vec<u8>,
}

impl Symmetries {
    pub fn of(universe: &Universe, cast: &[Cast]) -> Self {
        let Universe { processes, spaces, .. } = *universe;
        let alike = universe.verbs == universe.child_verbs
            && universe.operations == universe.child_operations
            && universe.operations == Times::Always;
        let range = match (alike, processes) {
            (true, _) => 0..spaces,
            (_, 0..2) => processes..spaces,
            _ => 0..processes,
        };
        let processes: Vec<_> = range.map(|mm| MmId(mm.into())).collect();
        let tasks_of = processes.iter().map(|mm| vec![cast[mm.index()].task]).collect();
        let what = Symmetric {
            frames: true,
            slots: !universe.swapoff,
            requests: true,
            processes,
            tasks_of,
        };
        let devices = (0..cast.len()).filter(|&role| cast[role].device.is_some());
        Self {
            what,
            mmlist: !universe.swapoff,
            devices: devices.collect(),
            identity: (0..cast.len() as u8).collect(),
        }
    }

    /// Gives new names to what all share; none: everything kept its name.
    pub fn rename(
        &self,
        machine: &mut Machine,
        shared: &mut Shared,
        renaming: &mut Renaming,
    ) -> Option<Arc<Naming>> {
        let gone = |mm: &MmId| machine.mem.mms.get(mm.index()).is_none_or(|mm| !mm.alive);
        let ranks: Vec<_> = self.what.processes.iter().map(|mm| u64::from(gone(mm))).collect();
        let Machine { mem, oracle, .. } = &*machine;
        let seen = Seen { mem, oracle, tasks: &[], ranks: &ranks };
        choose_by(&seen, &self.what, renaming);
        let mut roles = self.identity.clone();
        let named = !renaming.is_identity();
        if named {
            machine.mem.rename(renaming);
            machine.oracle.rename(renaming);
            for (mm, &to) in renaming.mms.iter().enumerate() {
                roles[mm] = to.0 as u8;
            }
            rename_shared(shared, renaming, &roles);
            spaces(&mut machine.mem, &mut machine.oracle, shared);
        }
        self.order_devices(shared, &mut roles);
        sort_free(&mut machine.mem);
        forget_lru_order(&mut machine.mem);
        if self.mmlist {
            forget_mmlist_order(&mut machine.mem);
        }
        (named || roles != self.identity)
            .then(|| Arc::new(Naming { renaming: renaming.clone(), roles }))
    }

    /// Devices in the order of their requests, those without one last.
    fn order_devices(&self, shared: &mut Shared, roles: &mut [u8]) {
        let requests = shared.requests.clone();
        if requests.is_sorted() {
            return;
        }
        for (device, &io) in requests.iter().enumerate() {
            let before = |&(other, &its): &(usize, &_)| (its, other) < (io, device);
            let place = requests.iter().enumerate().filter(before).count();
            shared.requests[place] = io;
            roles[self.devices[device]] = self.devices[place] as u8;
        }
    }
}

fn rename_shared(shared: &mut Shared, by: &Renaming, roles: &[u8]) {
    let before = shared.clone();
    shared.born = 0;
    for child in 0..before.forked_by.len() {
        let to = by.mms.get(child).map_or(child, |mm| mm.index());
        shared.born |= (before.born >> child & 1) << to;
        let role = before.forked_by[child];
        shared.forked_by[to] = if role == NOBODY { NOBODY } else { roles[usize::from(role)] };
    }
    for (request, &io) in shared.requests.iter_mut().zip(&before.requests) {
        *request = if io == NO_IO { NO_IO } else { by.io(io) };
    }
}

impl Naming {
    /// An actor under its new names.
    pub fn actor(&self, cast: &[Cast], actor: &Actor) -> Actor {
        let role = self.roles[usize::from(actor.role)];
        let mut task = actor.task;
        task.rename(&self.renaming);
        if let Some(mm) = cast[usize::from(role)].mm {
            task.mm = mm;
        }
        Actor { task, role, ..*actor }
    }
}
