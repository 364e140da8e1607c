//! The machine: a memory, tasks, and one step function.
//!
//! `new`, `enabled` and `step` are all there is to it; who runs next is decided
//! elsewhere (a scenario's order, or the explorer), and a step cannot fail. A
//! kernel BUG_ON or a miscount is left in `Memory::violation`, a policy's
//! misbehaviour in [`Machine::fault`].

use crate::lock::{Lock, Wants};
use crate::mm::audit::Violation;
use crate::mm::{
    Held, LOCKED_BY_IO, Memory, MmId, PG_ERROR, PG_LOCKED, PG_RECLAIM, PG_UPTODATE, PG_WRITEBACK,
    SwapIo, TaskId,
};
use crate::oracle::Oracle;
use crate::policy::{Policy, PolicyFault};
use crate::rename::{Rename, Renaming, permute};
use crate::routines::{Asked, Cx, Flow, Routine};
use crate::task::{Ret, Task};
use cowpath_abi::EXCLUSIVE_BIT;

/// A memory and the tasks that work on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The memory.
    pub mem: Memory,
    /// The tasks, by id.
    pub tasks: Vec<Task>,
    /// What each process is entitled to see.
    pub oracle: Oracle,
    /// The first thing that the policy did which no policy may do.
    pub fault: Option<PolicyFault>,
    /// Stages run so far.
    pub stages: u64,
}

impl Machine {
    /// A machine without tasks.
    #[must_use]
    pub fn new(mem: Memory) -> Self {
        Self { mem, tasks: Vec::new(), oracle: Oracle::default(), fault: None, stages: 0 }
    }

    /// Adds a task that does nothing yet.
    pub fn add_task(&mut self, mm: MmId) -> TaskId {
        self.tasks.push(Task::new(mm));
        TaskId(u16::try_from(self.tasks.len() - 1).expect("fewer than 65534 tasks"))
    }

    /// Gives an idle task something to do.
    pub fn start(&mut self, task: TaskId, routine: impl Into<Routine>) {
        let task = &mut self.tasks[task.index()];
        assert!(task.idle(), "a task was given work while it had some");
        if task.mm.is_some() {
            self.mem.mms[task.mm.index()].users += 1;
        }
        task.ret = Ret::Done;
        task.push(routine.into());
    }

    /// What the task's next stage needs.
    #[must_use]
    #[inline]
    pub fn wants(&self, task: TaskId) -> Wants {
        let task = &self.tasks[task.index()];
        if task.idle() { Wants::NOTHING } else { task.top().wants(&self.mem, task) }
    }

    /// Whether the task has something to do and can do it now.
    #[must_use]
    #[inline]
    pub fn enabled(&self, task: TaskId) -> bool {
        let t = &self.tasks[task.index()];
        !t.idle() && t.top().wants(&self.mem, t).available(&self.mem)
    }

    /// Whether the task's next stage comes to the same now as after anything that others do
    /// before it: see [`crate::routines::Stages::moves_left`].
    #[must_use]
    #[inline]
    pub fn moves_left(&self, task: TaskId) -> bool {
        let t = &self.tasks[task.index()];
        !t.idle() && t.top().moves_left(&self.mem, t)
    }

    /// Whether nothing may run any more: a violation, or a policy at fault.
    #[must_use]
    #[inline]
    pub const fn halted(&self) -> bool {
        self.mem.violation.is_some() || self.fault.is_some()
    }

