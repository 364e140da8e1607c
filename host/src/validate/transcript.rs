//! Reads a transcript, and holds its steps against today's scenarios.
//!
//! Does not know policies, nor what the model shows.

use super::error::InputError;
use super::field::Field;
use crate::routines::stage_names;
use crate::scenario::transcript::{FORM, Header, Observation, SWAP_FRAMES};
use crate::scenario::{Act, Scenario, builtin, kernels, load_with_stages};

/// A transcript of one kernel.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Its file's name without folder and `.jsonl`.
    pub name: String,
    /// What it says of itself.
    pub header: Header,
    /// Fields that no observation shows.
    pub hidden: Vec<Field>,
    /// No frame is shown for a swap pte.
    pub hides_swap_frames: bool,
    /// What it has of each scenario, in its own order.
    pub scenarios: Vec<Recorded>,
}

/// One scenario on one kernel.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The scenario, as it is today.
    pub scenario: Scenario,
    /// One observation for each step that is no `check`.
    pub observations: Vec<Observation>,
}

impl Transcript {
    /// Reads the text of a file of this name.
    ///
    /// # Errors
    /// Names the line, what is wrong, and the remedy: the file is truncated or of another
    /// form, or a scenario has changed since it was recorded.
    pub fn read(file: &str, text: &str) -> Result<Self, InputError> {
        let reader = Reader { file, stages: stage_names() };
        reader.read(text)
    }

    /// Built-in scenarios, and those for kernels, that it neither has nor says why it has
    /// not.
    #[must_use]
    pub fn absent(&self) -> Vec<String> {
        let has = |name: &str| self.scenarios.iter().any(|one| one.scenario.name == name);
        let skipped = |name: &str| {
            let named = |skipped: &String| skipped.split(':').next() == Some(name);
            self.header.skipped.iter().any(named)
        };
        let names = builtin().iter().map(|(name, _)| (*name).to_string());
        let names = names.chain(kernels().into_iter().map(|(name, _)| name));
        names.filter(|name| !has(name) && !skipped(name)).collect()
    }
}

/// Name of a transcript: its file's name without folder and `.jsonl`.
#[must_use]
pub fn name_of(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".jsonl").unwrap_or(name)
}

struct Reader<'a> {
    file: &'a str,
    stages: Vec<&'static str>,
}

const ANEW: &str = "record the transcript anew";

