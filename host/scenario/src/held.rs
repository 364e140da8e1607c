//! Scenarios that real kernels can run: references of every kind that later kernels
//! have, through pageout, fork, swapoff and migration.
//!
//! Knows the shape of the family. Does not know what any kernel makes of it.

/// What keeps a reference to the page, and the steps that go with it.
struct Hold {
    name: &'static str,
    /// How the claim calls it.
    words: &'static str,
    /// The process that takes it says this.
    take: &'static str,
    /// What it does once the page has been through the rest.
    done: &'static [&'static str],
}

const HOLDS: [Hold; 5] = [
    Hold { name: "none", words: "nobody", take: "", done: &[] },
    Hold {
        name: "vmsplice",
        words: "a pipe",
        take: "vmsplice P as pipe",
        done: &["pipe: read lo", "pipe: read hi", "pipe: put"],
    },
    Hold {
        name: "io_uring",
        words: "a fixed buffer of io_uring",
        take: "io_uring_register P as ring",
        done: &["ring: write lo", "ring: read hi", "ring: put"],
    },
    Hold {
        name: "fuse",
        words: "a direct read over FUSE",
        take: "direct_read P.lo over fuse as io",
        done: &["io: complete"],
    },
    Hold {
        name: "block",
        words: "a direct read over a block device",
        take: "direct_read P.lo as io",
        done: &["io: complete"],
    },
];

/// The scenarios for real kernels, as name and source, in reading order.
#[must_use]
pub fn kernels() -> Vec<(String, String)> {
    let mut all = plain();
    for hold in &HOLDS {
        all.extend(pageouts(hold));
    }
    for hold in HOLDS.iter().skip(1) {
        all.extend(forks(hold));
        all.push(mprotect(hold));
    }
    all.extend(leaks());
    for hold in &HOLDS {
        all.extend(migrations(hold));
    }
    all
}

/// One scenario of one process `A` with one page `P`.
fn scenario(name: &str, title: &str, claim: &str, steps: &[&str]) -> (String, String) {
    sized(name, title, claim, "pages = 8, swap = [8]", steps)
}

fn sized(name: &str, title: &str, claim: &str, memory: &str, steps: &[&str]) -> (String, String) {
    let claim: String = claim.lines().map(|line| format!("# {line}\n")).collect();
    let steps: String = steps
        .iter()
        .filter(|step| !step.is_empty())
        .map(|step| format!("  \"{step}\",\n"))
        .collect();
    let source = format!(
        "{claim}title  = \"{title}\"\nmemory = {{ {memory} }}\n\n\
         [process.A]\nanon = [\"P\"]\n\n[run]\nsteps = [\n{steps}]\n"
    );
    (name.to_owned(), source)
}

/// The step with which a process takes the hold; empty where there is none.
fn take(who: &str, hold: &Hold) -> String {
    if hold.take.is_empty() { String::new() } else { format!("{who}: {}", hold.take) }
}

/// MADV_PAGEOUT of a held page, and all ways back.
fn pageouts(hold: &Hold) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for load in [false, true] {
        for swapoff in [false, true] {
            for fork in [false, true] {
                all.push(pageout(hold, load, swapoff, fork));
            }
        }
    }
    all
}

fn pageout(hold: &Hold, load: bool, swapoff: bool, fork: bool) -> (String, String) {
    let part = |on: bool, text: &'static str| if on { text } else { "" };
    let name = format!(
        "held_{}_pageout{}{}{}",
        hold.name,
        part(load, "_load_store"),
        part(!load, "_store"),
        [part(swapoff, "_swapoff"), part(fork, "_fork")].concat(),
    );
    let title = format!(
        "{} holds a page through MADV_PAGEOUT{}{}, then {}",
        hold.words,
        part(fork, ", a fork"),
        part(swapoff, " and swapoff"),
        if load { "load and store" } else { "store" },
    );
    let claim = format!(
        "The page is paged out while {} holds it{}{}.\n\
         The owner's store must end up in the frame that is held, or what comes through the\n\
         reference is lost.",
        hold.words,
        part(fork, ", a child comes and goes"),
        part(swapoff, ", swapoff brings it back"),
    );
    let take = take("A", hold);
    let mut steps = vec!["A: store P", &take, "A: madvise_pageout P"];
    if fork {
        steps.extend(["A: fork B", "B: exit"]);
    }
    steps.extend([
        part(swapoff, "swapoff: swapoff swap0"),
        part(load, "A: load P.hi"),
        "A: store P.hi",
    ]);
    steps.extend(hold.done);
    steps.push("A: load P");
    scenario(&name, &title, &claim, &steps)
}

