//! cowpath's own search.

use cowpath::explore::try_universe;
use cowpath::policy;
use peers_machine::universe::named;

/// Steps that the system remembers.
const MEMO: usize = 1 << 20;

pub(crate) fn run(universe: &str, threads: usize) {
    let universe = named(universe).unwrap_or_else(|| panic!("no universe is called {universe}"));
    let policy = policy::resolve("vanilla").expect("it is bundled");
    try_universe::<2>(&universe, &policy, threads, MEMO);
}
