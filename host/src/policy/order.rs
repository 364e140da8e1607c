//! The order of operations in `do_swap_page`, as far as it can be wrong by itself.
//!
//! This module does not know which orders any kernel had, only what each step needs.

use std::fmt;

use cowpath_abi::SwapInStep::{self, Decide, FreeSwap, SetPte, UnlockPage, WpPage};

/// What must come before what, and why.
const NEEDS: [(SwapInStep, SwapInStep, &str); 3] = [
    (FreeSwap, UnlockPage, "remove_exclusive_swap_page needs the page lock"),
    (Decide, UnlockPage, "can_share_swap_page needs the page lock"),
    (Decide, SetPte, "the pte value is made there"),
];

/// Why an order cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// The number at a position (from 1) is no step.
    NoStep {
        /// Position, from 1.
        position: usize,
        /// The number found.
        number: u8,
    },
    /// A step comes twice, and so another is missing.
    Twice {
        /// The step that comes twice.
        step: SwapInStep,
    },
    /// A step comes too late for another.
    TooLate {
        /// The step that should come first.
        first: SwapInStep,
        /// The step that needs it.
        then: SwapInStep,
        /// What it needs it for.
        why: &'static str,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStep { position, number } => {
                write!(f, "position {position} holds {number}, steps are 1 to 8")
            }
            Self::Twice { step } => write!(f, "{step:?} comes twice, each step must come once"),
            Self::TooLate { first, then, why } => {
                write!(f, "{first:?} must come before {then:?}: {why}")
            }
        }
    }
}

impl std::error::Error for OrderError {}

/// Reads the numbers of a policy's rules.
pub(super) fn read(numbers: [u8; 8]) -> Result<[SwapInStep; 8], OrderError> {
    let mut order = SwapInStep::ALL;
    for (index, number) in numbers.into_iter().enumerate() {
        let step = SwapInStep::ALL.into_iter().find(|step| *step as u8 == number);
        let position = index + 1;
        order[index] = step.ok_or(OrderError::NoStep { position, number })?;
        if order[..index].contains(&order[index]) {
            return Err(OrderError::Twice { step: order[index] });
        }
    }
    let place = |step| order.iter().position(|other| *other == step);
    for (first, then, why) in NEEDS {
        if place(first) > place(then) {
            return Err(OrderError::TooLate { first, then, why });
        }
    }
    if order[7] != WpPage {
        return Err(OrderError::TooLate {
            first: order[7],
            then: WpPage,
            why: "do_wp_page drops the page_table_lock",
        });
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_of_three_kernels_are_accepted() {
        for order in [[1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 1, 2, 5, 6, 7, 8], [3, 4, 6, 7, 1, 2, 5, 8]]
        {
            assert_eq!(read(order).unwrap().map(|step| step as u8), order);
        }
    }

    #[test]
    fn a_wrong_order_names_the_step() {
        let cases = [
            ([1, 2, 3, 4, 5, 6, 7, 9], "position 8 holds 9, steps are 1 to 8"),
            ([1, 2, 3, 4, 5, 6, 1, 8], "SwapFree comes twice, each step must come once"),
            (
                [1, 3, 4, 5, 2, 6, 7, 8],
                "FreeSwap must come before UnlockPage: remove_exclusive_swap_page needs the page lock",
            ),
            (
                [1, 2, 3, 5, 4, 6, 7, 8],
                "Decide must come before UnlockPage: can_share_swap_page needs the page lock",
            ),
            (
                [1, 2, 3, 6, 4, 5, 7, 8],
                "Decide must come before SetPte: the pte value is made there",
            ),
            (
                [1, 2, 3, 4, 5, 6, 8, 7],
                "AddRmap must come before WpPage: do_wp_page drops the page_table_lock",
            ),
        ];
        for (order, message) in cases {
            assert_eq!(read(order).unwrap_err().to_string(), message);
        }
    }
}
