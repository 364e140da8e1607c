//! Other names for frames, slots, address spaces and all else that has a number.
//!
//! Two machines that differ in nothing but such names have the same future, as long as
//! nobody goes by the order of the names. A [`Renaming`] says what each old id is called
//! from now on; everything that mentions ids is [`Rename`]. Which names are good ones is
//! decided elsewhere, and so is who goes by their order.

use crate::mm::{AnonVmaId, IoId, Memory, MmId, Pfn, SwpEntry, TaskId, VmaId};

/// What each old id is called from now on.
///
/// Each map is a permutation, by old id. What a map does not reach keeps its name: none,
/// `LOCKED_BY_IO`, and what has come to be since. Holders follow their request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renaming {
    /// Page frames. ZERO_PAGE keeps its name.
    pub frames: Vec<Pfn>,
    /// Offsets, by area. Offset 0 keeps its name.
    pub slots: Vec<Vec<u32>>,
    /// Address spaces.
    pub mms: Vec<MmId>,
    /// Vmas.
    pub vmas: Vec<VmaId>,
    /// anon_vmas.
    pub anon_vmas: Vec<AnonVmaId>,
    /// Tasks.
    pub tasks: Vec<TaskId>,
    /// Requests.
    pub ios: Vec<IoId>,
    /// Indexes into `Memory::ptes`. The ptes of a vma, and those of a free range, stay
    /// side by side and in their order.
    pub ptes: Vec<u32>,
}

/// Something that mentions ids.
pub trait Rename {
    /// Puts the new names in place of the old ones, and things where their new name says.
    fn rename(&mut self, by: &Renaming);
}

impl Renaming {
    /// Everything keeps its name.
    #[must_use]
    pub fn identity(mem: &Memory, tasks: usize) -> Self {
        let mut renaming = Self::default();
        renaming.reset(mem, tasks);
        renaming
    }

    /// The same, in place.
    pub fn reset(&mut self, mem: &Memory, tasks: usize) {
        count(&mut self.frames, mem.pages.len(), |i| Pfn(i as u32));
        self.slots.resize_with(mem.areas.len(), Vec::new);
        for (slots, area) in self.slots.iter_mut().zip(&mem.areas) {
            count(slots, area.swap_map.len(), |i| i as u32);
        }
        count(&mut self.mms, mem.mms.len(), |i| MmId(i as u16));
        count(&mut self.vmas, mem.vmas.len(), |i| VmaId(i as u16));
        count(&mut self.anon_vmas, mem.anon_vmas.len(), |i| AnonVmaId(i as u16));
        count(&mut self.tasks, tasks, |i| TaskId(i as u16));
        count(&mut self.ios, mem.ios.len(), |i| i as IoId);
        count(&mut self.ptes, mem.ptes.len(), |i| i as u32);
    }

    /// Whether everything keeps its name.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        same(&self.frames)
            && same(&self.ptes)
            && same(&self.tasks)
            && same(&self.mms)
            && same(&self.vmas)
            && same(&self.anon_vmas)
            && same(&self.ios)
            && self.slots.iter().all(|slots| same(slots))
    }

    /// The renaming that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            frames: inverse(&self.frames, |i| Pfn(i as u32)),
            slots: self.slots.iter().map(|slots| inverse(slots, |i| i as u32)).collect(),
            mms: inverse(&self.mms, |i| MmId(i as u16)),
            vmas: inverse(&self.vmas, |i| VmaId(i as u16)),
            anon_vmas: inverse(&self.anon_vmas, |i| AnonVmaId(i as u16)),
            tasks: inverse(&self.tasks, |i| TaskId(i as u16)),
            ios: inverse(&self.ios, |i| i as IoId),
            ptes: inverse(&self.ptes, |i| i as u32),
        }
    }

    /// What a request is called.
    #[must_use]
    #[inline]
    pub fn io(&self, io: IoId) -> IoId {
        renamed(&self.ios, io)
    }

    /// What an index into `Memory::ptes` is called.
    #[must_use]
    #[inline]
    pub fn pte_index(&self, index: u32) -> u32 {
        renamed(&self.ptes, index)
    }

    /// What an offset of an area is called.
    #[must_use]
    #[inline]
    pub fn offset(&self, area: u8, offset: u32) -> u32 {
        self.slots.get(usize::from(area)).map_or(offset, |slots| renamed(slots, offset))
    }
}

