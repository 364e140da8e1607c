//! When a child ended before it was done, in words.

use std::fmt;

use super::report::Point;
use crate::policy::Ending;

/// How far the policy had come when its child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing was asked yet.
    Start,
    /// It was asked this and had not answered.
    Asked(Point),
    /// It had answered this.
    Answered(Point),
}

/// A scenario that a child did not bring to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// How.
    pub ending: Ending,
    /// When.
    pub moment: Moment,
    /// What the policy had answered.
    pub answers: Vec<u32>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the policy {} ", self.ending)?;
        match self.moment {
            Moment::Start => f.write_str("before it was asked anything"),
            Moment::Asked(point) => write!(f, "while asked {}", point.name()),
            Moment::Answered(point) => write!(f, "after it had answered {}", point.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LOST_PIPE;
    use cowpath_abi::Hook;
    use std::time::Duration;

    #[test]
    fn an_end_says_how_and_when() {
        let point = Point::new(Hook::do_wp_page, 1);
        let second = Duration::from_secs(1);
        let cases = [
            (
                Ending::Exited(3),
                Moment::Start,
                "the policy called exit(3) before it was asked anything",
            ),
            (
                Ending::Exited(LOST_PIPE),
                Moment::Asked(point),
                "the policy closed the worker's pipe or called exit(74) while asked do_wp_page",
            ),
            (
                Ending::Killed(9),
                Moment::Answered(point),
                "the policy was killed by SIGKILL or closed the worker's pipe \
                 after it had answered do_wp_page",
            ),
            (
                Ending::Killed(50),
                Moment::Asked(point),
                "the policy was killed by signal 50 while asked do_wp_page",
            ),
            (
                Ending::NoAnswer(second * 10),
                Moment::Asked(point),
                "the policy did not answer within 10 s while asked do_wp_page",
            ),
            (
                Ending::TooLong(second * 3 / 2),
                Moment::Answered(point),
                "the policy was not through within 1500 ms after it had answered do_wp_page",
            ),
        ];
        for (ending, moment, expected) in cases {
            let answers = Vec::new();
            let ended = Ended { ending, moment, answers };
            assert_eq!(ended.to_string(), expected);
        }
    }
}
