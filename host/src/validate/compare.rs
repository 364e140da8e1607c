//! One scenario: what the kernel showed against what the model shows, field by field.
//!
//! Nothing is compared where the kernel shows nothing: neither what its header calls
//! hidden, nor a value that is not there, nor the counts of a frame that is none or the
//! zero page. Does not know why the two differ.

use std::fmt::Display;

use super::difference::{Difference, FieldCount};
use super::field::Field;
use super::transcript::{Recorded, Transcript};
use crate::run::Observed;
use crate::scenario::transcript::{Datum, Labels, Observation, Outcome, Place, Pte};

/// What comparing came to.
#[derive(Clone, Debug)]
pub(super) struct Comparing<'a> {
    transcript: &'a Transcript,
    /// By field.
    pub fields: [FieldCount; Field::ALL.len()],
    /// Steps compared.
    pub steps: u64,
    /// In the order of the scenarios.
    pub differences: Vec<Difference>,
}

/// Where a comparison is.
#[derive(Clone, Copy)]
struct At<'a> {
    observation: &'a Observation,
    place: Option<&'a str>,
}

impl<'a> Comparing<'a> {
    pub fn new(transcript: &'a Transcript) -> Self {
        let fields = Field::ALL.map(FieldCount::none);
        Self { transcript, fields, steps: 0, differences: Vec::new() }
    }

    /// Compares one scenario.
    pub fn scenario(&mut self, recorded: &Recorded, observed: &Observed) {
        let mut shown = observed.observations.clone();
        if self.transcript.hides_swap_frames {
            hide_swap_frames(&mut shown);
        }
        for (kernel, model) in recorded.observations.iter().zip(&shown) {
            self.steps += 1;
            self.step(kernel, model);
        }
        let Some(why) = &observed.stopped else { return };
        let missing = recorded.observations.get(observed.observations.len());
        if let Some(last) = missing.or(recorded.observations.last()) {
            let at = At { observation: last, place: None };
            self.differ(at, Field::Result, result(last.result).to_string(), why.clone());
        }
    }

    fn step(&mut self, kernel: &Observation, model: &Observation) {
        let at = At { observation: kernel, place: None };
        self.equal(at, Field::Result, result(kernel.result), result(model.result));
        self.seen(at, model);
        for place in &kernel.places {
            let at = At { place: Some(&place.place), ..at };
            self.fields[Field::Place as usize].compared += 1;
            match model.places.iter().find(|other| other.place == place.place) {
                Some(other) => self.place(at, place, other),
                None => self.differ(at, Field::Place, "mapped".into(), "not mapped".into()),
            }
        }
        let known = |place: &&Place| kernel.places.iter().any(|other| other.place == place.place);
        for place in model.places.iter().filter(|place| !known(place)) {
            let at = At { place: Some(&place.place), ..at };
            self.fields[Field::Place as usize].compared += 1;
            self.differ(at, Field::Place, "not mapped".into(), "mapped".into());
        }
    }

    fn seen(&mut self, at: At<'_>, model: &Observation) {
        let kernel = &at.observation.seen;
        if kernel.len() != model.seen.len() {
            self.fields[Field::Seen as usize].compared += 1;
            let sectors = |seen: &[Option<Datum>]| match seen.len() {
                0 => "nothing".to_string(),
                len => format!("{len} sectors: {}", data(seen)),
            };
            self.differ(at, Field::Seen, sectors(kernel), sectors(&model.seen));
            return;
        }
        let same = kernel.iter().zip(&model.seen).all(|(kernel, model)| kernel == model);
        self.fields[Field::Seen as usize].compared += kernel.len() as u64;
        if !same {
            self.differ(at, Field::Seen, data(kernel), data(&model.seen));
        }
    }

