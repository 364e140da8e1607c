//! The `cowpath` command.
fn main() {}
