//! The version of the contract; it does not follow the version of the product.

use std::fmt;

/// The contract that this crate describes. The crate has the same version: the
/// layout check of root modules refuses another major version of it.
pub const ABI: AbiVersion = AbiVersion { major: 1, minor: 1 };

/// `ABI` as a literal, for `concat!`.
#[doc(hidden)]
#[macro_export]
macro_rules! abi_version {
    () => {
        "1.1"
    };
}

/// A version of the contract: a new major version breaks plugins, a new minor
/// version appends hooks, answers or view fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbiVersion {
    /// Plugins of another major version are refused.
    pub major: u16,
    /// Plugins of a later minor version are refused, earlier ones accepted.
    pub minor: u16,
}

impl AbiVersion {
    /// The form that [`crate::PolicyEntry`] carries: major in the upper half.
    #[must_use]
    pub const fn packed(self) -> u32 {
        (self.major as u32) << 16 | self.minor as u32
    }

    /// The inverse of [`AbiVersion::packed`].
    #[must_use]
    pub const fn unpacked(packed: u32) -> Self {
        Self { major: (packed >> 16) as u16, minor: (packed & 0xffff) as u16 }
    }

    /// Reads `major.minor`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// Whether a host of version `self` accepts a plugin of version `plugin`.
    #[must_use]
    pub const fn accepts(self, plugin: Self) -> bool {
        self.major == plugin.major && plugin.minor <= self.minor
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_and_the_crate_have_the_same_version() {
        assert_eq!(AbiVersion::parse(abi_version!()), Some(ABI));
        let (crate_version, _patch) = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap();
        assert_eq!(AbiVersion::parse(crate_version), Some(ABI));
    }

    #[test]
    fn only_earlier_minor_versions_are_accepted() {
        let at = |major, minor| AbiVersion { major, minor };
        assert!(at(1, 2).accepts(at(1, 0)));
        assert!(at(1, 2).accepts(at(1, 2)));
        assert!(!at(1, 2).accepts(at(1, 3)));
        assert!(!at(1, 2).accepts(at(2, 0)));
        assert!(!at(2, 0).accepts(at(1, 0)));
    }

    #[test]
    fn packing_is_reversible() {
        assert_eq!(AbiVersion::unpacked(ABI.packed()), ABI);
    }
}
