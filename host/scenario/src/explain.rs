//! A scenario in plain words.
//!
//! Knows what each step means in the kernel's terms. Does not know what comes of it.

use std::fmt::Write as _;

use super::{
    Act, Fact, MapSpec, MemorySpec, MigrateOrder, Over, PAGEVEC_SIZE, ProcessSpec, Range, Scenario,
    Sectors, Step, SwapSpec,
};

/// Columns of the text.
const WIDTH: usize = 72;

/// The scenario in plain words: title, claim, memory, processes, and a sentence for each step.
pub fn explain(scenario: &Scenario) -> String {
    let mut text = String::new();
    paragraph(&mut text, "", &format!("{}: {}", scenario.name, scenario.title));
    text.push('\n');
    paragraph(&mut text, "", &scenario.claim);
    text.push('\n');
    paragraph(&mut text, "", &memory(&scenario.memory));
    for file in &scenario.files {
        let line = format!("File {}: {} in the page cache.", file.name, count(file.pages, "page"));
        paragraph(&mut text, "", &line);
    }
    for spec in &scenario.processes {
        paragraph(&mut text, "", &process(spec));
    }
    text.push('\n');
    for (i, step) in scenario.steps.iter().enumerate() {
        paragraph(&mut text, &format!("{:3}. ", i + 1), &sentence(step));
    }
    text
}

/// Appends words in lines of at most [`WIDTH`] columns, later lines indented as far as `head` is long.
fn paragraph(text: &mut String, head: &str, words: &str) {
    let mut line = head.to_owned();
    for word in words.split_whitespace() {
        if line.len() > head.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(head.len());
        }
        if line.len() > head.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn memory(memory: &MemorySpec) -> String {
    let mut text = format!("Memory: {}", count(memory.pages, "page frame"));
    if memory.section != 0 {
        let sections = count(memory.pages.div_ceil(memory.section), "section");
        let _ = write!(text, " in {sections} of {}", memory.section);
        if memory.movable != 0 {
            let _ = write!(text, ", the first {} in ZONE_MOVABLE", memory.movable);
        }
    }
    for (i, area) in memory.swap.iter().enumerate() {
        let _ = write!(text, "; {}", swap_area(i, area));
    }
    match memory.page_cluster {
        _ if memory.swap.is_empty() => text.push_str("; no swap"),
        0 => text.push_str("; no swap readahead"),
        cluster => {
            let _ = write!(text, "; swap readahead of {} slots", 1 << cluster);
        }
    }
    match memory.pagevec {
        PAGEVEC_SIZE => {}
        1 => text.push_str("; pages go onto the LRU at once"),
        size => {
            let _ = write!(text, "; pagevecs of {size}");
        }
    }
    text.push('.');
    text
}

fn swap_area(index: usize, area: &SwapSpec) -> String {
    let mut text =
        format!("swap{index} with {} at priority {}", count(area.slots, "slot"), area.priority);
    if !area.bad.is_empty() {
        let bad: Vec<_> = area.bad.iter().map(u32::to_string).collect();
        let _ = write!(text, ", bad: {}", bad.join(", "));
    }
    text
}

fn process(process: &ProcessSpec) -> String {
    let mut text = format!("Process {}", process.name);
    if !process.threads.is_empty() {
        let _ = write!(text, ", further threads {}", process.threads.join(", "));
    }
    let maps: Vec<_> = process.maps.iter().map(mapping).collect();
    let maps = if maps.is_empty() { "no mappings".to_owned() } else { maps.join("; ") };
    let _ = write!(text, ": {maps}.");
    text
}

fn mapping(map: &MapSpec) -> String {
    let kind = match &map.file {
        Some((file, page)) => format!("private mapping of {file} from page {page}"),
        None => "anonymous mapping".to_owned(),
    };
    let mut text = format!("{kind} {} of {}", map.name, count(map.pages, "page"));
    for (set, word) in
        [(!map.write, "not VM_WRITE"), (map.locked, "VM_LOCKED"), (map.reserved, "VM_RESERVED")]
    {
        if set {
            let _ = write!(text, ", {word}");
        }
    }
    text
}

/// `page 2 of P`, `P`, `the low sector of A.P`.
fn place(range: &Range) -> String {
    let map = match &range.process {
        Some(process) => format!("{process}.{}", range.map),
        None => range.map.clone(),
    };
    let pages = match (range.first, range.pages) {
        (0, 0) => map,
        (first, 0) => format!("{map} from page {first}"),
        (first, 1) => format!("page {first} of {map}"),
        (first, pages) => format!("pages {first} to {} of {map}", first + pages - 1),
    };
    match range.sectors {
        Sectors::All => pages,
        Sectors::Lo => format!("the low sector of {pages}"),
        Sectors::Hi => format!("the high sector of {pages}"),
    }
}

fn sector(sectors: Sectors) -> &'static str {
    match sectors {
        Sectors::All => "the frame",
        Sectors::Lo => "the low sector of the frame",
        Sectors::Hi => "the high sector of the frame",
    }
}

