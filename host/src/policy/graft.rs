//! `vanilla+iwamoto:try_to_unmap_one`: a policy with single hunks from another.
//!
//! This module does not know what the hunks do; whether a mixture makes sense is
//! for the run to show.

use cowpath_abi::{HOOKS, HOOKS_1_0, Hook, MECHANISMS};

use super::{LoadError, Plugin, Policy, load, manifest_of};

/// What a graft can take: a change that a patch makes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hunk {
    /// A hook; `do_swap_page` brings its order along.
    Hook(Hook),
    /// `Rules::unuse_process`: where swapoff activates the page.
    UnuseProcess,
    /// `Rules::exclusive_without_tree_lock`.
    ExclusiveSwapPageLock,
    /// One bit of `Rules::mechanisms`, had or not, by its place in [`MECHANISMS`].
    Mechanism(usize),
}

impl Hunk {
    /// Every hunk.
    pub fn all() -> impl Iterator<Item = Self> {
        let rules = [Self::UnuseProcess, Self::ExclusiveSwapPageLock];
        let mechanisms = (0..MECHANISMS.len()).map(Self::Mechanism);
        HOOKS.into_iter().map(Self::Hook).chain(rules).chain(mechanisms)
    }

    /// The name in a specification.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hook(hook) => hook.name(),
            Self::UnuseProcess => "unuse_process",
            Self::ExclusiveSwapPageLock => "exclusive_swap_page_lock",
            Self::Mechanism(place) => MECHANISMS[place].1,
        }
    }

    fn from_name(name: &str) -> Result<Self, LoadError> {
        Self::all().find(|hunk| hunk.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::all().map(Self::name).collect();
            LoadError::UnknownHunk { name: name.to_owned(), nearest: nearest(name, &known), known }
        })
    }
}

/// Makes a policy from its specification: a bundled policy's name or a plugin's
/// path, and any number of `+OTHER:HUNK,HUNK`.
///
/// # Errors
/// Names what is wrong with the specification or with a plugin, and the remedy.
pub fn resolve(spec: &str) -> Result<Policy, LoadError> {
    let (base, grafts) = split(spec);
    let grafts =
        grafts.into_iter().map(|graft| Tail::parse(spec, graft)).collect::<Result<Vec<_>, _>>()?;
    if base.is_empty() {
        return Err(bad_spec(spec, "it names no policy to start from"));
    }
    if base.contains('+') && !base.contains('/') {
        return Err(bad_spec(spec, "a graft names no hunk"));
    }
    let mut policy = Policy::from(load::load(base)?);
    for graft in grafts {
        policy.graft(load::load(graft.donor)?, &graft.hunks)?;
    }
    Ok(policy)
}

/// A policy with one hunk from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graft {
    /// The hunk.
    pub hunk: Hunk,
    /// The specification.
    pub spec: String,
}

/// A graft onto `base` for each hunk that `donor` has; none if `donor` is a graft itself,
/// from which nothing can be taken.
///
/// # Errors
/// The donor has no manifest that can be read.
pub fn grafts(base: &str, donor: &str) -> Result<Option<Vec<Graft>>, LoadError> {
    let Some(manifest) = manifest_of(donor)? else { return Ok(None) };
    let has = |hunk: &Hunk| match hunk {
        // A hook that was appended may be taken undefined, too.
        Hunk::Hook(hook) => manifest.hooks.contains(hook) || *hook as usize >= HOOKS_1_0,
        Hunk::UnuseProcess | Hunk::ExclusiveSwapPageLock | Hunk::Mechanism(_) => true,
    };
    let graft = |hunk: Hunk| Graft { hunk, spec: format!("{base}+{donor}:{}", hunk.name()) };
    Ok(Some(Hunk::all().filter(has).map(graft).collect()))
}

/// Whether a specification takes hunks from other policies.
pub(super) fn is_graft(spec: &str) -> bool {
    !split(spec).1.is_empty()
}

/// Splits off the grafts. Paths may have a `+` too: it begins a graft only if a `:`
/// follows before the next.
fn split(spec: &str) -> (&str, Vec<&str>) {
    let mut base = spec;
    let mut grafts = Vec::new();
    while let Some((rest, tail)) = base.rsplit_once('+')
        && tail.contains(':')
    {
        base = rest;
        grafts.insert(0, tail);
    }
    (base, grafts)
}

struct Tail<'a> {
    donor: &'a str,
    hunks: Vec<Hunk>,
}

impl<'a> Tail<'a> {
    fn parse(spec: &str, graft: &'a str) -> Result<Self, LoadError> {
        let (donor, hunks) = graft.rsplit_once(':').unwrap_or((graft, ""));
        if donor.is_empty() {
            return Err(bad_spec(spec, "a graft names no policy to take from"));
        }
        if hunks.is_empty() {
            return Err(bad_spec(spec, "a graft names no hunk"));
        }
        let hunks = hunks.split(',').map(Hunk::from_name);
        Ok(Self { donor, hunks: hunks.collect::<Result<_, _>>()? })
    }
}

impl Policy {
    fn graft(&mut self, donor: Plugin, hunks: &[Hunk]) -> Result<(), LoadError> {
        let index = u8::try_from(self.plugins.len())
            .map_err(|_| bad_spec(&self.name, "it has more than 255 grafts"))?;
        for hunk in hunks {
            match *hunk {
                Hunk::Hook(hook) => {
                    let appended = hook as usize >= HOOKS_1_0;
                    if donor.hooks[hook as usize].is_none() && !appended {
                        return Err(LoadError::HunkUndefined { policy: donor.manifest.id, hook });
                    }
                    self.slots[hook as usize] = donor.slot(hook, index);
                    if hook == Hook::do_swap_page {
                        self.order = donor.order;
                        self.rules.do_swap_page = donor.rules.do_swap_page;
                    }
                }
                Hunk::UnuseProcess => self.rules.unuse_process = donor.rules.unuse_process,
                Hunk::ExclusiveSwapPageLock => {
                    self.rules.exclusive_without_tree_lock =
                        donor.rules.exclusive_without_tree_lock;
                }
                Hunk::Mechanism(place) => {
                    let bit = MECHANISMS[place].0;
                    let rules = &mut self.rules.mechanisms;
                    *rules = *rules & !bit | donor.rules.mechanisms & bit;
                }
            }
        }
        let names: Vec<_> = hunks.iter().map(|hunk| hunk.name()).collect();
        self.name = format!("{}+{}:{}", self.name, donor.manifest.id, names.join(","));
        self.plugins.push(donor.into());
        Ok(())
    }
}

fn bad_spec(spec: &str, why: &str) -> LoadError {
    LoadError::BadSpec { spec: spec.to_owned(), why: why.to_owned() }
}

/// The word that was probably meant.
pub(super) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    closest(name, known.iter().copied())
}

/// The same, among words that need not live for ever.
pub(super) fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |word: &&str| strsim::damerau_levenshtein(name, word);
    let word = known.min_by_key(distance)?;
    (distance(&word) <= word.len() / 2).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_begins_a_graft_only_with_a_colon() {
        assert_eq!(split("vanilla"), ("vanilla", vec![]));
        assert_eq!(split("/c++/a.so"), ("/c++/a.so", vec![]));
        assert_eq!(split("/c++/a.so+b:x,y+c:z"), ("/c++/a.so", vec!["b:x,y", "c:z"]));
        assert_eq!(split("a+./b.so:x"), ("a", vec!["./b.so:x"]));
    }
}
