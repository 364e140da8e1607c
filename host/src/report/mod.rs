//! Reports: comparisons and traces as text for people and as JSON for programs.
//!
//! A report decides nothing and runs nothing: it reads a [`Comparison`], a [`Trace`]
//! or a [`Validated`].
//! Its text carries ANSI styles, which [`plain`] or the terminal's edge takes away,
//! and has at most 80 columns as long as no single word is longer.
//!
//! [`Comparison`]: crate::compare::Comparison
//! [`Trace`]: crate::trace::Trace
//! [`Validated`]: crate::validate::Validated

mod cause;
mod columns;
mod json;
mod net;
mod overview;
mod parting;
mod question;
mod side_by_side;
mod style;
mod trace;
mod validated;
mod wrap;

pub use cause::{Cause, cause};
pub use json::{
    CompareDocument, MutantsDocument, MutantsOf, RunDocument, VERSION, ValidateDocument, schemas,
};
pub use net::{NetChange, net_changes};
pub use overview::overview;
pub use parting::partings;
pub use side_by_side::side_by_side;
pub use style::plain;
pub use trace::{Detail, heading, trace};
pub use validated::{mutants, validated};
pub(crate) use wrap::hanging;
