//! Where kernels differ, for this model: two questions.

/// The answers of one kernel.
pub trait Policy: Copy + Send + Sync + 'static {
    /// May a store reuse the page? (`can_share_swap_page`; nobody else has it locked)
    fn shares(count: u8, in_swap_cache: bool, swap_map: u8) -> bool;
    /// Is the page left mapped? (`try_to_unmap_one`)
    fn vetoes(count: u8, mapcount: u8, in_swap_cache: bool) -> bool;
}

/// Linux 2.6.11: sound.
#[derive(Clone, Copy, Debug)]
pub struct Vanilla;

/// Linux 2.6.11 without the veto: loses direct IO.
#[derive(Clone, Copy, Debug)]
pub struct WithoutVeto;

impl Policy for Vanilla {
    #[inline(always)]
    fn shares(count: u8, in_swap_cache: bool, swap_map: u8) -> bool {
        match count {
            1 => true,
            2 => in_swap_cache && swap_map == 1,
            _ => false,
        }
    }

    #[inline(always)]
    fn vetoes(count: u8, mapcount: u8, in_swap_cache: bool) -> bool {
        in_swap_cache && count != mapcount + 2
    }
}

impl Policy for WithoutVeto {
    #[inline(always)]
    fn shares(count: u8, in_swap_cache: bool, swap_map: u8) -> bool {
        Vanilla::shares(count, in_swap_cache, swap_map)
    }

    #[inline(always)]
    fn vetoes(_: u8, _: u8, _: bool) -> bool {
        false
    }
}
