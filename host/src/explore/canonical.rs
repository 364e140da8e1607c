//! Makes equal what is equal: the numbers of stores and transfers.
//!
//! Stores, transfers, forks and requests are numbered through a run, so that two orders
//! of independent stores end in different numbers. Nothing ever asks more of two numbers
//! than which is the larger, or whether they are the same, and a new one is larger than
//! all before. So the numbers that a state still mentions are replaced by their ranks: a
//! state's future stays what it was.

use crate::machine::Machine;
use crate::mm::{Costs, PG_FREE, SECTORS, Token};

/// Replaces the numbers by their ranks, and forgets what is merely counted.
pub(super) fn renumber(machine: &mut Machine) {
    forget(machine);
    let mut numbers = Vec::with_capacity(64);
    each(machine, &mut |number| {
        if *number > 0 {
            numbers.push(*number);
        }
    });
    numbers.sort_unstable();
    numbers.dedup();
    each(machine, &mut |number| {
        if *number > 0 {
            let rank = numbers.binary_search(number).expect("it was collected");
            *number = rank as u32 + 1;
        }
    });
    machine.mem.seq = numbers.len() as u32;
    machine.mem.costs = Costs::default();
    machine.stages = 0;
    machine.oracle.sort();
}

/// Nobody may look at what free frames and free slots hold: whoever did would be found by
/// the accounts, not by what he saw.
fn forget(machine: &mut Machine) {
    let mem = &mut machine.mem;
    for page in mem.pages.iter_mut().filter(|page| page.has(PG_FREE)) {
        page.data = [Token::ZERO; SECTORS];
    }
    for area in &mut mem.areas {
        for (data, &count) in area.data.iter_mut().zip(&area.swap_map) {
            if count == 0 {
                *data = [Token::ZERO; SECTORS];
            }
        }
    }
}

/// Every number that a state mentions. 0 stands for none.
fn each(machine: &mut Machine, see: &mut impl FnMut(&mut u32)) {
    let mem = &mut machine.mem;
    for token in mem.pages.iter_mut().flat_map(|page| &mut page.data) {
        in_token(token, see);
    }
    for token in mem.areas.iter_mut().flat_map(|area| area.data.iter_mut().flatten()) {
        in_token(token, see);
    }
    for holder in &mut mem.holders {
        for token in holder.token.iter_mut().chain(&mut holder.start) {
            in_token(token, see);
        }
        see(&mut holder.held);
    }
    for io in &mut mem.ios {
        see(&mut io.submitted);
        see(&mut io.completed);
    }
    for mm in &mut mem.mms {
        see(&mut mm.born);
    }
    machine.oracle.each_token(&mut |token| in_token(token, see));
    machine.oracle.each_number(see);
}

/// What was there before the run has no number.
fn in_token(token: &mut Token, see: &mut impl FnMut(&mut u32)) {
    if token.author() != 0 {
        let mut number = token.seq();
        see(&mut number);
        *token = Token::new(token.author(), number);
    }
}
