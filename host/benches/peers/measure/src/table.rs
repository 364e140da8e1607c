//! Medians side by side, as Markdown.

use crate::contestant::Sample;
use std::fmt;

/// One contestant's runs.
#[derive(Debug)]
struct Row {
    name: String,
    states: u64,
    transitions: u64,
    cpu: Spread,
    wall: Spread,
    resident: f64,
}

/// A median, the least and the most.
#[derive(Clone, Copy, Debug)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

/// All contestants; the first is the one that others are compared with.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    /// Processor time of generation alone.
    limit: Option<f64>,
}

impl Table {
    pub(crate) fn new(
        names: Vec<String>,
        samples: &[Vec<Sample>],
        limit: Option<&str>,
    ) -> Result<Self, String> {
        let rows = names.into_iter().zip(samples).map(|(name, samples)| Row::new(name, samples));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let limit = match limit {
            None => None,
            Some(limit) => {
                let row = rows.iter().find(|row| row.name == limit);
                Some(row.ok_or(format!("--limit: no contestant is called {limit}"))?.cpu.median)
            }
        };
        Ok(Self { rows, limit })
    }

    /// That all have the same number of states, or one more.
    pub(crate) fn check_states(&self) -> Result<(), String> {
        let ours = self.rows[0].states;
        let other = self.rows.iter().find(|row| row.states != ours && row.states != ours + 1);
        other.map_or(Ok(()), |row| {
            Err(format!("{} has {} states, not {ours}", row.name, row.states))
        })
    }
}

impl Row {
    fn new(name: String, samples: &[Sample]) -> Result<Self, String> {
        let [Sample { states, transitions, .. }, ..] = *samples else {
            return Err(format!("{name}: no run"));
        };
        if samples.iter().any(|sample| sample.states != states) {
            return Err(format!("{name}: not the same number of states in all runs"));
        }
        let spread = |of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of).collect());
        let (cpu, wall) = (spread(|sample| sample.cpu), spread(|sample| sample.wall));
        let resident = spread(|sample| sample.resident as f64).median;
        Ok(Self { name, states, transitions, cpu, wall, resident })
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        Self {
            median: f64::midpoint(values[(n - 1) / 2], values[n / 2]),
            least: values[0],
            most: values[n - 1],
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} [{:.2}-{:.2}]", self.median, self.least, self.most)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.rows[0];
        write!(
            f,
            "| contestant | states | transitions | CPU s | ratio | ns/state | wall s | ratio "
        )?;
        write!(f, "| MB | B/state |")?;
        writeln!(
            f,
            "{}",
            if self.limit.is_some() { " beyond generation s | ratio |" } else { "" }
        )?;
        write!(f, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        writeln!(f, "{}", if self.limit.is_some() { "--:|--:|" } else { "" })?;
        for row in &self.rows {
            let states = row.states as f64;
            write!(
                f,
                "| {} | {} | {} | {} | {:.2} | {:.0} | {} | {:.2} | {:.0} | {:.1} |",
                row.name,
                row.states,
                row.transitions,
                row.cpu,
                row.cpu.median / first.cpu.median,
                row.cpu.median / states * 1e9,
                row.wall,
                row.wall.median / first.wall.median,
                row.resident / 1e6,
                row.resident / states,
            )?;
            if let Some(limit) = self.limit {
                let (beyond, ours) = (row.cpu.median - limit, first.cpu.median - limit);
                write!(f, " {beyond:.2} | {:.2} |", beyond / ours)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
