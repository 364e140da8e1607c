//! What is compared, and how it is called.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that an observation shows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What came of the step.
    Result,
    /// What a load or a read through a reference saw.
    Seen,
    /// Whether the place is mapped at all.
    Place,
    /// What the pte is.
    Pte,
    /// Which frame it leads to.
    Page,
    /// Whether the frame is the zero page.
    Zero,
    /// page_mapcount.
    Mapcount,
    /// page_count.
    Count,
    /// Whether the frame is in the swap cache.
    Swapcache,
    /// PG_anon_exclusive.
    Exclusive,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 10] = [
        Self::Result,
        Self::Seen,
        Self::Place,
        Self::Pte,
        Self::Page,
        Self::Zero,
        Self::Mapcount,
        Self::Count,
        Self::Swapcache,
        Self::Exclusive,
    ];

    /// The name in transcripts and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Seen => "seen",
            Self::Place => "place",
            Self::Pte => "pte",
            Self::Page => "page",
            Self::Zero => "zero",
            Self::Mapcount => "mapcount",
            Self::Count => "count",
            Self::Swapcache => "swapcache",
            Self::Exclusive => "exclusive",
        }
    }

    /// The field of a place with this name, as headers list them.
    #[must_use]
    pub fn of_place(name: &str) -> Option<Self> {
        let of_place = |field: &Self| !matches!(field, Self::Result | Self::Seen | Self::Place);
        Self::ALL.into_iter().filter(of_place).find(|field| field.name() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
