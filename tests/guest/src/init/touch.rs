//! Loads and stores that may fault: one instruction each, which SIGSEGV steps over.

use std::arch::asm;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the last access met SIGSEGV.
static FAULTED: AtomicBool = AtomicBool::new(false);

/// Length of `rep stosq` and `rep movsq`.
const INSTRUCTION: libc::greg_t = 3;

extern "C" fn on_fault(_signal: i32, _info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    FAULTED.store(true, Ordering::SeqCst);
    // SAFETY: with SA_SIGINFO the kernel passes the ucontext of the interrupted thread.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    context.uc_mcontext.gregs[libc::REG_RIP as usize] += INSTRUCTION;
}

/// Makes SIGSEGV and SIGBUS results instead of ends. No other code of a process may fault.
pub(crate) fn catch_faults() {
    // SAFETY: the action is zeroed but for fields that are set; the handler is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
    }
}

/// Stores a word over and over; false: a fault.
pub(crate) fn store(address: usize, word: u64, length: usize) -> bool {
    FAULTED.store(false, Ordering::SeqCst);
    // SAFETY: the address is in a mapping of the scenario, which no Rust object is in; where it
    // is not mapped or not writable, `on_fault` ends the instruction.
    unsafe {
        asm!("rep stosq", inout("rcx") length / 8 => _, inout("rdi") address => _, in("rax") word,
            options(nostack, preserves_flags));
    }
    !FAULTED.load(Ordering::SeqCst)
}

/// Loads as much as there is room for; false: a fault.
pub(crate) fn load(address: usize, into: &mut [u8]) -> bool {
    FAULTED.store(false, Ordering::SeqCst);
    // SAFETY: as in `store`; the destination is a buffer of that length.
    unsafe {
        asm!("rep movsq", inout("rcx") into.len() / 8 => _, inout("rsi") address => _,
            inout("rdi") into.as_mut_ptr() => _, options(nostack, preserves_flags));
    }
    !FAULTED.load(Ordering::SeqCst)
}
