//! Which scenarios a program can act out on a real kernel, by system calls alone.
//!
//! Knows what system calls can be made to do. Does not know a kernel: what one cannot do
//! that another can, the guest program finds out.

use std::collections::BTreeMap;

use crate::{Act, Over, PAGEVEC_SIZE, Range, Scenario, Sectors, Step};

/// Pages of a mapping that one request or pipe takes.
const LONGEST: u32 = 16;

/// Swap slots that the guest's swap area has.
const SLOTS: u32 = 4096;

/// Whether the scenario's steps are system calls whose moment nobody else chooses; if not, why.
pub fn realisable(scenario: &Scenario) -> Result<(), String> {
    memory(scenario)?;
    for process in &scenario.processes {
        if !process.threads.is_empty() {
            return Err(format!("process {} has threads", process.name));
        }
        for map in &process.maps {
            if map.reserved {
                return Err(format!("{} is VM_RESERVED", map.name));
            }
        }
    }
    let mut holds = Holds { scenario, known: BTreeMap::new() };
    for (step, next) in
        scenario.steps.iter().zip(scenario.steps.iter().skip(1).map(Some).chain([None]))
    {
        let signalled = next.is_some_and(|next| next.act == Act::Interrupt);
        if matches!(step.act, Act::Offline(..)) && !signalled {
            return Err(format!("`{}`: the guest does not let it try for long", step.text));
        }
        if step.until.is_some() {
            return Err(format!("`{}` stops at a stage", step.text));
        }
        holds.step(step).map_err(|why| format!("`{}`: {why}", step.text))?;
    }
    Ok(())
}

fn memory(scenario: &Scenario) -> Result<(), String> {
    let memory = &scenario.memory;
    match memory.swap.as_slice() {
        [] => {}
        [area] if !area.bad.is_empty() => return Err("bad swap slots".to_owned()),
        [area] if area.slots >= SLOTS => return Err(format!("more than {SLOTS} swap slots")),
        [_] => {}
        _ => return Err("more than one swap area".to_owned()),
    }
    if memory.page_cluster != 0 {
        return Err("swap readahead".to_owned());
    }
    if memory.pagevec != PAGEVEC_SIZE {
        return Err("pagevecs of another size".to_owned());
    }
    Ok(())
}

/// What a name stands for, and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// The device fills memory.
    Read,
    /// The device takes from memory.
    Write,
    Pipe,
    Ring,
}

struct Holds<'s> {
    scenario: &'s Scenario,
    known: BTreeMap<&'s str, (Hold, &'s str)>,
}

impl<'s> Holds<'s> {
    fn step(&mut self, step: &'s Step) -> Result<(), String> {
        let actor = step.actor.as_str();
        match &step.act {
            Act::Store(_) | Act::Load(_) => {}
            Act::DirectRead(range, over, name) => {
                self.request(range, *over, (name, Hold::Read, actor))?
            }
            Act::DirectWrite(range, over, name) => {
                self.request(range, *over, (name, Hold::Write, actor))?
            }
            Act::Vmsplice(range, name) => self.take(range, (name, Hold::Pipe, actor))?,
            Act::IoUringRegister(range, name) => self.take(range, (name, Hold::Ring, actor))?,
            Act::GetUserPages { .. } => {
                return Err(
                    "get_user_pages is no system call, vmsplice and direct IO are".to_owned()
                );
            }
            Act::PinUserPages { .. } => {
                return Err("pin_user_pages is no system call, io_uring_register is".to_owned());
            }
            Act::Exit => self.exit(actor)?,
            Act::Fork(_)
            | Act::Munmap(_)
            | Act::MadviseDontneed(_)
            | Act::MadvisePageout(_)
            | Act::Mprotect(..)
            | Act::Mlock(_)
            | Act::Munlock(_)
            | Act::MemoryReclaim
            | Act::LruAddDrain
            | Act::Swapoff(_)
            | Act::Check(_) => {}
            Act::MovePages(range) => {
                if self.scenario.pages_in(actor, range) != 1 {
                    return Err("more than one page has more than one result".to_owned());
                }
            }
            Act::Offline(section, order) => {
                if *section != 0 {
                    return Err("the guest has one hot-pluggable memory block".to_owned());
                }
                if *order == crate::MigrateOrder::ReplaceFirst {
                    return Err("no mainline kernel replaces first".to_owned());
                }
            }
            Act::Interrupt => {}
            Act::Online(section) => {
                if *section != 0 {
                    return Err("the guest has one hot-pluggable memory block".to_owned());
                }
            }
            Act::Complete | Act::Fail => self.end(actor)?,
            Act::PinRead(_) | Act::PinWrite(_) | Act::PinPut => self.pin(step)?,
            Act::Transfer => {
                return Err("a device that has moved data completes by itself".to_owned());
            }
            Act::Shrink { .. } => return Err("reclaim cannot be sent to one page".to_owned()),
            Act::ShrinkCache(_) | Act::RefillInactive(_) => {
                return Err("a scan of so many pages cannot be ordered".to_owned());
            }
            Act::Migrate(..) => {
                return Err("migration has no result of its own, move_pages has".to_owned());
            }
            Act::Hold | Act::Release => return Err("the swap device cannot be held".to_owned()),
            Act::NoMemory(_)
            | Act::NoSwap(_)
            | Act::Lock(_)
            | Act::Unlock(_)
            | Act::MmapSem(_)
            | Act::UpWrite(_) => return Err("nothing can be injected".to_owned()),
            Act::Continue => return Err("nothing has stopped".to_owned()),
        }
        Ok(())
    }

