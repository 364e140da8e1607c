//! Every verb of the step grammar: who may say it, how it is written, what it becomes.
//!
//! One table for each sort of actor. The tables do not know how words are read.

use super::args::Args;
use super::cast::Kind;
use super::memory::LARGEST;
use super::pages::Extent;
use crate::Act;

/// One verb of one sort of actor.
pub(super) struct Verb {
    pub(super) word: &'static str,
    /// An example of its use.
    pub(super) form: &'static str,
    pub(super) read: fn(&mut Args<'_, '_>) -> Option<Act>,
}

const CONTINUE: Verb = Verb { word: "continue", form: "continue", read: |_| Some(Act::Continue) };

const LRU_ADD_DRAIN: Verb =
    Verb { word: "lru_add_drain", form: "lru_add_drain", read: |_| Some(Act::LruAddDrain) };

const SHRINK: Verb = Verb {
    word: "shrink",
    form: "shrink A.P ignore_references",
    read: |a| {
        let range = a.range(Extent::Pages);
        let ignore_references = a.may_say("ignore_references");
        Some(Act::Shrink { range: range?, ignore_references })
    },
};

const PROCESS: &[Verb] = &[
    Verb {
        word: "store",
        form: "store P.hi",
        read: |a| Some(Act::Store(a.range(Extent::Sectors)?)),
    },
    Verb { word: "load", form: "load P.hi", read: |a| Some(Act::Load(a.range(Extent::Sectors)?)) },
    Verb {
        word: "direct_read",
        form: "direct_read P.lo as io",
        read: |a| {
            let (range, over, name) = (a.range(Extent::Sectors), a.over(), a.named(Kind::Io));
            Some(Act::DirectRead(range?, over?, name?))
        },
    },
    Verb {
        word: "direct_write",
        form: "direct_write P.lo as io",
        read: |a| {
            let (range, over, name) = (a.range(Extent::Sectors), a.over(), a.named(Kind::Io));
            Some(Act::DirectWrite(range?, over?, name?))
        },
    },
    Verb {
        word: "get_user_pages",
        form: "get_user_pages P write force as pin",
        read: get_user_pages,
    },
    Verb { word: "pin_user_pages", form: "pin_user_pages P read as pin", read: pin_user_pages },
    Verb {
        word: "vmsplice",
        form: "vmsplice P as pipe",
        read: |a| {
            let (range, name) = (a.range(Extent::Pages), a.named(Kind::Pin));
            Some(Act::Vmsplice(range?, name?))
        },
    },
    Verb {
        word: "io_uring_register",
        form: "io_uring_register P as ring",
        read: |a| {
            let (range, name) = (a.range(Extent::Pages), a.named(Kind::Pin));
            Some(Act::IoUringRegister(range?, name?))
        },
    },
    Verb { word: "fork", form: "fork B", read: fork },
    Verb {
        word: "exit",
        form: "exit",
        read: |a| {
            a.cast.end(a.actor, "exited", a.line);
            Some(Act::Exit)
        },
    },
    Verb { word: "munmap", form: "munmap P", read: munmap },
    Verb {
        word: "madvise_dontneed",
        form: "madvise_dontneed P[0..2]",
        read: |a| Some(Act::MadviseDontneed(a.range(Extent::Pages)?)),
    },
    Verb {
        word: "madvise_pageout",
        form: "madvise_pageout P[0..2]",
        read: |a| Some(Act::MadvisePageout(a.range(Extent::Pages)?)),
    },
    Verb {
        word: "mprotect",
        form: "mprotect P read",
        read: |a| {
            let range = a.range(Extent::Mapping);
            let write = a.one_of("a protection", &[("read", false), ("write", true)]);
            Some(Act::Mprotect(range?, write?))
        },
    },
    Verb { word: "mlock", form: "mlock P", read: |a| Some(Act::Mlock(a.range(Extent::Mapping)?)) },
    Verb {
        word: "munlock",
        form: "munlock P",
        read: |a| Some(Act::Munlock(a.range(Extent::Mapping)?)),
    },
    CONTINUE,
];

