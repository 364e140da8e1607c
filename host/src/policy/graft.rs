//! `vanilla+iwamoto:try_to_unmap_one`: a policy with single hunks from another.
//!
//! This module does not know what the hunks do; whether a mixture makes sense is
//! for the run to show.

use std::sync::Arc;

use cowpath_abi::{HOOKS, HOOKS_1_0, Hook, MECHANISMS};

use super::{LoadError, Loader, Plugin, Policy, manifest_of};

/// What a graft can take: a change that a patch makes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
            Self::Mechanism(place) => MECHANISMS[place].word,
        }
    }

    /// What a policy with it does, for a human; none if the kernel function says it.
    #[must_use]
    pub const fn title(self) -> Option<&'static str> {
        match self {
            Self::Hook(_) => None,
            Self::UnuseProcess => Some("where swapoff activates the page"),
            Self::ExclusiveSwapPageLock => {
                Some("whether exclusive_swap_page reads the counts again under tree_lock")
            }
            Self::Mechanism(place) => Some(MECHANISMS[place].title),
        }
    }

    /// The hunk of a name in a specification.
    ///
    /// # Errors
    /// There is none; names the nearest.
    pub fn from_name(name: &str) -> Result<Self, LoadError> {
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
    Loader::default().resolve(spec)
}

impl Loader {
    /// As [`resolve`], with plugins that this loader has loaded before.
    ///
    /// # Errors
    /// Those of [`resolve`].
    pub fn resolve(&mut self, spec: &str) -> Result<Policy, LoadError> {
        let (base, grafts) = split(spec);
        let parse = |graft| Tail::parse(spec, graft);
        let grafts = grafts.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if base.is_empty() {
            return Err(bad_spec(spec, "it names no policy to start from"));
        }
        if base.contains('+') && !base.contains('/') {
            return Err(bad_spec(spec, "a graft names no hunk"));
        }
        let mut policy = Policy::from(self.load(base)?);
        for graft in grafts {
            policy.graft(self.load(graft.donor)?, &graft.hunks)?;
        }
        Ok(policy)
    }
}

/// A hunk that one policy has and another can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The hunk.
    pub hunk: Hunk,
    /// Whether it is something to do without: the policy that it is from lacks the
    /// mechanism, or does not define the hook.
    pub absent: bool,
}

/// The specification of `base` with hunks of `donor`.
#[must_use]
pub fn grafted(base: &str, donor: &str, hunks: &[Hunk]) -> String {
    let names: Vec<_> = hunks.iter().map(|hunk| hunk.name()).collect();
    format!("{base}+{donor}:{}", names.join(","))
}

/// The hunks of `donor` that are not known to be the same in `base`; none if `donor` is a
/// graft itself, from which nothing can be taken. A file of the user's is not loaded for
/// that: of it, only what its manifest says is known.
///
/// # Errors
/// One of the two cannot be loaded, or has no manifest that can be read.
pub fn differing(
    loader: &mut Loader,
    base: &str,
    donor: &str,
) -> Result<Option<Vec<Differing>>, LoadError> {
    let Some(manifest) = manifest_of(donor)? else { return Ok(None) };
    let has = |hook: Hook| manifest.hooks.contains(&hook);
    if names_file(base) || names_file(donor) {
        let base = manifest_of(base)?;
        // Of a graft it is not known.
        let base_has = |hook| base.as_ref().is_none_or(|base| base.hooks.contains(&hook));
        let may_differ = |hunk: Hunk| match hunk {
            Hunk::Hook(hook) => has(hook) || is_appended(hook) && base_has(hook),
            Hunk::UnuseProcess | Hunk::ExclusiveSwapPageLock | Hunk::Mechanism(_) => true,
        };
        let absent = |hunk| matches!(hunk, Hunk::Hook(hook) if !has(hook));
        let differing = |hunk| Differing { hunk, absent: absent(hunk) };
        return Ok(Some(Hunk::all().filter(|hunk| may_differ(*hunk)).map(differing).collect()));
    }
    let (base, donor) = (loader.resolve(base)?, loader.load(donor)?);
    let can_be_taken = |hunk: &Hunk| match hunk {
        Hunk::Hook(hook) => has(*hook) || is_appended(*hook),
        Hunk::UnuseProcess | Hunk::ExclusiveSwapPageLock | Hunk::Mechanism(_) => true,
    };
    let absent = |hunk| match hunk {
        Hunk::Hook(hook) => !has(hook),
        Hunk::UnuseProcess | Hunk::ExclusiveSwapPageLock => false,
        Hunk::Mechanism(place) => donor.rules.mechanisms & MECHANISMS[place].bit == 0,
    };
    let hunks = Hunk::all().filter(can_be_taken).filter(|hunk| !base.has_hunk(&donor, *hunk));
    Ok(Some(hunks.map(|hunk| Differing { hunk, absent: absent(hunk) }).collect()))
}

/// A policy that does not define it is not asked.
const fn is_appended(hook: Hook) -> bool {
    hook as usize >= HOOKS_1_0
}

/// Whether a specification takes anything from a file of the user's.
#[must_use]
pub fn names_file(spec: &str) -> bool {
    spec.contains('/') || spec.contains(".so")
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
    /// Whether a hunk of `donor` is known to be what this policy has already: functions of
    /// different plugins may do the same, which nobody knows.
    fn has_hunk(&self, donor: &Plugin, hunk: Hunk) -> bool {
        let (mine, its) = (&self.rules, &donor.rules);
        match hunk {
            Hunk::Hook(hook) => {
                let mine = &self.slots[hook as usize];
                let mine = mine.defined.then_some(mine.function as usize);
                let same = mine == donor.hooks[hook as usize].map(|function| function as usize);
                same && (hook != Hook::do_swap_page || self.order == donor.order)
            }
            Hunk::UnuseProcess => mine.unuse_process == its.unuse_process,
            Hunk::ExclusiveSwapPageLock => {
                mine.exclusive_without_tree_lock == its.exclusive_without_tree_lock
            }
            Hunk::Mechanism(place) => {
                (mine.mechanisms ^ its.mechanisms) & MECHANISMS[place].bit == 0
            }
        }
    }

    fn graft(&mut self, donor: Arc<Plugin>, hunks: &[Hunk]) -> Result<(), LoadError> {
        let index = u8::try_from(self.plugins.len())
            .map_err(|_| bad_spec(&self.name, "it has more than 255 grafts"))?;
        for hunk in hunks {
            match *hunk {
                Hunk::Hook(hook) => {
                    if donor.hooks[hook as usize].is_none() && !is_appended(hook) {
                        let policy = donor.manifest.id.clone();
                        return Err(LoadError::HunkUndefined { policy, hook });
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
                    let bit = MECHANISMS[place].bit;
                    let rules = &mut self.rules.mechanisms;
                    *rules = *rules & !bit | donor.rules.mechanisms & bit;
                }
            }
        }
        let names: Vec<_> = hunks.iter().map(|hunk| hunk.name()).collect();
        self.name = format!("{}+{}:{}", self.name, donor.manifest.id, names.join(","));
        self.plugins.push(donor);
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
