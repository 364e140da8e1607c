//! A memory as a short row of bytes, and back.
//!
//! One function names every field once; an encoder reads them and a decoder writes them,
//! so that what was encoded is what is decoded. Small numbers take one byte. What never
//! changes while a machine runs (sizes, priorities, bad slots) is not written: decoding
//! needs a memory of the same layout.

use super::{
    AnonVma, FileId, Holder, Io, IoKind, IoState, List, Memory, Mm, NO_MAPPING, PG_FREE, Page,
    PageCounts, Path, Pfn, Pte, SwapArea, SwapIo, SwpEntry, TaskId, Token, Vma, VmaId,
};
use super::{AnonVmaId, Gup, MmId, Pagevec, SECTORS};

/// Reads or writes one number after the other.
pub(crate) trait Codec {
    /// Whether numbers are written into the memory.
    const DECODES: bool;

    /// A number, mostly small or all ones.
    fn number(&mut self, number: &mut u32);

    /// 32 bits of flags.
    fn bits(&mut self, bits: &mut u32);
}

/// Stands for all ones.
const ONES: u8 = 254;

/// Four bytes follow.
const LONG: u8 = 255;

/// Appends to a row of bytes.
pub(crate) struct Encoder<'a>(pub &'a mut Vec<u8>);

/// Takes from a row of bytes.
pub(crate) struct Decoder<'a>(pub &'a [u8]);

impl Codec for Encoder<'_> {
    const DECODES: bool = false;

    #[inline]
    fn number(&mut self, number: &mut u32) {
        match *number {
            small @ 0..254 => self.0.push(small as u8),
            u32::MAX => self.0.push(ONES),
            _ => {
                self.0.push(LONG);
                self.bits(number);
            }
        }
    }

    #[inline]
    fn bits(&mut self, bits: &mut u32) {
        self.0.extend_from_slice(&bits.to_le_bytes());
    }
}

impl Codec for Decoder<'_> {
    const DECODES: bool = true;

    #[inline]
    fn number(&mut self, number: &mut u32) {
        let (&first, rest) = self.0.split_first().expect("as long as it was encoded");
        self.0 = rest;
        match first {
            LONG => self.bits(number),
            ONES => *number = u32::MAX,
            small => *number = small.into(),
        }
    }

    #[inline]
    fn bits(&mut self, bits: &mut u32) {
        let (first, rest) = self.0.split_first_chunk().expect("as long as it was encoded");
        *bits = u32::from_le_bytes(*first);
        self.0 = rest;
    }
}

/// Values that are written as numbers.
pub(crate) trait Coded {
    /// Reads or writes it.
    fn code(&mut self, codec: &mut impl Codec);
}

impl Coded for u32 {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        codec.number(self);
    }
}

impl Coded for i32 {
    fn code(&mut self, codec: &mut impl Codec) {
        // Hardly below 0: `nr_swap_pages` is while swapoff empties an area.
        let mut number = (*self + 64) as u32;
        codec.number(&mut number);
        *self = number as i32 - 64;
    }
}

impl Coded for u16 {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        let mut number = if *self == u16::MAX { u32::MAX } else { (*self).into() };
        codec.number(&mut number);
        *self = number as u16;
    }
}

impl Coded for u8 {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        let mut number = (*self).into();
        codec.number(&mut number);
        *self = number as u8;
    }
}

impl Coded for bool {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        let mut number = (*self).into();
        codec.number(&mut number);
        *self = number != 0;
    }
}

macro_rules! coded_ids {
    ($($id:ident)*) => {$(
        impl Coded for $id {
            #[inline]
            fn code(&mut self, codec: &mut impl Codec) {
                self.0.code(codec);
            }
        }
    )*};
}

coded_ids! { Pfn MmId VmaId AnonVmaId TaskId FileId }

