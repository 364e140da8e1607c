use super::*;
use crate::mm::{LOCKED_BY_IO, Pte, Token};

fn three() -> Renaming {
    Renaming {
        frames: [0, 2, 3, 1].map(Pfn).to_vec(),
        slots: vec![vec![0, 2, 1]],
        mms: [1, 0].map(MmId).to_vec(),
        ..Renaming::default()
    }
}

fn renamed<T: Rename>(mut thing: T) -> T {
    thing.rename(&three());
    thing
}

#[test]
fn things_move_to_where_their_names_say() {
    let mut things = ["a", "b", "c", "d", "e", "beyond"];
    permute(&mut things, &[3_u32, 1, 0, 4, 2]);
    assert_eq!(things, ["c", "b", "e", "a", "d", "beyond"]);
}

#[test]
fn ptes_keep_their_bits() {
    let pte = |pfn| Pte::mk(Pfn(pfn)).mkdirty().maybe_mkwrite(true);
    assert_eq!(renamed(pte(1)), pte(2));
    assert_eq!(renamed(Pte::mk(Pfn(0))), Pte::mk(Pfn(0)));
    let swap = |offset| Pte::swap(SwpEntry::new(0, offset)).mkexclusive();
    assert_eq!(renamed(swap(2)), swap(1));
    let migration = |to| Pte::migration(Pfn(to), true, true).remember_young_dirty(pte(1));
    assert_eq!(renamed(migration(3)), migration(1));
    assert_eq!(renamed(Pte::NONE), Pte::NONE);
}

#[test]
fn what_is_no_name_stays() {
    assert_eq!(renamed(LOCKED_BY_IO), LOCKED_BY_IO);
    assert_eq!(renamed(Pfn::NONE), Pfn::NONE);
    assert_eq!(renamed(SwpEntry::NONE), SwpEntry::NONE);
    assert_eq!(renamed(Token::new(Token::DEVICE, 7)), Token::new(Token::DEVICE, 7));
    assert_eq!(renamed(Token::new(0, 7)), Token::new(0, 7));
    assert_eq!(renamed(Token::new(1, 7)), Token::new(2, 7));
}

#[test]
fn a_renaming_and_its_inverse_cancel() {
    let by = three();
    assert!(!by.is_identity());
    let mut pfn = Pfn(1);
    pfn.rename(&by);
    pfn.rename(&by.inverse());
    assert_eq!(pfn, Pfn(1));
}