    fn place(&mut self, at: At<'_>, kernel: &Place, model: &Place) {
        if self.shows(Field::Pte) {
            self.equal(at, Field::Pte, pte(kernel.pte), pte(model.pte));
        }
        if self.shows(Field::Page) {
            self.equal(at, Field::Page, page(kernel.page), page(model.page));
        }
        // A frame that the model has as well; if it has none, the page differs already.
        let zero = kernel.zero == Some(true);
        let present = kernel.pte == Pte::Present;
        if present || kernel.page.is_some() {
            self.value(at, Field::Zero, kernel.zero, Some(model.zero.unwrap_or(false)));
        }
        let hidden = self.transcript.hidden.contains(&Field::Page);
        let frame = kernel.page.is_some() || hidden && present && !zero;
        if frame && model.page.is_some() {
            self.value(at, Field::Mapcount, kernel.mapcount, model.mapcount);
            self.value(at, Field::Count, kernel.count, model.count);
            self.value(at, Field::Swapcache, kernel.swapcache, model.swapcache);
            self.value(at, Field::Exclusive, kernel.exclusive, model.exclusive);
        }
    }

    /// Whether the transcript shows a field; counts it if not.
    fn shows(&mut self, field: Field) -> bool {
        let hidden = self.transcript.hidden.contains(&field);
        self.fields[field as usize].hidden += u64::from(hidden);
        !hidden
    }

    fn value<T: PartialEq + Display>(
        &mut self,
        at: At<'_>,
        field: Field,
        kernel: Option<T>,
        model: Option<T>,
    ) {
        if !self.shows(field) {
            return;
        }
        match (kernel, model) {
            (None, _) => self.fields[field as usize].hidden += 1,
            (Some(_), None) => self.fields[field as usize].not_modelled += 1,
            (Some(kernel), Some(model)) => {
                self.equal(at, field, kernel.to_string(), model.to_string());
            }
        }
    }

    fn equal(
        &mut self,
        at: At<'_>,
        field: Field,
        kernel: impl Into<String>,
        model: impl Into<String>,
    ) {
        self.fields[field as usize].compared += 1;
        let (kernel, model) = (kernel.into(), model.into());
        if kernel != model {
            self.differ(at, field, kernel, model);
        }
    }

    fn differ(&mut self, at: At<'_>, field: Field, kernel: String, model: String) {
        let Observation { scenario, step, text, .. } = at.observation;
        self.differences.push(Difference {
            scenario: scenario.clone(),
            step: *step,
            text: text.clone(),
            place: at.place.map(str::to_string),
            field,
            kernel,
            model,
            explained: None,
        });
    }
}

/// Leaves only what a kernel shows that has no frame for a swap pte: frames are numbered
/// anew, by first sight through a present pte.
fn hide_swap_frames(observations: &mut [Observation]) {
    let mut labels = Labels::default();
    for observation in observations {
        labels.begin();
        for place in &mut observation.places {
            let label = place.page.filter(|_| place.pte == Pte::Present);
            place.page = label.map(|label| labels.of(label.into()));
        }
        labels.end();
    }
}

const fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Fault => "fault",
        Outcome::Moved => "moved",
        Outcome::Busy => "busy",
        Outcome::NotPresent => "not present",
        Outcome::Offline => "offline",
        Outcome::Off => "off",
        Outcome::NoMemory => "no memory",
    }
}

const fn pte(pte: Pte) -> &'static str {
    match pte {
        Pte::None => "none",
        Pte::Present => "present",
        Pte::Swap => "swap",
    }
}

fn page(page: Option<u32>) -> String {
    page.map_or_else(|| "none".to_string(), |label| format!("page {label}"))
}

fn data(seen: &[Option<Datum>]) -> String {
    let one = |datum: &Option<Datum>| match datum {
        None => "not looked at".to_string(),
        Some(Datum::Zero) => "zero".to_string(),
        Some(Datum::Step(step)) => format!("stored in step {step}"),
        Some(Datum::Io(io)) => format!("the data of {io}"),
        Some(Datum::File) => "the file's data".to_string(),
        Some(Datum::Garbage) => "something else".to_string(),
    };
    seen.iter().map(one).collect::<Vec<_>>().join(", ")
}