const KSWAPD: &[Verb] = &[
    SHRINK,
    Verb {
        word: "shrink_cache",
        form: "shrink_cache 8",
        read: |a| Some(Act::ShrinkCache(a.number("a number of pages to scan", 1..=LARGEST)?)),
    },
    Verb { word: "memory_reclaim", form: "memory_reclaim", read: |_| Some(Act::MemoryReclaim) },
    Verb {
        word: "refill_inactive_zone",
        form: "refill_inactive_zone 8",
        read: |a| Some(Act::RefillInactive(a.number("a number of pages to scan", 1..=LARGEST)?)),
    },
    LRU_ADD_DRAIN,
    CONTINUE,
];

const HOTPLUG: &[Verb] = &[
    SHRINK,
    Verb {
        word: "migrate",
        form: "migrate A.P replace_first",
        read: |a| {
            let (range, order) = (a.range(Extent::Pages), a.order());
            Some(Act::Migrate(range?, order?))
        },
    },
    Verb {
        word: "move_pages",
        form: "move_pages A.P",
        read: |a| Some(Act::MovePages(a.range(Extent::Pages)?)),
    },
    Verb {
        word: "offline",
        form: "offline 0 unmap_first",
        read: |a| {
            let (section, order) = (a.section(), a.order());
            Some(Act::Offline(section?, order?))
        },
    },
    Verb { word: "interrupt", form: "interrupt", read: |_| Some(Act::Interrupt) },
    Verb { word: "online", form: "online 0", read: |a| Some(Act::Online(a.section()?)) },
    LRU_ADD_DRAIN,
    CONTINUE,
];

const SWAPOFF: &[Verb] = &[
    Verb { word: "swapoff", form: "swapoff swap0", read: |a| Some(Act::Swapoff(a.swap_area()?)) },
    CONTINUE,
];

const IO: &[Verb] = &[
    Verb { word: "transfer", form: "transfer", read: |_| Some(Act::Transfer) },
    Verb {
        word: "complete",
        form: "complete",
        read: |a| {
            a.cast.end(a.actor, "completed", a.line);
            Some(Act::Complete)
        },
    },
    Verb {
        word: "fail",
        form: "fail",
        read: |a| {
            a.cast.end(a.actor, "failed", a.line);
            Some(Act::Fail)
        },
    },
];

const PIN: &[Verb] = &[
    Verb { word: "read", form: "read lo", read: |a| Some(Act::PinRead(a.sectors()?)) },
    Verb { word: "write", form: "write lo", read: |a| Some(Act::PinWrite(a.sectors()?)) },
    Verb {
        word: "put",
        form: "put",
        read: |a| {
            a.cast.end(a.actor, "was put", a.line);
            Some(Act::PinPut)
        },
    },
];

const SWAP_AREA: &[Verb] = &[
    Verb { word: "hold", form: "hold", read: |_| Some(Act::Hold) },
    Verb { word: "release", form: "release", read: |_| Some(Act::Release) },
    Verb { word: "complete", form: "complete", read: |_| Some(Act::Complete) },
    Verb { word: "fail", form: "fail", read: |_| Some(Act::Fail) },
];

const INJECT: &[Verb] = &[
    Verb {
        word: "no_memory",
        form: "no_memory 1",
        read: |a| Some(Act::NoMemory(a.number("a number of allocations", 1..=LARGEST)?)),
    },
    Verb {
        word: "no_swap",
        form: "no_swap 1",
        read: |a| Some(Act::NoSwap(a.number("a number of allocations", 1..=LARGEST)?)),
    },
    Verb { word: "lock", form: "lock A.P", read: lock },
    Verb { word: "unlock", form: "unlock A.P", read: unlock },
    Verb { word: "mmap_sem", form: "mmap_sem A", read: mmap_sem },
    Verb { word: "up_write", form: "up_write A", read: up_write },
];

const TABLES: [&[Verb]; 8] = [PROCESS, KSWAPD, HOTPLUG, SWAPOFF, IO, PIN, SWAP_AREA, INJECT];

