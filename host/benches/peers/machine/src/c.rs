//! The step function with a C interface; `machine.h` declares the same.

use crate::{Peer, State};
use std::ffi::{CStr, c_char, c_int};

/// Opens a universe by its name, for good.
///
/// # Safety
/// `universe` is a string that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cowpath_open(universe: *const c_char) -> *mut Peer {
    // SAFETY: as asked for above.
    let universe = unsafe { CStr::from_ptr(universe) };
    let universe = universe.to_str().expect("names are UTF-8");
    Box::into_raw(Box::new(Peer::open(universe)))
}

/// Writes the initial state.
///
/// # Safety
/// `peer` is from [`cowpath_open`]; `state` has room for two numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cowpath_initial(peer: *const Peer, state: *mut State) {
    // SAFETY: as asked for above.
    unsafe { *state = (*peer).initial() }
}

/// Writes the successors of a state and gives their number.
///
/// # Safety
/// `peer` is from [`cowpath_open`] and used by one thread; `state` has two numbers, `into`
/// room for two times `most`.
///
/// # Panics
/// There are more than `most`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cowpath_successors(
    peer: *mut Peer,
    state: *const State,
    into: *mut State,
    most: c_int,
) -> c_int {
    // SAFETY: as asked for above.
    let (peer, state) = unsafe { (&mut *peer, &*state) };
    let successors = peer.successors(state);
    let number = successors.len();
    assert!(number <= most as usize, "{number} successors, there is room for {most}");
    // SAFETY: there is room for `most`, and so for `number`.
    let into = unsafe { std::slice::from_raw_parts_mut(into, number) };
    for (to, successor) in into.iter_mut().zip(successors) {
        *to = successor;
    }
    number as c_int
}