/// A fork while the hold is there: as it is, and with the page reclaimed from both.
fn forks(hold: &Hold) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for reclaim in [false, true] {
        let (suffix, more) = if reclaim { ("_reclaimed", ", reclaimed,") } else { ("", "") };
        let take = take("A", hold);
        let mut steps = vec!["A: store P", take.as_str(), "A: fork B"];
        if reclaim {
            steps.push("kswapd: memory_reclaim");
        }
        steps.push("A: store P.hi");
        steps.extend(hold.done);
        steps.extend(["A: load P", "B: load P"]);
        all.push(scenario(
            &format!("fork_under_{}{suffix}", hold.name),
            &format!(
                "a page that {} holds is shared by fork{more} and the parent stores",
                hold.words
            ),
            &format!(
                "The reference is the parent's. If the store gives the parent a copy, what comes\n\
                 through {} goes to the child.",
                hold.words
            ),
            &steps,
        ));
    }
    all
}

fn mprotect(hold: &Hold) -> (String, String) {
    let take = take("A", hold);
    let mut steps =
        vec!["A: store P", &take, "A: mprotect P read", "A: mprotect P write", "A: store P.hi"];
    steps.extend(hold.done);
    steps.push("A: load P");
    scenario(
        &format!("mprotect_under_{}", hold.name),
        &format!("mprotect to read-only and back while {} holds the page", hold.words),
        &format!(
            "No swap, no fork: only a pte that mprotect has left read-only, while {}\n\
             holds the page. A rule that counts references copies.",
            hold.words
        ),
        &steps,
    )
}

/// References that one side of a fork keeps to what it has unmapped.
fn leaks() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (who, holder, other) in [("child", "B", "A"), ("parent", "A", "B")] {
        for reclaim in [false, true] {
            let suffix = if reclaim { "_reclaimed" } else { "" };
            let splice = format!("{holder}: vmsplice P as pipe");
            let munmap = format!("{holder}: munmap P");
            let store = format!("{other}: store P.lo");
            let load = format!("{other}: load P");
            let mut steps = vec!["A: store P", "A: fork B", splice.as_str(), munmap.as_str()];
            if reclaim {
                steps.push("kswapd: memory_reclaim");
            }
            steps.extend([store.as_str(), "pipe: read lo", "pipe: put", load.as_str()]);
            all.push(scenario(
                &format!("leak_to_{who}_by_vmsplice{suffix}"),
                &format!("the {who} keeps a pipe's reference to a page that it unmapped{}",
                    if reclaim { ", which is reclaimed" } else { "" }),
                &format!(
                    "As vmsplice_fork, with a system call. The {who} holds and unmaps; what the other\n\
                     side stores must not show in the pipe."
                ),
                &steps,
            ));
        }
    }
    all
}

/// move_pages and hot-remove, mapped and after pageout, held and then released.
fn migrations(hold: &Hold) -> Vec<(String, String)> {
    let take = take("A", hold);
    let done = hold.done;
    let held = |name: &str, title: &str, steps: &[&str]| {
        let memory = match name.starts_with("offline") {
            true => "pages = 16, section = 8, movable = 1, swap = [8]",
            false => "pages = 16, section = 8, swap = [8]",
        };
        let claim = format!(
            "Memory is to be moved while {} holds the page. It must stay where the reference\n\
             leads, and must be free to go once the reference is gone.",
            hold.words
        );
        sized(
            &format!("{name}_{}", hold.name),
            &format!("{title}, held by {}", hold.words),
            &claim,
            memory,
            steps,
        )
    };
    let mut all = Vec::new();
    for (pageout, suffix, more) in
        [("", "", ""), ("A: madvise_pageout P", "_paged_out", " paged-out")]
    {
        let mut moves =
            vec!["A: store P", &take, pageout, "hotplug: move_pages A.P", "A: load P.hi"];
        let mut offline = vec!["A: store P", &take, pageout, "hotplug: offline 0 unmap_first"];
        // The guest signals whoever cannot take a block offline after a while.
        offline.push("hotplug: interrupt");
        if hold.take.is_empty() {
            offline.push("A: load P.hi");
        } else {
            moves.extend(["A: store P.hi"]);
            moves.extend(done);
            moves.push("hotplug: move_pages A.P");
            offline.extend(["A: load P.hi", "A: store P.hi"]);
            offline.extend(done);
            offline.extend(["hotplug: offline 0 unmap_first", "hotplug: interrupt"]);
        }
        moves.extend(["A: store P.lo", "A: load P"]);
        offline.extend(["A: store P.lo", "A: load P", "hotplug: online 0", "A: load P"]);
        all.push(held(
            &format!("move_pages{suffix}"),
            &format!("move_pages of a{more} page"),
            &moves,
        ));
        all.push(held(
            &format!("offline{suffix}"),
            &format!("offline of a{more} page's block"),
            &offline,
        ));
    }
    all
}

