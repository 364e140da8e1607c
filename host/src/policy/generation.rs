//! Policies in order of generation, each with the one that it is held against.
//!
//! Mainline policies follow each other by the date of their manifest. A proposal or
//! variant stands behind the mainline policy that it starts from, and nothing starts
//! from it.

use super::kernels::{Lineage, Version};
use super::{LoadError, Manifest, bundled, read_manifest};

/// A policy in its place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Who it is.
    pub manifest: Manifest,
    /// Whether releases had its rules.
    pub lineage: Lineage,
    /// Index of the generation that it is held against; none for the first.
    pub base: Option<usize>,
}

impl Generation {
    /// Whether releases had its rules.
    #[must_use]
    pub fn is_mainline(&self) -> bool {
        matches!(self.lineage, Lineage::Mainline(_))
    }
}

/// The bundled policies in order of generation.
///
/// # Errors
/// The program was built without its policies, or one has no manifest that can be read.
pub fn generations() -> Result<Vec<Generation>, LoadError> {
    let manifest = |policy: &super::BundledPolicy| match policy.bytes {
        [] => Err(LoadError::NotEmbedded { place: policy.id.to_owned() }),
        bytes => read_manifest(policy.id, bytes),
    };
    Ok(in_order(bundled().iter().map(manifest).collect::<Result<Vec<_>, _>>()?))
}

/// Puts policies in order of generation; those of one day stay in the order given.
#[must_use]
pub fn in_order(mut manifests: Vec<Manifest>) -> Vec<Generation> {
    manifests.sort_by(|a, b| a.date.cmp(&b.date));
    let all = manifests.into_iter().map(|manifest| (Lineage::of(&manifest.kernels), manifest));
    let (mainline, sides): (Vec<_>, Vec<_>) =
        all.partition(|(lineage, _)| matches!(lineage, Lineage::Mainline(_)));
    let bases: Vec<Option<usize>> =
        sides.iter().map(|(lineage, manifest)| base(lineage, manifest, &mainline)).collect();

    let mut sides: Vec<_> = bases.into_iter().zip(sides).collect();
    let mut order = Vec::new();
    let mut before = None;
    for (number, (lineage, manifest)) in mainline.into_iter().enumerate() {
        let at = order.len();
        order.push(Generation { manifest, lineage, base: before });
        before = Some(at);
        let (mine, others) = sides.into_iter().partition(|(base, _)| *base == Some(number));
        sides = others;
        place(&mut order, mine, Some(at));
    }
    place(&mut order, sides, None);
    order
}

type Side = (Option<usize>, (Lineage, Manifest));

fn place(order: &mut Vec<Generation>, sides: Vec<Side>, base: Option<usize>) {
    for (_, (lineage, manifest)) in sides {
        order.push(Generation { manifest, lineage, base });
    }
}

/// The last mainline policy that had begun by the version that a side starts from; without
/// a version, the last one before its date; else the first.
fn base(lineage: &Lineage, manifest: &Manifest, mainline: &[(Lineage, Manifest)]) -> Option<usize> {
    let begun = |version: &Version| {
        mainline.iter().rposition(|(lineage, _)| match lineage {
            Lineage::Mainline(kernels) => kernels.begun_by(version),
            Lineage::Side(_) => false,
        })
    };
    let by_version = match lineage {
        Lineage::Side(version) => version.as_ref().and_then(begun),
        Lineage::Mainline(_) => None,
    };
    let by_date = || mainline.iter().rposition(|(_, other)| other.date <= manifest.date);
    by_version.or_else(by_date).or((!mainline.is_empty()).then_some(0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Policies of many generations, in no order.
    pub fn many() -> Vec<Generation> {
        let all = [
            ("m11", "2.6.7 to 2.6.12", "2005-03-02"),
            ("rfc", "2.6.11-rc1-mm1", "2005-02-03"),
            ("m13", "2.6.13 to 2.6.28", "2005-06-21"),
            ("answer", "2.6.11-rc1-mm1", "2005-02-07"),
            ("m0", "up to 2.6.6", "2003-12-18"),
            ("uml", "6.1 on user-mode Linux", "2022-12-11"),
            ("m7", "7.0 on", "2026-04-12"),
            ("m29", "2.6.29 to 5.18", "2009-03-23"),
            ("m61", "5.19 to 6.19", "2022-07-31"),
        ];
        in_order(all.map(|(id, kernels, date)| manifest(id, kernels, date)).to_vec())
    }

    fn manifest(id: &str, kernels: &str, date: &str) -> Manifest {
        let text = format!(
            "abi = 1.0\nid = {id}\ntitle = t\nkernels = {kernels}\nsource = s\ndate = {date}\n"
        );
        Manifest::parse(&text).unwrap()
    }

    #[test]
    fn a_side_stands_behind_what_it_starts_from_and_nothing_starts_from_it() {
        let all = many();
        let bases: Vec<(&str, Option<&str>)> = (all.iter())
            .map(|one| {
                let base = one.base.map(|base| all[base].manifest.id.as_str());
                (one.manifest.id.as_str(), base)
            })
            .collect();
        let expected = [
            ("m0", None),
            ("m11", Some("m0")),
            ("rfc", Some("m11")),
            ("answer", Some("m11")),
            ("m13", Some("m11")),
            ("m29", Some("m13")),
            ("m61", Some("m29")),
            ("uml", Some("m61")),
            ("m7", Some("m61")),
        ];
        assert_eq!(bases, expected);
    }

    #[test]
    fn without_a_version_the_date_decides() {
        let all = in_order(vec![
            manifest("late", "none", "2010-01-01"),
            manifest("early", "none", "2000-01-01"),
            manifest("a", "2.6.7 to 2.6.12", "2005-03-02"),
            manifest("b", "2.6.13 on", "2005-06-21"),
        ]);
        let order: Vec<_> = all.iter().map(|one| (&*one.manifest.id, one.base)).collect();
        assert_eq!(order, [("a", None), ("early", Some(0)), ("b", Some(0)), ("late", Some(2))]);
        let alone = in_order(vec![manifest("a", "none", "2005-03-02")]);
        assert_eq!(alone[0].base, None);
    }

    #[test]
    fn the_bundled_policies_have_an_order() {
        let all = generations().unwrap();
        assert_eq!(all.len(), bundled().len());
        assert_eq!(all.iter().filter(|one| one.base.is_none()).count(), 1);
        for (index, one) in all.iter().enumerate() {
            assert!(one.base.is_none_or(|base| base < index && all[base].is_mainline()));
        }
    }
}
