//! Reports: comparisons and traces as text for people and as JSON for programs.
//!
//! A report decides nothing and runs nothing: it reads a [`Comparison`], a [`Trace`]
//! or a [`Validated`].
//! Its text carries ANSI styles, which [`plain`] or the terminal's edge takes away,
//! and has at most 80 columns as long as no single word is longer and nobody asks for a
//! wider matrix.
//!
//! [`Comparison`]: crate::compare::Comparison
//! [`Trace`]: crate::trace::Trace
//! [`Validated`]: crate::validate::Validated

mod bisect;
mod by;
mod cause;
mod columns;
mod explored;
mod history;
mod json;
mod keys;
mod matrix;
mod net;
mod overview;
mod parting;
mod question;
mod side_by_side;
mod style;
mod trace;
mod validated;
mod wrap;

pub use bisect::bisection;
pub use cause::{Cause, cause};
pub use explored::{differences, explored, universes};
pub use history::history;
pub use json::{
    BisectDocument, CompareDocument, ExploreDocument, MatrixDocument, MutantsDocument, MutantsOf,
    RunDocument, VERSION, ValidateDocument, schemas,
};
pub use matrix::matrix;
pub use net::{NetChange, net_changes};
pub use overview::overview;
pub use parting::partings;
pub use side_by_side::side_by_side;
pub use style::plain;
pub use trace::{Detail, heading, trace};
pub use validated::{mutants, validated};
pub(crate) use wrap::hanging;