    /// Runs the next stage of a task if it can run; false if it cannot.
    #[inline]
    pub fn try_step(
        &mut self,
        id: TaskId,
        policy: &Policy,
        asked: Option<&mut Vec<Asked>>,
    ) -> bool {
        let task = &mut self.tasks[id.index()];
        let mut routine = *task.top();
        let wants = routine.wants(&self.mem, task);
        if !wants.available(&self.mem) {
            return false;
        }
        if wants.take != Lock::None {
            wants.take.acquire(&mut self.mem, id);
            task.note_lock(wants.take);
        }
        let mut cx = Cx {
            mem: &mut self.mem,
            task,
            id,
            policy,
            oracle: &mut self.oracle,
            asked,
            fault: &mut self.fault,
        };
        match routine.run(&mut cx) {
            Flow::Next => task.set_top(routine),
            Flow::Call(callee) => {
                task.set_top(routine);
                task.push(callee);
            }
            Flow::Become(next) => task.set_top(next),
            Flow::Return(ret) => {
                task.pop();
                task.ret = ret;
                if task.idle() {
                    let holds = !task.locks().is_empty() || !task.pages().is_empty();
                    assert!(!holds, "a routine ended while its task holds {task:?}");
                    if task.mm.is_some() {
                        self.mem.mms[task.mm.index()].users -= 1;
                    }
                }
            }
        }
        self.mem.audit_touched();
        self.stages += 1;
        true
    }

    /// A signal for a task; false if it is in nothing that a signal ends.
    pub fn interrupt(&mut self, id: TaskId) -> bool {
        let task = &mut self.tasks[id.index()];
        if task.idle() {
            return false;
        }
        let Routine::Offline(mut offline) = *task.top() else {
            return false;
        };
        offline.signal();
        task.set_top(offline.into());
        true
    }

    /// Completes a swap read or write: `end_swap_bio_read`, `end_swap_bio_write`
    /// (`mm/page_io.c`, 2.6.11).
    ///
    /// Simplified: a write takes what the frame holds at its completion.
    pub fn complete_swap_io(&mut self, position: usize, ok: bool) -> SwapIo {
        let mem = &mut self.mem;
        let io = mem.swap_io.remove(position);
        let SwapIo { pfn, entry, write } = io;
        if !ok {
            mem.set_page_error(pfn);
        }
        if write {
            let data = mem.page(pfn).data;
            let slot = &mut mem.areas[entry.area() as usize].data[entry.offset()];
            if ok {
                *slot = data;
            }
            if mem.page(pfn).has(PG_RECLAIM) {
                mem.page_mut(pfn).flags &= !PG_RECLAIM;
                mem.rotate_reclaimable_page(pfn);
            }
            let cleared = !mem.page(pfn).has(PG_WRITEBACK);
            mem.bug_on(cleared, "end_page_writeback", "!PageWriteback", pfn);
            mem.page_mut(pfn).flags &= !PG_WRITEBACK;
        } else {
            if ok {
                let data = mem.areas[entry.area() as usize].data[entry.offset()];
                let page = mem.page_mut(pfn);
                page.data = data;
                page.flags = (page.flags | PG_UPTODATE) & !PG_ERROR;
            }
            let page = mem.page_mut(pfn);
            assert!(
                page.locker == LOCKED_BY_IO,
                "{pfn}: swap read completed on a page it has not locked"
            );
            page.flags &= !PG_LOCKED;
            page.locker = TaskId::NONE;
        }
        self.mem.audit_touched();
        io
    }

    /// Recounts everything; nothing while somebody holds a page_table_lock, under
    /// which a pte and its counts may be half done. What must hold of exclusive pages is
    /// asked of those kernels that have them.
    #[must_use]
    pub fn audit(&self, policy: &Policy) -> Option<Violation> {
        if self.mem.mms.iter().any(|mm| mm.ptl.is_some()) {
            return None;
        }
        let mut held = Held::default();
        for task in &self.tasks {
            held.pages.extend_from_slice(task.pages());
            held.entries.extend_from_slice(task.entries());
        }
        self.mem.audit_whole(&held, policy.has(EXCLUSIVE_BIT))
    }
}

impl Rename for Machine {
    fn rename(&mut self, by: &Renaming) {
        let Self { mem, tasks, oracle, fault: _, stages: _ } = self;
        mem.rename(by);
        tasks.rename(by);
        permute(tasks, &by.tasks);
        oracle.rename(by);
    }
}
