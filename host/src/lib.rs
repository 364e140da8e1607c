//! cowpath decides discussions of copy-on-write patches.
//!
//! A [`machine::Machine`] models the anonymous memory of Linux 2.6.11, one *stage*
//! at a time. A [`policy::Policy`], loaded from a plugin, answers where kernels
//! differ.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | scenario | a memory, processes, and steps by named actors |
//! | step | one line of a scenario: an actor begins an operation, or goes on with one |
//! | task | what runs: a process's thread, a kernel thread, an IO's completion |
//! | routine | a kernel call chain as a stage machine, named by the kernel function |
//! | stage | what a routine does under one hold of the innermost lock of its path |
//! | hook | a question that a stage asks the policy, named by the kernel function |
//! | policy | the answers of one kernel generation or patch |
//! | event | something that a trace records |
//! | trace | everything that happened in one run of a scenario under one policy |
//! | outcome | what a run came to, in one word, with its findings |
//! | comparison | the traces of one scenario under several policies, side by side |
//! | generation | a policy in its place among the others, with the one that it follows |
//! | hunk | a hook, rule or mechanism of a policy that another policy can take |
//! | graft | a policy with hunks of another |
//! | cause | the hunks that make an outcome change from one generation to the next |
//! | matrix | the outcomes of many scenarios, generation by generation |
//! | transcript | what a real kernel showed after each step of scenarios |
//! | observation | what there was to see after one step, on a kernel or of the model |
//! | report | a comparison or a trace as text or JSON |

pub mod attribute;
pub mod bisect;
pub mod change;
pub mod cli;
pub mod compare;
pub mod explore;
pub mod lock;
pub mod machine;
pub mod matrix;
pub mod mm;
pub mod oracle;
pub mod policy;
pub mod rename;
pub mod report;
pub mod routines;
pub mod run;
pub use cowpath_scenario as scenario;
pub mod task;
pub mod trace;
pub mod validate;
pub mod worker;
pub mod workload;