/// An id as a place in a map.
pub(crate) trait Index: Copy {
    fn place(self) -> usize;
}

macro_rules! places {
    ($($id:ident),*) => {$(
        impl Index for $id {
            #[inline]
            fn place(self) -> usize {
                self.index()
            }
        }
    )*};
}
places!(Pfn, MmId, VmaId, AnonVmaId, TaskId);

impl Index for u32 {
    #[inline]
    fn place(self) -> usize {
        self as usize
    }
}

impl Index for u16 {
    #[inline]
    fn place(self) -> usize {
        usize::from(self)
    }
}

fn count<T>(map: &mut Vec<T>, len: usize, id: impl Fn(usize) -> T) {
    map.clear();
    map.extend((0..len).map(id));
}

fn same<T: Index>(map: &[T]) -> bool {
    map.iter().enumerate().all(|(old, new)| new.place() == old)
}

fn inverse<T: Index>(map: &[T], id: impl Fn(usize) -> T) -> Vec<T> {
    let mut back: Vec<T> = (0..map.len()).map(&id).collect();
    for (old, new) in map.iter().enumerate() {
        back[new.place()] = id(old);
    }
    back
}

#[inline]
fn renamed<T: Index>(map: &[T], old: T) -> T {
    map.get(old.place()).copied().unwrap_or(old)
}

/// Puts things where their new names say: `to` is by old place. What the map does not
/// reach stays.
///
/// Each cycle is gone through once, from its lowest place, so that no other memory is
/// needed.
pub(crate) fn permute<T, I: Index>(things: &mut [T], to: &[I]) {
    let len = things.len().min(to.len());
    for first in 0..len {
        let mut place = to[first].place();
        while place > first {
            place = to[place].place();
        }
        if place < first {
            continue;
        }
        place = to[first].place();
        while place != first {
            things.swap(first, place);
            place = to[place].place();
        }
    }
}

macro_rules! ids {
    ($($id:ident in $map:ident;)*) => {$(
        impl Rename for $id {
            #[inline]
            fn rename(&mut self, by: &Renaming) {
                *self = renamed(&by.$map, *self);
            }
        }
    )*};
}
ids! {
    Pfn in frames;
    MmId in mms;
    VmaId in vmas;
    AnonVmaId in anon_vmas;
    TaskId in tasks;
}

impl Rename for SwpEntry {
    #[inline]
    fn rename(&mut self, by: &Renaming) {
        if *self != Self::NONE {
            *self = Self::new(self.area(), by.offset(self.area(), self.offset() as u32));
        }
    }
}

impl<T: Rename> Rename for [T] {
    fn rename(&mut self, by: &Renaming) {
        self.iter_mut().for_each(|thing| thing.rename(by));
    }
}

/// Says of a routine which of its fields mention ids, then which do not. A field that is
/// in neither list does not compile.
macro_rules! renames {
    ($name:ident { $($id:ident),* ; $($plain:ident),* }) => {
        impl $crate::rename::Rename for $name {
            #[inline]
            fn rename(&mut self, by: &$crate::rename::Renaming) {
                let Self { $($id,)* $($plain: _),* } = self;
                $($crate::rename::Rename::rename($id, by);)*
                let _ = by;
            }
        }
    };
    ($name:ident { $($id:ident),* ; io ; $($plain:ident),* }) => {
        impl $crate::rename::Rename for $name {
            #[inline]
            fn rename(&mut self, by: &$crate::rename::Renaming) {
                let Self { $($id,)* io, $($plain: _),* } = self;
                $($crate::rename::Rename::rename($id, by);)*
                *io = by.io(*io);
            }
        }
    };
}
pub(crate) use renames;

#[cfg(test)]
mod tests;
