//! Real kernels: what they show when they act scenarios out.
//!
//! Knows how a transcript is made. Does not know policies.

pub mod record;
