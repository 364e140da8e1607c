//! x
fn main() { let p = cowpath::policy::resolve("vanilla").map(|p| p.name().to_string()); println!("{p:?}"); }