fn way_to(over: Over) -> &'static str {
    match over {
        Over::Block => "",
        Over::Fuse => " over FUSE",
        Over::Nfs => " over NFS",
    }
}

/// What hot-remove does with a page.
fn way(order: MigrateOrder) -> &'static str {
    match order {
        MigrateOrder::ReplaceFirst => "replace it in the swap cache, unmap it, wait for its count",
        MigrateOrder::UnmapFirst => "unmap it, check its count, then replace it",
    }
}

fn sentence(step: &Step) -> String {
    let mut text = act(&step.actor, &step.act);
    if let Some(stage) = &step.until {
        let _ = write!(text, ", and stops when {stage} has run");
    }
    text.push('.');
    text
}

fn act(actor: &str, act: &Act) -> String {
    match act {
        Act::Store(range) => format!("{actor} stores to {}", place(range)),
        Act::Load(range) => format!("{actor} loads from {}", place(range)),
        Act::DirectRead(range, over, io) => {
            let (place, over) = (place(range), way_to(*over));
            format!(
                "{actor} submits direct read {io}{over}: get_user_pages for write on {place}, which the device will fill"
            )
        }
        Act::DirectWrite(range, over, io) => {
            let (place, over) = (place(range), way_to(*over));
            format!(
                "{actor} submits direct write {io}{over}: get_user_pages for read on {place}, which the device will sample"
            )
        }
        Act::PinUserPages { range, write, name } => {
            let access = if *write { "write" } else { "read" };
            let place = place(range);
            format!("{actor} takes pin {name}: pin_user_pages for {access} on {place}")
        }
        Act::Vmsplice(range, name) => {
            format!("{actor} splices {} into pipe {name}: get_user_pages for read", place(range))
        }
        Act::IoUringRegister(range, name) => {
            let place = place(range);
            format!("{actor} registers {place} as fixed buffer {name}: a long-term hold for write")
        }
        Act::GetUserPages { range, write, force, name } => {
            let access = if *write { "write" } else { "read" };
            let force = if *force { " with force" } else { "" };
            format!(
                "{actor} takes pin {name}: get_user_pages for {access}{force} on {}",
                place(range)
            )
        }
        Act::Fork(child) => {
            format!("{actor} forks {child}: both map the same frames, read-only, for copy-on-write")
        }
        Act::Exit => format!("{actor} exits: its mappings are zapped"),
        Act::Munmap(range) => format!("{actor} unmaps {}", place(range)),
        Act::MadviseDontneed(range) => format!("{actor} drops {} by MADV_DONTNEED", place(range)),
        Act::MadvisePageout(range) => {
            format!("{actor} has {} reclaimed by MADV_PAGEOUT, if it alone maps it", place(range))
        }
        Act::Mprotect(range, true) => {
            format!("{actor} makes {} writable by mprotect", place(range))
        }
        Act::Mprotect(range, false) => {
            format!("{actor} makes {} read-only by mprotect", place(range))
        }
        Act::Mlock(range) => format!("{actor} sets VM_LOCKED on {} by mlock", place(range)),
        Act::Munlock(range) => format!("{actor} clears VM_LOCKED on {} by munlock", place(range)),
        Act::Shrink { range, ignore_references } => {
            let how = if *ignore_references { ", used or not" } else { "" };
            format!(
                "{actor} isolates {} from the LRU and runs shrink_list on it{how}",
                place(range)
            )
        }
        Act::ShrinkCache(pages) => {
            format!("{actor} scans {} of the inactive list by shrink_cache", count(*pages, "page"))
        }
        Act::MemoryReclaim => {
            format!("{actor} reclaims every page that a process maps, used or not")
        }
        Act::RefillInactive(pages) => {
            format!(
                "{actor} scans {} of the active list by refill_inactive_zone",
                count(*pages, "page")
            )
        }
        Act::LruAddDrain => {
            format!("{actor} drains the pagevecs of pages that are to enter the LRU")
        }
        Act::Swapoff(area) => {
            format!("{actor} brings everything in swap{area} back to memory (try_to_unuse)")
        }
        Act::Migrate(range, order) => format!("{actor} migrates {}: {}", place(range), way(*order)),
        Act::MovePages(range) => {
            format!("{actor} migrates {} if it is present, by move_pages", place(range))
        }
        Act::Offline(section, order) => {
            format!("{actor} takes section {section} offline, migrating its pages: {}", way(*order))
        }
        Act::Interrupt => format!("{actor} is signalled: if it still tries, it gives up"),
        Act::Online(section) => format!("{actor} brings section {section} online"),
        Act::Transfer => format!("{actor}: the device moves the data, completion is still to come"),
        Act::Complete if is_swap_area(actor) => format!("{actor} finishes its oldest request"),
        Act::Complete => format!("{actor} completes: the data is moved, the references are put"),
        Act::Fail if is_swap_area(actor) => {
            format!("{actor} ends its oldest request with an IO error")
        }
        Act::Fail => format!("{actor} ends with an IO error, and the references are put"),
        Act::PinRead(sectors) => {
            format!("{actor}: {} is read through the reference", sector(*sectors))
        }
        Act::PinWrite(sectors) => {
            format!("{actor}: {} is written through the reference", sector(*sectors))
        }
        Act::PinPut => format!("{actor}: the reference is put"),
        Act::Hold => format!("{actor} keeps requests until it is told to complete them"),
        Act::Release => format!("{actor} completes its requests by itself again"),
        Act::NoMemory(allocations) => {
            format!("The next {} of a page will fail", count(*allocations, "allocation"))
        }
        Act::NoSwap(allocations) => {
            format!("The next {} of a swap slot will fail", count(*allocations, "allocation"))
        }
        Act::Lock(range) => format!("Somebody takes the page lock of {}", place(range)),
        Act::Unlock(range) => format!("The page lock of {} is released", place(range)),
        Act::MmapSem(process) => format!("Somebody takes {process}'s mmap_sem for writing"),
        Act::UpWrite(process) => format!("{process}'s mmap_sem is released"),
        Act::Continue => format!("{actor} goes on from where it stopped"),
        Act::Check(fact) => format!("Under every policy {}", check(fact)),
    }
}

fn check(fact: &Fact) -> String {
    match fact {
        Fact::Present(range) => format!("{} is mapped", place(range)),
        Fact::Swapped(range) => format!("{} has a swap entry in its pte", place(range)),
        Fact::NotMapped(range) => format!("{} has an empty pte", place(range)),
        Fact::Same(left, right) => format!("{} and {} are one frame", place(left), place(right)),
        Fact::Apart(left, right) => {
            format!("{} and {} are different frames", place(left), place(right))
        }
        Fact::SectionOffline(section) => format!("section {section} is offline"),
        Fact::AllFree => "every frame and every swap slot is free".to_owned(),
        Fact::Waiting(actor) => format!("{actor} is blocked or stopped"),
    }
}

/// Names of swap areas are reserved, so the name tells them from an IO.
fn is_swap_area(actor: &str) -> bool {
    actor
        .strip_prefix("swap")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
