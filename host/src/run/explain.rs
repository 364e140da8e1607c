//! Why: who holds a page, and what a change means, in words.

use super::names::Names;
use crate::machine::Machine;
use crate::mm::{
    Gup, Memory, PG_ANON_EXCLUSIVE, PG_DIRTY, PG_FREE, PG_ISOLATED, PG_LOCKED, PG_LRU,
    PG_PAGECACHE, PG_PRIVATE, PG_SWAPCACHE, PG_WRITEBACK, Page, Pfn, TaskId, VmaId,
};
use crate::policy::Policy;
use crate::routines::Asked;
use crate::trace::Question;
use cowpath_abi::GUP_PIN_COUNTING_BIAS;

/// A question, with its page's holders by name.
pub(super) fn question(
    machine: &Machine,
    names: &Names,
    policy: &Policy,
    asked: &Asked,
) -> Question {
    let Asked { hook, view, answer, pfn, page } = asked;
    // get_user_pages asks before it has a page.
    let named = if pfn.is_some() { by_name(machine, names, *pfn) } else { Vec::new() };
    let total: u32 = named.iter().map(|holder| holder.1).sum();
    // The stage may have taken or dropped a reference after it had asked; then the
    // ledger as it was is all that can be said.
    let holders = if total == view.count { named } else { by_ledger(page, view.mapcount) };
    let word = hook.answers(view.at).iter().find(|a| a.0 == answer.code).map_or("?", |a| a.1);
    Question {
        hook: hook.name().to_string(),
        at: view.at,
        page: pfn.0,
        count: view.count,
        holders: join(&holders),
        mapcount: view.mapcount,
        swap_map: view.swap_map,
        answer: word.to_string(),
        reason: policy.reason(*hook, *answer).to_string(),
    }
}

type Holders = Vec<(String, u32)>;

/// What is said of a reference that counts 1024.
const PINNED: &str = " (1024)";

/// Two or more ptes of as many processes are only counted from here on.
const NAMED_PTES: usize = 3;

fn by_name(machine: &Machine, names: &Names, pfn: Pfn) -> Holders {
    let mem = &machine.mem;
    let mut holders = ptes(mem, names, pfn);
    holders.extend(by_flags(mem.page(pfn)));
    for io in 0..mem.ios.len() as u16 {
        let held = mem.holders_of(io).filter(|h| mem.holders[h.index()].pfn == pfn).count();
        if held > 0 {
            let request = &mem.ios[io as usize];
            let name = format!("{} {}", request.word(), names.io(io));
            holders.push(match request.pinned {
                true => (format!("{name}{PINNED}"), held as u32 * GUP_PIN_COUNTING_BIAS),
                false => (name, held as u32),
            });
        }
    }
    for (id, task) in machine.tasks.iter().enumerate() {
        let held = task.pages().iter().filter(|&&p| p == pfn).count();
        if held > 0 {
            holders.push((format!("{} at work", names.task(TaskId(id as u16))), held as u32));
        }
    }
    holders
}

fn ptes(mem: &Memory, names: &Names, pfn: Pfn) -> Holders {
    let mut found = Vec::new();
    for (id, vma) in mem.vmas.iter().enumerate().filter(|(_, vma)| vma.len > 0) {
        for address in vma.start..vma.start + vma.len {
            if mem.ptes[vma.pte_index(address)].maps(pfn) {
                found.push(names.place(mem, VmaId(id as u16), address));
            }
        }
    }
    if found.len() > NAMED_PTES {
        return vec![(format!("{} ptes", found.len()), found.len() as u32)];
    }
    found.into_iter().map(|place| (format!("pte {place}"), 1)).collect()
}

fn by_flags(page: &Page) -> Holders {
    let flags = [
        (PG_SWAPCACHE, "swap cache"),
        (PG_PAGECACHE, "page cache"),
        (PG_PRIVATE, "buffers"),
        (PG_ISOLATED, "isolation"),
    ];
    let mut holders: Holders = (flags.iter())
        .filter(|(flag, _)| page.has(*flag))
        .map(|(_, word)| ((*word).to_string(), 1))
        .collect();
    if page.pagevec > 0 {
        holders.push(("pagevec".to_string(), page.pagevec.into()));
    }
    holders
}

fn by_ledger(page: &Page, mapcount: u32) -> Holders {
    let mut holders = Vec::new();
    if mapcount > 0 {
        holders.push(("pte".to_string(), mapcount));
    }
    holders.extend(by_flags(page));
    if page.gup != Gup::NONE {
        holders.push(("get_user_pages".to_string(), page.gup.got.into()));
        let pinned = u32::from(page.gup.pinned) * GUP_PIN_COUNTING_BIAS;
        holders.push((format!("pin_user_pages{PINNED}"), pinned));
        holders.retain(|holder| holder.1 > 0);
    }
    if page.tasks > 0 {
        holders.push(("in a routine".to_string(), page.tasks.into()));
    }
    holders
}

fn join(holders: &Holders) -> String {
    let one = |(name, n): &(String, u32)| match n {
        1 => name.clone(),
        _ if name.ends_with("ptes") => name.clone(),
        n if name.ends_with(PINNED) => match n / GUP_PIN_COUNTING_BIAS {
            1 => name.clone(),
            n => format!("{n} x {name}"),
        },
        _ => format!("{n} x {name}"),
    };
    holders.iter().map(one).collect::<Vec<_>>().join(" + ")
}

/// A page before and after, in words; equal strings if nothing visible changed.
pub(super) fn page_change(mem: &Memory, pfn: Pfn, old: &Page) -> (String, String) {
    (page(mem, old), page(mem, mem.page(pfn)))
}

fn page(mem: &Memory, page: &Page) -> String {
    if page.has(PG_FREE) {
        return "free".to_string();
    }
    let count = mem.counters.count(page.counts);
    let mapcount = mem.counters.mapcount(page.counts);
    let mut text = format!("count {count} mapcount {mapcount}");
    if page.has(PG_SWAPCACHE) {
        text += &format!(" {}", page.private);
    }
    let flags = [
        (PG_LOCKED, "locked"),
        (PG_DIRTY, "dirty"),
        (PG_WRITEBACK, "writeback"),
        (PG_LRU, "lru"),
        (PG_ANON_EXCLUSIVE, "exclusive"),
    ];
    for (flag, word) in flags {
        if page.has(flag) {
            text += " ";
            text += word;
        }
    }
    text
}
