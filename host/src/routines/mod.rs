//! Kernel call chains as explicit stage machines.
//!
//! A routine is a small copyable value: which stage runs next, and its local
//! variables. `wants` says what the stage needs; `run` is what happens under one
//! hold of the innermost lock of the path. Taking or dropping a lock and every
//! sleep end a stage, so others may run there. Routines do not know scenarios,
//! schedules or traces.

mod access;
mod add_to_swap;
mod anonymous;
mod can_share;
mod context;
mod direct_io;
mod do_swap_page;
mod do_wp_page;
mod exit;
mod fault;
mod fork;
mod free_swap;
mod gup;
mod migrate;
mod mlock;
mod mprotect;
mod no_page;
mod offline;
mod read_swap_cache;
mod reclaim;
mod referenced;
mod remove_exclusive;
mod shrink_list;
mod swapoff;
mod unmap;
mod unmap_and_move;
mod unuse;
mod unuse_by_mm;
mod zap;

pub use access::Access;
pub use add_to_swap::AddToSwap;
pub use anonymous::DoAnonymousPage;
pub use can_share::CanShare;
pub use context::{Asked, Cx};
pub use direct_io::{CompleteIo, HoldPages};
pub use do_swap_page::DoSwapPage;
pub use do_wp_page::DoWpPage;
pub use exit::{Exit, Unmap};
pub use fault::Fault;
pub use fork::Fork;
pub use free_swap::FreeSwapAndCache;
pub use gup::GetUserPages;
pub use migrate::{Migrate, Order};
pub use mlock::Mlock;
pub use mprotect::Mprotect;
pub use no_page::DoNoPage;
pub use offline::Offline;
pub use read_swap_cache::{ReadSwapCache, Readahead};
pub use reclaim::{RefillInactive, ShrinkCache, ShrinkPage};
pub use referenced::PageReferenced;
pub use remove_exclusive::RemoveExclusive;
pub use shrink_list::ShrinkList;
pub use swapoff::Swapoff;
pub use unmap::TryToUnmap;
pub use unmap_and_move::UnmapAndMove;
pub use unuse::UnuseProcess;
pub use unuse_by_mm::UnuseByMm;
pub use zap::Zap;

use crate::lock::Wants;
use crate::mm::Memory;
use crate::rename::{Rename, Renaming};
use crate::task::{Ret, Task};

/// What happens after a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The routine goes on with its next stage.
    Next,
    /// Another routine runs first; its `Ret` is in `Cx::ret` afterwards.
    Call(Routine),
    /// Another routine takes this one's place (a tail call).
    Become(Routine),
    /// The routine is over.
    Return(Ret),
}

/// A routine in the middle of its work.
pub trait Stages: Copy {
    /// Names of all its stages, `function.stage`.
    const STAGES: &'static [&'static str];

    /// Name of the stage that runs next.
    fn stage(&self) -> &'static str;

    /// What that stage needs.
    fn wants(&self, mem: &Memory, task: &Task) -> Wants;

    /// Whether that stage comes to the same now as after anything that others do before it
    /// (Lipton's left mover): it never waits, and what it reads, nobody else changes; what it
    /// changes, others at most wait for.
    ///
    /// Not said of what is no stage: the next operation that begins when this one ends with
    /// the stage, an injected mmap_sem, which is tried, and signals.
    #[inline]
    fn moves_left(&self, _mem: &Memory, _task: &Task) -> bool {
        false
    }

    /// Runs it.
    fn run(&mut self, cx: &mut Cx<'_>) -> Flow;
}

/// Declares the stages of a routine: an enum whose variants have the names that
/// traces print and `until` takes.
macro_rules! stages {
    ($name:ident { $($variant:ident = $text:literal,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        enum $name { $($variant,)* }

        impl $name {
            const ALL: &'static [&'static str] = &[$($text,)*];

            const fn name(self) -> &'static str {
                Self::ALL[self as usize]
            }
        }
    };
}
pub(crate) use stages;

macro_rules! routines {
    ($($name:ident,)*) => {
        /// Any routine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum Routine {
            /// None: fills the unused part of a task's stack.
            Idle,
            $(#[allow(missing_docs, reason = "see the routine itself")] $name($name),)*
        }

        $(impl From<$name> for Routine {
            fn from(routine: $name) -> Self {
                Self::$name(routine)
            }
        })*

        impl Routine {
            /// Name of the stage that runs next.
            #[must_use]
            pub fn stage(&self) -> &'static str {
                match self {
                    Self::Idle => "idle",
                    $(Self::$name(routine) => routine.stage(),)*
                }
            }

            /// What that stage needs.
            #[must_use]
            #[inline]
            pub fn wants(&self, mem: &Memory, task: &Task) -> Wants {
                match self {
                    Self::Idle => Wants::NOTHING,
                    $(Self::$name(routine) => routine.wants(mem, task),)*
                }
            }

            /// Whether that stage may run before anything that others do: see
            /// [`Stages::moves_left`].
            #[must_use]
            #[inline]
            pub fn moves_left(&self, mem: &Memory, task: &Task) -> bool {
                match self {
                    Self::Idle => false,
                    $(Self::$name(routine) => routine.moves_left(mem, task),)*
                }
            }

            #[inline]
            pub(crate) fn run(&mut self, cx: &mut Cx<'_>) -> Flow {
                match self {
                    Self::Idle => unreachable!("an idle task was run"),
                    $(Self::$name(routine) => routine.run(cx),)*
                }
            }
        }

        impl Rename for Routine {
            #[inline]
            fn rename(&mut self, by: &Renaming) {
                match self {
                    Self::Idle => {}
                    $(Self::$name(routine) => routine.rename(by),)*
                }
            }
        }

        /// Names of all stages, for those who read `until`.
        #[must_use]
        pub fn stage_names() -> Vec<&'static str> {
            let mut names = Vec::new();
            $(names.extend_from_slice($name::STAGES);)*
            names
        }
    };
}

routines! {
    Access,
    AddToSwap,
    DoAnonymousPage,
    CanShare,
    CompleteIo,
    DoNoPage,
    DoSwapPage,
    DoWpPage,
    Exit,
    Fault,
    Fork,
    FreeSwapAndCache,
    GetUserPages,
    HoldPages,
    Migrate,
    Mlock,
    Mprotect,
    Offline,
    PageReferenced,
    ReadSwapCache,
    Readahead,
    RefillInactive,
    RemoveExclusive,
    ShrinkCache,
    ShrinkList,
    ShrinkPage,
    Swapoff,
    TryToUnmap,
    Unmap,
    UnmapAndMove,
    UnuseByMm,
    UnuseProcess,
    Zap,
}
