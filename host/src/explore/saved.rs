//! A search, written to a checkpoint and read from it.

use super::actor::Actor;
use super::breadth::{Breadth, End, Limits, Mark};
use super::checkpoint::{Identity, Reader, Writer};
use super::intern::{Finder, Pool, Values};
use super::keep::KeepError;
use super::model::Model as _;
use super::parents::{Parents, entry};
use super::spill::{Folder, Queue};
use super::system::{Choice, State, System, WORDS};
use super::{Counts, Progress};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// States between two reports, and of a queue at a time.
const OFTEN: u64 = 1 << 16;

/// States that are sorted at once.
const BATCH: u64 = 1 << 20;

impl<'a, 's, const W: usize> Breadth<'a, System<'s, W>, W> {
    /// Writes a checkpoint, of where it is or was when it was last exact.
    pub fn save(&self, path: &Path, identity: &Identity) -> Result<(), KeepError> {
        let write = || {
            let mut to = Writer::new(path, identity)?;
            self.write(&mut to)?;
            to.finish()
        };
        write().map_err(|error| KeepError::Unwritable { path: path.to_owned(), error })
    }

    fn write(&self, to: &mut Writer) -> io::Result<()> {
        let mark = self.mark();
        let Counts { states, transitions, depth, ends } = mark.counts;
        for number in [states, transitions, depth.into(), ends, mark.undefined, mark.coverage] {
            to.number(number)?;
        }
        to.number(mark.ends.len() as u64)?;
        for end in &mark.ends {
            to.text(end.word.as_bytes())?;
            [end.states, end.transitions, end.first].into_iter().try_for_each(|n| to.number(n))?;
        }
        let (worlds, actors) = self.model.interned();
        worlds.parts.iter().chain([&worlds.rows]).try_for_each(|pool| write_pool(to, pool))?;
        write_actors(to, actors)?;
        write_parents(to, &self.parents, &mark)?;
        to.number(self.first + self.done)?;
        to.number(u64::from(self.begun || self.done > 0))?;
        write_queue(to, &self.level, self.done, self.level.len())?;
        write_queue(to, &self.next, 0, mark.next)?;
        let mut written = 0;
        for part in &self.parts {
            part.each(|state| {
                written += 1;
                write_state(to, state)
            })?;
        }
        assert_eq!(written, states, "states visited and states counted");
        Ok(())
    }

    /// Goes on from a checkpoint.
    pub fn restore(
        system: &'a System<'s, W>,
        from: &mut Reader,
        disk: Option<Arc<Folder>>,
        limits: &Limits<'_>,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Self, KeepError> {
        let folder = disk.clone();
        let failed = |error| {
            let folder = folder.as_ref().map(|folder| folder.path().to_owned());
            KeepError::Disk { folder: folder.unwrap_or_default(), error }
        };
        let mut search = Self::empty(system, limits.threads, disk);
        let [states, transitions, depth, ends, undefined, coverage] = numbers(from)?;
        let depth = u32::try_from(depth).map_err(|_| from.damaged())?;
        search.counts = Counts { states, transitions, depth, ends };
        search.undefined = undefined;
        for _ in 0..from.number()? {
            let word = from.string()?;
            let known = WORDS.into_iter().chain(["ok"]).find(|known| *known == word);
            let word = known.ok_or_else(|| from.damaged())?;
            let [states, transitions, first] = numbers(from)?;
            search.ends.push(End { word, states, transitions, first });
        }
        let (worlds, actors) = system.interned();
        worlds.parts.iter().chain([&worlds.rows]).try_for_each(|pool| read_pool(from, pool))?;
        read_actors(from, actors)?;
        system.forget_steps(coverage);
        search.parents = read_parents(from)?;
        search.first = from.number()?;
        search.begun = from.number()? != 0;
        search.refuse(from, limits)?;
        for next in [false, true] {
            let left = from.number()?;
            for _ in 0..left {
                let state = read_state(from)?;
                if next { search.next.push(&state) } else { search.level.push(&state) }
            }
        }
        let mut stored = false;
        let mut batch = Vec::new();
        for number in 1..=states {
            let state = read_state(from)?;
            if stored {
                batch.push(state)
            } else {
                search.visit(&state)
            }
            if stored && (batch.len() as u64 == BATCH || number == states) {
                search.store_new(&batch).map_err(failed)?;
                batch.clear();
            }
            if number % OFTEN == 0 {
                stored = stored || search.is_full(limits);
                let bytes = search.bytes();
                tell(Progress { states: number, depth, frontier: 0, bytes });
            }
        }
        Ok(search)
    }