    fn request(
        &mut self,
        range: &Range,
        over: Over,
        hold: (&'s str, Hold, &'s str),
    ) -> Result<(), String> {
        if over == Over::Nfs {
            return Err("the guest has no network".to_owned());
        }
        if self.scenario.pages_in(hold.2, range) != 1 && range.sectors != Sectors::All {
            return Err("one request takes one piece of memory".to_owned());
        }
        self.take(range, hold)
    }

    fn take(
        &mut self,
        range: &Range,
        (name, hold, owner): (&'s str, Hold, &'s str),
    ) -> Result<(), String> {
        if self.scenario.pages_in(owner, range) > LONGEST {
            return Err(format!("more than {LONGEST} pages"));
        }
        self.known.insert(name, (hold, owner));
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), String> {
        match self.known.remove(name) {
            Some((Hold::Read | Hold::Write, _)) => Ok(()),
            _ => Err("the swap device cannot be held".to_owned()),
        }
    }

    fn pin(&mut self, step: &'s Step) -> Result<(), String> {
        let hold = self.known.get(step.actor.as_str()).map(|(hold, _)| *hold);
        match (hold, &step.act) {
            (Some(Hold::Pipe), Act::PinWrite(_)) => Err("a pipe only reads".to_owned()),
            (Some(Hold::Pipe | Hold::Ring), Act::PinPut) => {
                self.known.remove(step.actor.as_str());
                Ok(())
            }
            (Some(Hold::Pipe | Hold::Ring), _) => Ok(()),
            _ => Err("nothing holds the page under that name".to_owned()),
        }
    }

    fn exit(&self, process: &str) -> Result<(), String> {
        let waits =
            self.known.iter().find(|(_, (hold, owner))| *hold != Hold::Pipe && *owner == process);
        match waits {
            Some((name, _)) => Err(format!("its {name} would go with it, at a moment of its own")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn of(steps: &str) -> Result<(), String> {
        let source = format!(
            "# Claim.\ntitle = \"t\"\nmemory = {{ pages = 8, swap = [8] }}\n[process.A]\nanon = [\"P\"]\n[run]\nsteps = [{steps}]\n"
        );
        realisable(&parse("t", &source).unwrap())
    }

    #[test]
    fn system_calls_are() {
        assert_eq!(
            of(r#""A: store P", "A: vmsplice P as pipe", "pipe: read lo", "pipe: put""#),
            Ok(())
        );
    }

    #[test]
    fn stages_and_kswapd_are_not() {
        assert!(
            of(r#""A: store P until do_wp_page.reuse""#).unwrap_err().contains("stops at a stage")
        );
        assert!(of(r#""kswapd: shrink P""#).unwrap_err().contains("one page"));
    }

    #[test]
    fn a_pipe_does_not_write() {
        let why = of(r#""A: store P", "A: vmsplice P as pipe", "pipe: write lo""#).unwrap_err();
        assert!(why.contains("only reads"), "{why}");
    }

    #[test]
    fn exit_does_not_outrun_its_own_io() {
        let why = of(r#""A: store P", "A: direct_read P as io", "A: exit""#).unwrap_err();
        assert!(why.contains("its io"), "{why}");
    }
}
