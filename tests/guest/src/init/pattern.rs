//! What sectors are filled with, so that every byte says which step it is from.

use cowpath_scenario::transcript::Datum;
use cowpath_scenario::{Act, Scenario, Sectors};

/// Bytes in a sector, two of which make a page.
pub(crate) const SECTOR: usize = 2048;

/// Words in a sector.
const WORDS: usize = SECTOR / 8;

const STEP: u64 = 0xc0a7_0001_0000_0000;
const IO: u64 = 0xc0a7_0002_0000_0000;
const FILE: u64 = 0xc0a7_0003_0000_0000;

/// What a step stores.
pub(crate) fn of_step(step: u32) -> u64 {
    STEP | u64::from(step)
}

/// What the device has for the request that a step submits.
pub(crate) fn of_io(step: u32) -> u64 {
    IO | u64::from(step)
}

/// What files hold.
pub(crate) fn of_file() -> u64 {
    FILE
}

/// So many bytes of a pattern.
pub(crate) fn bytes(word: u64, length: usize) -> Vec<u8> {
    word.to_le_bytes().into_iter().cycle().take(length).collect()
}

/// What a sector's bytes are.
pub(crate) fn datum(sector: &[u8], scenario: &Scenario) -> Datum {
    let words: Vec<u64> = sector
        .chunks_exact(8)
        .map(|chunk| u64::from_le_bytes(chunk.try_into().expect("chunks of eight")))
        .collect();
    let first = words[0];
    if words.len() != WORDS || words.iter().any(|word| *word != first) {
        return Datum::Garbage;
    }
    let number = first as u32;
    match first & !0xffff_ffff {
        0 if first == 0 => Datum::Zero,
        STEP => Datum::Step(number),
        IO => {
            scenario.steps.get(number as usize - 1).map_or(Datum::Garbage, |step| match &step.act {
                Act::DirectRead(_, _, name) => Datum::Io(name.clone()),
                _ => Datum::Garbage,
            })
        }
        FILE => Datum::File,
        _ => Datum::Garbage,
    }
}

/// `[lo, hi]` of each page of these bytes, none for what was not asked for.
pub(crate) fn data(pages: &[u8], sectors: Sectors, scenario: &Scenario) -> Vec<Option<Datum>> {
    let mut data = Vec::new();
    for page in pages.chunks_exact(2 * SECTOR) {
        let (lo, hi) = page.split_at(SECTOR);
        data.push((sectors != Sectors::Hi).then(|| datum(lo, scenario)));
        data.push((sectors != Sectors::Lo).then(|| datum(hi, scenario)));
    }
    data
}

/// Offset and length in a page.
pub(crate) fn span(sectors: Sectors) -> (usize, usize) {
    match sectors {
        Sectors::Lo => (0, SECTOR),
        Sectors::Hi => (SECTOR, SECTOR),
        Sectors::All => (0, 2 * SECTOR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_sector_counts() {
        let source = "# C.\ntitle = \"t\"\nmemory = { pages = 8 }\n[process.A]\nanon = [\"P\"]\n[run]\nsteps = [\"A: load P\", \"A: direct_read P as io\"]\n";
        let scenario = cowpath_scenario::parse("t", source).unwrap();
        let mut sector = bytes(of_step(7), SECTOR);
        assert_eq!(datum(&sector, &scenario), Datum::Step(7));
        sector[SECTOR - 1] ^= 1;
        assert_eq!(datum(&sector, &scenario), Datum::Garbage);
        assert_eq!(datum(&bytes(of_io(2), SECTOR), &scenario), Datum::Io("io".to_owned()));
        assert_eq!(datum(&[0; SECTOR], &scenario), Datum::Zero);
    }
}
