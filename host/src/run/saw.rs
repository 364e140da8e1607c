//! What an operation met on its way, for the word that its result gets.

/// Landmarks that the stages of one operation passed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Saw {
    swapin: bool,
    new: bool,
    copied: bool,
    reused: bool,
    file: bool,
    unmapped: bool,
    written: bool,
}

impl Saw {
    /// A stage has run.
    pub fn stage(&mut self, stage: &str) {
        match stage {
            "do_swap_page.pte_same" => self.swapin = true,
            "do_anonymous_page.map" => self.new = true,
            "do_wp_page.establish" => self.copied = true,
            "do_wp_page.reuse" => self.reused = true,
            "do_no_page.map" => self.file = true,
            "try_to_unmap_one.clear_pte" => self.unmapped = true,
            "shrink_list.set_page_writeback" => self.written = true,
            _ => {}
        }
    }

    pub const fn load(self) -> &'static str {
        match (self.swapin, self.file) {
            (true, _) => "swap-in",
            (false, true) => "file page",
            (false, false) => "loaded",
        }
    }

    pub const fn store(self) -> &'static str {
        match self {
            Self { swapin: true, copied: true, .. } => "swapin copy",
            Self { swapin: true, reused: true, .. } => "swapin reuse",
            // Writable from do_swap_page itself, without do_wp_page.
            Self { swapin: true, .. } => "swapin rw",
            Self { copied: true, .. } => "copy",
            Self { reused: true, .. } => "reuse",
            Self { new: true, .. } => "new page",
            Self { file: true, .. } => "file copy",
            _ => "stored",
        }
    }

    pub const fn held(self) -> &'static str {
        match self {
            Self { copied: true, .. } => "held, copy",
            Self { swapin: true, .. } => "held, swapin",
            _ => "held",
        }
    }

    pub const fn reclaim(self, activated: bool) -> &'static str {
        match self {
            Self { written: true, .. } => "written",
            Self { unmapped: true, .. } => "unmapped",
            _ if activated => "activated",
            _ => "kept",
        }
    }
}