macro_rules! coded_enums {
    ($($name:ident: $($variant:ident)*;)*) => {$(
        impl Coded for $name {
            fn code(&mut self, codec: &mut impl Codec) {
                const ALL: &[$name] = &[$($name::$variant),*];
                let mut number = *self as u32;
                codec.number(&mut number);
                *self = ALL[number as usize];
            }
        }
    )*};
}

coded_enums! {
    IoKind: DirectRead DirectWrite PinRead PinWrite;
    Path: Block Fuse Nfs GetUserPages PinUserPages Vmsplice IoUring;
    IoState: Building InFlight Transferred Completing Done;
}

impl Coded for SwpEntry {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        // 0: none. Areas other than the first take five bytes.
        codec.number(&mut self.0);
    }
}

impl Coded for Token {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        // Settled and device's ones before others: a byte is enough for all that there are.
        let (mut author, mut number) = (self.author().wrapping_add(2), self.seq());
        author.code(codec);
        codec.number(&mut number);
        *self = Self::new(author.wrapping_sub(2), number);
    }
}

impl<T: Coded, const N: usize> Coded for [T; N] {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        self.iter_mut().for_each(|one| one.code(codec));
    }
}

/// A vector whose length changes; `blank` fills it before it is decoded.
pub(crate) fn code_all<T: Coded + Clone, C: Codec>(all: &mut Vec<T>, blank: &T, codec: &mut C) {
    let mut len = all.len() as u32;
    codec.number(&mut len);
    if C::DECODES {
        all.resize(len as usize, blank.clone());
    }
    all.iter_mut().for_each(|one| one.code(codec));
}

macro_rules! code_fields {
    ($codec:expr, $of:expr, $($field:ident)*) => {{
        $($of.$field.code($codec);)*
    }};
}

/// Fields that are mostly as in another value: a number says whether one of them is not.
macro_rules! code_rare {
    ($codec:expr, $of:expr, $usual:expr, $($field:ident)*) => {{
        let usual = $usual;
        let mut rare = u32::from($($of.$field != usual.$field)||*);
        $codec.number(&mut rare);
        if rare == 0 {
            $($of.$field = usual.$field;)*
        } else {
            code_fields!($codec, $of, $($field)*);
        }
    }};
}

impl Coded for List {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, head tail len);
    }
}

impl Coded for Pagevec {
    fn code(&mut self, codec: &mut impl Codec) {
        self.nr.code(codec);
        let (there, past) = self.pages.split_at_mut(self.nr as usize);
        there.iter_mut().for_each(|pfn| pfn.code(codec));
        // Nobody looks there; but worlds are compared.
        past.fill(Pfn::NONE);
    }
}

impl Coded for Pte {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        let (mut low, mut high) = self.parts();
        codec.number(&mut low);
        codec.number(&mut high);
        *self = Self::of_parts(low, high);
    }
}

impl Coded for PageCounts {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        let (mut low, mut high) = self.parts();
        codec.number(&mut low);
        codec.number(&mut high);
        *self = Self::of_parts(low, high);
    }
}

impl Coded for Gup {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, got pinned);
    }
}

impl Coded for Page {
    #[inline]
    fn code(&mut self, codec: &mut impl Codec) {
        codec.bits(&mut self.flags);
        code_fields!(codec, self, next prev);
        if self.flags == PG_FREE {
            // All that a free frame is.
            *self = Self { next: self.next, prev: self.prev, ..Self::FREE };
            return;
        }
        code_fields!(codec, self, counts mapping index data);
        code_rare!(codec, self, Self::FREE, private locker tasks pagevec gup);
    }
}

impl Coded for Mm {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, rss anon_rss mmap born alive);
        code_rare!(codec, self, Self::BLANK, readers writer ptl users has_pinned exiting);
    }
}

impl Coded for Vma {
    fn code(&mut self, codec: &mut impl Codec) {
        self.len.code(codec);
        if self.len == 0 {
            *self = Self::UNUSED;
            return;
        }
        code_fields!(codec, self, mm next anon_vma anon_next start pgoff flags file ptes);
    }
}