    /// What a search that was not interrupted would not have done.
    fn refuse(&self, from: &Reader, limits: &Limits<'_>) -> Result<(), KeepError> {
        let Counts { states, depth, .. } = self.counts;
        if let Some(most) = limits.states.filter(|&most| states > most) {
            return Err(from.beyond("--states", states, most));
        }
        let reached = depth + u32::from(self.begun);
        match limits.depth.filter(|&most| reached > most) {
            Some(most) => Err(from.beyond("--depth", reached.into(), most.into())),
            None => Ok(()),
        }
    }
}

fn numbers<const N: usize>(from: &mut Reader) -> Result<[u64; N], KeepError> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = from.number()?;
    }
    Ok(numbers)
}

fn write_state<const W: usize>(to: &mut Writer, state: &State<W>) -> io::Result<()> {
    state.iter().try_for_each(|&word| to.number(word))
}

fn read_state<const W: usize>(from: &mut Reader) -> Result<State<W>, KeepError> {
    numbers(from)
}

fn write_pool(to: &mut Writer, pool: &Pool) -> io::Result<()> {
    to.number(pool.len())?;
    pool.each(|number, row| {
        to.number(number.into())?;
        to.text(row)
    })
}

fn read_pool(from: &mut Reader, pool: &Pool) -> Result<(), KeepError> {
    let mut finder = Finder::default();
    for _ in 0..from.number()? {
        let number = from.number()?;
        let row = from.text()?;
        if row.is_empty() || u64::from(pool.number(&mut finder, &row)) != number {
            return Err(from.damaged());
        }
    }
    Ok(())
}

fn write_actors(to: &mut Writer, actors: &Values<Actor>) -> io::Result<()> {
    to.number(actors.len() as u64)?;
    let mut written = Ok(());
    actors.each_from(0, |actor| {
        if written.is_ok() {
            let bytes = postcard::to_stdvec(actor).map_err(io::Error::other);
            written = bytes.and_then(|bytes| to.text(&bytes));
        }
    });
    written
}

fn read_actors(from: &mut Reader, actors: &Values<Actor>) -> Result<(), KeepError> {
    for number in 0..from.number()? {
        let bytes = from.text()?;
        let actor = postcard::from_bytes(&bytes).map_err(|_| from.damaged())?;
        if u64::from(actors.number(&actor)) != number {
            return Err(from.damaged());
        }
    }
    Ok(())
}

fn write_parents(to: &mut Writer, parents: &Parents, mark: &Mark) -> io::Result<()> {
    to.number(parents.choices().len() as u64)?;
    for choice in parents.choices() {
        to.bytes(&[choice.by, choice.which])?;
    }
    to.number(mark.parents.len)?;
    parents.each(mark.parents, |piece| to.bytes(piece))
}

fn read_parents(from: &mut Reader) -> Result<Parents, KeepError> {
    let mut choices = Vec::new();
    for _ in 0..from.number()? {
        let mut choice = [0; 2];
        from.bytes(&mut choice)?;
        choices.push(Choice { by: choice[0], which: choice[1] });
    }
    let mut parents = Parents::with_choices(choices.clone());
    let mut parent = 0;
    for _ in 0..from.number()? {
        let mut failed = None;
        let mut next = || {
            let mut byte = [0];
            failed = failed.take().or(from.bytes(&mut byte).err());
            byte[0]
        };
        let (code, further) = entry(&mut next);
        if let Some(error) = failed {
            return Err(error);
        }
        parent += further;
        let by = choices.get(usize::from(code)).ok_or_else(|| from.damaged())?;
        parents.push(parent, *by);
    }
    Ok(parents)
}

fn write_queue<const W: usize>(
    to: &mut Writer,
    queue: &Queue<W>,
    first: u64,
    end: u64,
) -> io::Result<()> {
    to.number(end - first)?;
    let mut room = Vec::new();
    for at in (first..end).step_by(OFTEN as usize) {
        let most = (end - at).min(OFTEN) as usize;
        queue.block(at, most, &mut room)?.iter().try_for_each(|state| write_state(to, state))?;
    }
    Ok(())
}