/// The verbs of one sort of actor; none for `check`, which is followed by a fact.
pub(super) fn of(kind: Kind) -> &'static [Verb] {
    match kind {
        Kind::Task(_) => PROCESS,
        Kind::Kswapd => KSWAPD,
        Kind::Hotplug => HOTPLUG,
        Kind::Swapoff => SWAPOFF,
        Kind::Io => IO,
        Kind::Pin => PIN,
        Kind::SwapArea(_) => SWAP_AREA,
        Kind::Inject => INJECT,
        Kind::Check => &[],
    }
}

/// Whether a word that stands for a verb may bring a new name, which is then the last word.
pub(super) fn may_name(word: &str) -> bool {
    matches!(
        word,
        "direct_read"
            | "direct_write"
            | "get_user_pages"
            | "pin_user_pages"
            | "vmsplice"
            | "io_uring_register"
            | "fork"
    ) || !exists(word)
}

/// Whether anybody has such a verb.
pub(super) fn exists(word: &str) -> bool {
    TABLES.iter().any(|table| table.iter().any(|verb| verb.word == word))
}

fn get_user_pages(a: &mut Args<'_, '_>) -> Option<Act> {
    let range = a.range(Extent::Pages);
    let write = a.one_of("a way of access", &[("read", false), ("write", true)]);
    let force = a.may_say("force");
    let name = a.named(Kind::Pin);
    Some(Act::GetUserPages { range: range?, write: write?, force, name: name? })
}

fn pin_user_pages(a: &mut Args<'_, '_>) -> Option<Act> {
    let range = a.range(Extent::Pages);
    let write = a.one_of("a way of access", &[("read", false), ("write", true)]);
    let name = a.named(Kind::Pin);
    Some(Act::PinUserPages { range: range?, write: write?, name: name? })
}

fn fork(a: &mut Args<'_, '_>) -> Option<Act> {
    let name = a.new_name()?;
    if let Kind::Task(parent) = a.kind {
        a.cast.fork(parent, &name);
    }
    Some(Act::Fork(name))
}

fn munmap(a: &mut Args<'_, '_>) -> Option<Act> {
    let range = a.range(Extent::Mapping)?;
    if let Kind::Task(process) = a.kind {
        let how = format!("`{}` unmapped `{}` on line {}", a.actor, range.map, a.line);
        a.cast.unmap(process, &range.map, &how);
    }
    Some(Act::Munmap(range))
}

fn lock(a: &mut Args<'_, '_>) -> Option<Act> {
    let range = a.range(Extent::Pages)?;
    a.cast.locked.push(range.clone());
    Some(Act::Lock(range))
}

fn unlock(a: &mut Args<'_, '_>) -> Option<Act> {
    let word = a.peek().cloned();
    let range = a.range_even_if_gone(Extent::Pages)?;
    match a.cast.locked.iter().position(|locked| *locked == range) {
        Some(at) => drop(a.cast.locked.remove(at)),
        None => {
            let word = word.expect("the range was read from it");
            a.problems
                .add(word.span, format!("no `inject: lock` holds `{}`", word.text))
                .expected("the pages of an earlier `inject: lock`");
        }
    }
    Some(Act::Unlock(range))
}

fn mmap_sem(a: &mut Args<'_, '_>) -> Option<Act> {
    let process = a.process()?;
    a.cast.held.push(process.clone());
    Some(Act::MmapSem(process))
}

fn up_write(a: &mut Args<'_, '_>) -> Option<Act> {
    let word = a.peek().cloned();
    let process = a.process()?;
    match a.cast.held.iter().position(|held| *held == process) {
        Some(at) => drop(a.cast.held.remove(at)),
        None => {
            let word = word.expect("the process was read from it");
            a.problems
                .add(word.span, format!("no `inject: mmap_sem` holds that of `{process}`"))
                .expected("the process of an earlier `inject: mmap_sem`");
        }
    }
    Some(Act::UpWrite(process))
}