impl Coded for AnonVma {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, head lock);
    }
}

impl Coded for SwapIo {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, pfn entry write);
    }
}

impl Coded for Io {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, kind path pinned state mm address pages sectors first);
        code_fields!(codec, self, forked submitted completed);
    }
}

impl Coded for Holder {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, pfn token start held shared discarded);
    }
}

impl SwapArea {
    fn code(&mut self, codec: &mut impl Codec) {
        code_fields!(codec, self, writeok used lock lowest_bit);
        for offset in 1..self.swap_map.len() {
            self.swap_map[offset].code(codec);
            self.refs[offset].code(codec);
            self.cache[offset].code(codec);
            self.data[offset].code(codec);
        }
    }
}

impl Vma {
    /// A vma that is not in use.
    pub(crate) const UNUSED: Self = Self {
        mm: MmId::NONE,
        next: VmaId::NONE,
        anon_vma: AnonVmaId::NONE,
        anon_next: VmaId::NONE,
        start: 0,
        len: 0,
        pgoff: 0,
        flags: 0,
        file: FileId::NONE,
        ptes: 0,
    };
}

impl Mm {
    /// An address space that is gone and that nothing refers to.
    pub(crate) const BLANK: Self = Self {
        rss: 0,
        anon_rss: 0,
        mmap: VmaId::NONE,
        readers: 0,
        writer: TaskId::NONE,
        ptl: TaskId::NONE,
        born: 0,
        users: 0,
        has_pinned: false,
        exiting: false,
        alive: false,
    };
}

const NO_ENTRY: SwapIo = SwapIo { pfn: Pfn::NONE, entry: SwpEntry::NONE, write: false };

impl Memory {
    /// Page frames, and the lists that they are on.
    pub(crate) fn code_pages(&mut self, codec: &mut impl Codec) {
        self.pages.iter_mut().for_each(|page| page.code(codec));
        code_fields!(codec, self, free active inactive lru_add lru_add_active);
    }

    /// Address spaces.
    pub(crate) fn code_spaces(&mut self, codec: &mut impl Codec) {
        code_all(&mut self.mms, &Mm::BLANK, codec);
        code_all(&mut self.vmas, &Vma::UNUSED, codec);
        let anon_vma = AnonVma { head: VmaId::NONE, lock: TaskId::NONE };
        code_all(&mut self.anon_vmas, &anon_vma, codec);
        code_all(&mut self.ptes, &Pte::NONE, codec);
        code_all(&mut self.mmlist, &MmId::NONE, codec);
        code_all(&mut self.free_anon_vmas, &AnonVmaId::NONE, codec);
        let mut ranges = self.free_ptes.len() as u32;
        codec.number(&mut ranges);
        self.free_ptes.resize(ranges as usize, (0, 0));
        for (first, len) in &mut self.free_ptes {
            codec.number(first);
            codec.number(len);
        }
    }

    /// Swap, files, requests, and what is left.
    pub(crate) fn code_rest(&mut self, codec: &mut impl Codec) {
        self.areas.iter_mut().for_each(|area| area.code(codec));
        code_all(&mut self.swap_list, &0, codec);
        code_fields!(codec, self, swap_next nr_swap_pages total_swap_pages tree_lock);
        code_all(&mut self.swap_io, &NO_ENTRY, codec);
        for file in &mut self.files {
            file.pages.iter_mut().for_each(|pfn| pfn.code(codec));
        }
        code_all(&mut self.ios, &Io::BLANK, codec);
        code_all(&mut self.holders, &Holder::BLANK, codec);
        code_fields!(codec, self, seq);
        code_fields!(codec, self.inject, no_memory no_swap);
    }
}

const _: () = assert!(SECTORS == 2 && NO_MAPPING == u32::MAX);
const _: Gup = Gup::NONE;
