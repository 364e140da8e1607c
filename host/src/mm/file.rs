//! Files and their page cache.
//!
//! Simplified: files are only mapped privately and never written by a file
//! system, so a page of a file is always clean, and what the disk holds is given
//! by file and page ([`Token::file`]). Reading one in takes no time.

use super::Memory;
use super::ids::{FileId, Pfn, Token};
use super::page::{PG_PAGECACHE, PG_UPTODATE, SECTORS};

/// The page cache of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageCache {
    /// `mapping->page_tree`: by page of the file.
    pub pages: Vec<Pfn>,
}

impl Memory {
    /// Adds a file of `pages` pages, none of them in memory.
    pub fn add_file(&mut self, pages: u32) -> FileId {
        self.files.push(PageCache { pages: vec![Pfn::NONE; pages as usize] });
        FileId(u16::try_from(self.files.len() - 1).expect("few files"))
    }

    /// `filemap_nopage`: the page of a file with a reference for the caller, read in
    /// if need be; none if there is no memory for it.
    pub fn filemap_nopage(&mut self, file: FileId, index: u32) -> Option<Pfn> {
        let cached = self.files[file.index()].pages[index as usize];
        if cached.is_some() {
            self.get_page(cached);
            self.mark_page_accessed(cached);
            return Some(cached);
        }
        let pfn = self.alloc_page()?;
        self.raw_get(pfn);
        let page = self.page_mut(pfn);
        page.flags |= PG_PAGECACHE | PG_UPTODATE;
        page.mapping = file.0.into();
        page.index = index;
        page.data = Self::file_data(file, index);
        self.files[file.index()].pages[index as usize] = pfn;
        self.lru_cache_add(pfn);
        self.mark_page_accessed(pfn);
        Some(pfn)
    }

    /// `__remove_from_page_cache`: the cache's reference becomes the task's.
    pub fn remove_from_page_cache(&mut self, pfn: Pfn) {
        let page = self.page_mut(pfn);
        let (file, index) = (page.mapping as usize, page.index as usize);
        page.flags &= !PG_PAGECACHE;
        page.mapping = super::page::NO_MAPPING;
        page.tasks += 1;
        self.files[file].pages[index] = Pfn::NONE;
    }

    /// What the disk holds of a page of a file.
    #[must_use]
    pub fn file_data(file: FileId, index: u32) -> [Token; SECTORS] {
        std::array::from_fn(|sector| Token::file(file, index, sector))
    }
}