impl Reader<'_> {
    fn error(&self, line: usize, what: String, remedy: &str) -> InputError {
        let (file, remedy) = (self.file.to_string(), remedy.to_string());
        InputError { file, line: line as u32, what, remedy }
    }

    fn read(&self, text: &str) -> Result<Transcript, InputError> {
        let mut lines = text.lines().zip(1..);
        let Some((first, _)) = lines.next() else {
            return Err(self.error(0, "the file is empty".to_string(), ANEW));
        };
        self.form(first)?;
        let whole = text.ends_with('\n');
        let last = text.lines().count();
        if !whole {
            let what = "the file ends in the middle of a line".to_string();
            return Err(self.error(last, what, ANEW));
        }
        let header: Header = self.json(1, first)?;
        let hidden = self.hidden(&header)?;
        let hides_swap_frames = header.hidden.iter().any(|name| name == SWAP_FRAMES);
        let mut scenarios: Vec<Recorded> = Vec::new();
        for (line, number) in lines {
            let observation: Observation = self.json(number, line)?;
            self.add(&mut scenarios, observation, number)?;
        }
        if let Some(recorded) = scenarios.last() {
            self.whole(recorded, last)?;
        }
        let name = name_of(self.file).to_string();
        Ok(Transcript { name, header, hidden, hides_swap_frames, scenarios })
    }

    /// The form's number comes before anything else, so that a later form is named as such.
    fn form(&self, first: &str) -> Result<(), InputError> {
        let form = serde_json::from_str::<serde_json::Value>(first).ok();
        let form = form.and_then(|header| header.get("transcript")?.as_u64());
        match form {
            Some(form) if form == u64::from(FORM) => Ok(()),
            Some(form) => {
                let what = format!("the transcript has form {form}, this program reads {FORM}");
                Err(self.error(1, what, "record it anew, or use the program that wrote it"))
            }
            None => {
                let what = "the first line is no header of a transcript".to_string();
                Err(self.error(1, what, "its first key is `transcript`, the form's number"))
            }
        }
    }

    fn json<T: serde::de::DeserializeOwned>(
        &self,
        number: usize,
        line: &str,
    ) -> Result<T, InputError> {
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            let what = format!("{text}, at column {}", error.column());
            self.error(number, what, ANEW)
        })
    }

    fn hidden(&self, header: &Header) -> Result<Vec<Field>, InputError> {
        let fields = header.hidden.iter().filter(|name| *name != SWAP_FRAMES).map(|name| {
            Field::of_place(name).ok_or_else(|| {
                let fields = Field::ALL.map(Field::name).into_iter();
                let known: Vec<_> = fields.filter(|f| Field::of_place(f).is_some()).collect();
                let remedy = format!("fields of a place are {}", known.join(", "));
                self.error(1, format!("`hidden` names `{name}`, which is no field"), &remedy)
            })
        });
        fields.collect()
    }

    fn add(
        &self,
        scenarios: &mut Vec<Recorded>,
        observation: Observation,
        line: usize,
    ) -> Result<(), InputError> {
        let name = &observation.scenario;
        if scenarios.last().is_none_or(|last| last.scenario.name != *name) {
            if let Some(recorded) = scenarios.last() {
                self.whole(recorded, line)?;
            }
            if scenarios.iter().any(|one| one.scenario.name == *name) {
                let what = format!("scenario `{name}` comes twice");
                return Err(self.error(line, what, ANEW));
            }
            let scenario = self.scenario(name, line)?;
            scenarios.push(Recorded { scenario, observations: Vec::new() });
        }
        let recorded = scenarios.last_mut().expect("just pushed");
        self.step(recorded, &observation, line)?;
        recorded.observations.push(observation);
        Ok(())
    }

    fn scenario(&self, name: &str, line: usize) -> Result<Scenario, InputError> {
        let path = name.ends_with(".toml");
        let scenario = load_with_stages(name, &self.stages).ok().filter(|_| !path);
        scenario.ok_or_else(|| {
            let what = format!("there is no scenario `{name}` any more");
            self.error(line, what, ANEW)
        })
    }

    /// An observation is of the next step, and the step is what it was.
    fn step(
        &self,
        recorded: &Recorded,
        observation: &Observation,
        line: usize,
    ) -> Result<(), InputError> {
        let name = &recorded.scenario.name;
        let error = |what: String| Err(self.error(line, what, ANEW));
        let Some((number, step)) = next(recorded) else {
            return error(format!("`{name}` has no step {} any more", observation.step));
        };
        if observation.step != number {
            return error(format!("step {number} of `{name}` is missing"));
        }
        if observation.text != step {
            let Observation { text, .. } = observation;
            return error(format!("step {number} of `{name}` was `{text}`, today it is `{step}`"));
        }
        Ok(())
    }

    /// A scenario is over at this line.
    fn whole(&self, recorded: &Recorded, line: usize) -> Result<(), InputError> {
        let Some((number, _)) = next(recorded) else { return Ok(()) };
        let name = &recorded.scenario.name;
        let what = format!("`{name}` ends before its step {number}, the file is truncated");
        Err(self.error(line, what, ANEW))
    }
}

/// Number and text of the step that comes next.
fn next(recorded: &Recorded) -> Option<(u32, &str)> {
    let steps = (1..).zip(&recorded.scenario.steps);
    let mut steps = steps.filter(|(_, step)| !matches!(step.act, Act::Check(_)));
    let (number, step) = steps.nth(recorded.observations.len())?;
    Some((number, &step.text))
}