/// No references at all: fork, swap and what lies between.
fn plain() -> Vec<(String, String)> {
    vec![
        scenario(
            "plain_parent_stores",
            "the parent stores after fork, then the child",
            "Plain copy-on-write. The first to store gets a copy, the last one has the old page.",
            &[
                "A: store P",
                "A: fork B",
                "A: store P.lo",
                "B: load P",
                "B: store P.hi",
                "A: load P",
                "B: load P",
            ],
        ),
        scenario(
            "plain_child_stores",
            "the child stores after fork, then the parent",
            "Plain copy-on-write. The first to store gets a copy, the last one has the old page.",
            &[
                "A: store P",
                "A: fork B",
                "B: store P.lo",
                "A: load P",
                "A: store P.hi",
                "B: load P",
                "A: load P",
            ],
        ),
        scenario(
            "plain_child_exits",
            "the child exits, then the parent stores",
            "With the child gone nobody shares the page, and a copy would be a cost.",
            &["A: store P", "A: fork B", "B: exit", "A: store P.lo", "A: load P"],
        ),
        scenario(
            "plain_grandchild",
            "three generations share a page and store in turn",
            "Each store but the last one copies; the frames of all three are apart in the end.",
            &[
                "A: store P",
                "A: fork B",
                "B: fork C",
                "B: store P.lo",
                "A: store P.lo",
                "C: store P.lo",
                "A: load P",
                "B: load P",
                "C: load P",
            ],
        ),
        scenario(
            "plain_zero_page",
            "load from untouched memory, then store",
            "A load maps the zero page; the store that follows replaces it.",
            &["A: load P", "A: store P.hi", "A: load P"],
        ),
        scenario(
            "plain_zero_page_shared",
            "parent and child share the zero page, both store",
            "The zero page belongs to nobody: each store gets a page of its own.",
            &["A: load P", "A: fork B", "A: store P.lo", "B: store P.hi", "A: load P", "B: load P"],
        ),
        scenario(
            "plain_dontneed",
            "MADV_DONTNEED drops a page and a swap entry",
            "What the owner gives up is gone: it reads zeroes, from memory and from swap.",
            &[
                "A: store P",
                "A: madvise_dontneed P",
                "A: load P",
                "A: store P",
                "kswapd: memory_reclaim",
                "A: madvise_dontneed P",
                "A: load P",
            ],
        ),
        scenario(
            "plain_pageout_load",
            "paged out and loaded",
            "MADV_PAGEOUT unmaps and writes; the page comes back from the swap cache, then is stored to.",
            &["A: store P", "A: madvise_pageout P", "A: load P", "A: store P.lo", "A: load P"],
        ),
        scenario(
            "plain_pageout_again",
            "paged out, stored to, paged out again",
            "The second pageout must write what was stored after the first.",
            &[
                "A: store P",
                "A: madvise_pageout P",
                "A: store P.lo",
                "A: madvise_pageout P",
                "A: load P",
                "A: madvise_pageout P",
                "A: load P",
            ],
        ),
        scenario(
            "plain_reclaim_load_store",
            "reclaimed, loaded, stored to",
            "The frame is freed and the page read back from swap; nobody else has it.",
            &["A: store P", "kswapd: memory_reclaim", "A: load P", "A: store P.hi", "A: load P"],
        ),
        scenario(
            "plain_reclaim_store",
            "reclaimed, stored to",
            "The frame is freed and the page read back from swap by a store.",
            &["A: store P", "kswapd: memory_reclaim", "A: store P.hi", "A: load P"],
        ),
        scenario(
            "plain_shared_pageout",
            "MADV_PAGEOUT of a page that a child shares",
            "Who maps a page that others map, too, may not page it out; when the other is gone, it may.",
            &[
                "A: store P",
                "A: fork B",
                "A: madvise_pageout P",
                "B: exit",
                "A: madvise_pageout P",
                "A: load P",
            ],
        ),
        scenario(
            "plain_shared_reclaim_store_parent",
            "reclaimed from both, the parent stores first",
            "One slot, two swap ptes: the first to store must leave the other what it had.",
            &[
                "A: store P",
                "A: fork B",
                "kswapd: memory_reclaim",
                "A: store P.lo",
                "B: load P",
                "B: store P.hi",
                "A: load P",
                "B: load P",
            ],
        ),
        scenario(
            "plain_shared_reclaim_store_child",
            "reclaimed from both, the child stores first",
            "One slot, two swap ptes: the first to store must leave the other what it had.",
            &[
                "A: store P",
                "A: fork B",
                "kswapd: memory_reclaim",
                "B: store P.lo",
                "A: load P",
                "A: store P.hi",
                "B: load P",
                "A: load P",
            ],
        ),
        scenario(
            "plain_shared_reclaim_load_both",
            "reclaimed from both, both load, both store",
            "Both map one frame again, through the swap cache, and part when they store.",
            &[
                "A: store P",
                "A: fork B",
                "kswapd: memory_reclaim",
                "A: load P",
                "B: load P",
                "A: store P.lo",
                "B: store P.hi",
                "A: load P",
                "B: load P",
            ],
        ),
        scenario(
            "plain_shared_reclaim_child_exits",
            "reclaimed from both, the child exits, the parent loads and stores",
            "The child's swap entry goes with it; what the parent reads back is its own.",
            &[
                "A: store P",
                "A: fork B",
                "kswapd: memory_reclaim",
                "B: exit",
                "A: load P",
                "A: store P.lo",
                "A: load P",
            ],
        ),
        scenario(
            "plain_fork_of_swap_entry",
            "a swap entry is forked, both store",
            "Fork copies the swap entry. Neither store may be seen by the other side.",
            &[
                "A: store P",
                "kswapd: memory_reclaim",
                "A: fork B",
                "A: store P.lo",
                "B: store P.hi",
                "A: load P",
                "B: load P",
            ],
        ),
        scenario(
            "plain_munmap_of_swapped",
            "munmap of a swapped page",
            "The slot goes with the last swap pte.",
            &["A: store P", "A: madvise_pageout P", "A: munmap P"],
        ),
        scenario(
            "plain_swapoff",
            "swapoff of a swapped page",
            "swapoff reads the page back and maps it; the owner stores to it.",
            &[
                "A: store P",
                "kswapd: memory_reclaim",
                "swapoff: swapoff swap0",
                "A: store P.lo",
                "A: load P",
            ],
        ),
        scenario(
            "plain_swapoff_shared",
            "swapoff of a page that both had swapped",
            "swapoff maps one frame into both; stores part them.",
            &[
                "A: store P",
                "A: fork B",
                "kswapd: memory_reclaim",
                "swapoff: swapoff swap0",
                "A: store P.lo",
                "B: load P",
                "B: store P.hi",
                "A: load P",
            ],
        ),
        scenario(
            "plain_mprotect",
            "mprotect to read-only, a store, and back",
            "A store to a read-only mapping faults; after the way back it needs no copy.",
            &[
                "A: store P",
                "A: mprotect P read",
                "A: store P.lo",
                "A: mprotect P write",
                "A: store P.lo",
                "A: load P",
            ],
        ),
        scenario(
            "plain_mlock",
            "a locked page under reclaim",
            "Reclaim leaves a locked page mapped until the lock is given up.",
            &[
                "A: store P",
                "A: mlock P",
                "kswapd: memory_reclaim",
                "A: munlock P",
                "kswapd: memory_reclaim",
                "A: load P",
            ],
        ),
        scenario(
            "plain_direct_read_after_fork",
            "the parent has a device fill a page that it shares",
            "Taking the reference for writing breaks the sharing: the child must not see the data.",
            &[
                "A: store P",
                "A: fork B",
                "A: direct_read P.lo as io",
                "io: complete",
                "A: load P",
                "B: load P",
            ],
        ),
        scenario(
            "plain_direct_write_swapped",
            "a direct write of a page that is in swap",
            "Taking the reference for reading brings the page back and holds it; a store goes on.",
            &[
                "A: store P",
                "kswapd: memory_reclaim",
                "A: direct_write P as out",
                "A: store P.lo",
                "out: complete",
                "A: load P",
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{builtin, parse, realisable};

    #[test]
    fn all_parse_and_can_be_run_on_a_kernel() {
        for (name, source) in kernels() {
            let scenario =
                parse(&name, &source).unwrap_or_else(|error| panic!("{error}\n{source}"));
            assert_eq!(realisable(&scenario), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_are_different() {
        let all = kernels();
        let names: BTreeSet<_> = all
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(builtin().iter().map(|(name, _)| *name))
            .collect();
        assert_eq!(names.len(), all.len() + builtin().len());
    }
}
