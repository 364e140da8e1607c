//! The policies that the program carries inside itself, so that an installed
//! binary needs no other file.

/// A policy inside this program.
#[derive(Clone, Copy, Debug)]
pub struct BundledPolicy {
    /// The name by which it is asked for; its manifest has the same.
    pub id: &'static str,
    /// The shared object; empty if the program was built without its policies.
    pub bytes: &'static [u8],
}

macro_rules! bundle {
    ($($id:literal: $library:literal),* $(,)?) => {
        &[$(BundledPolicy {
            id: $id,
            bytes: include_bytes!(concat!(
                env!("COWPATH_POLICY_DIR"), "/libcowpath_policy_", $library, ".so",
            )),
        }),*]
    };
}

static BUNDLED: &[BundledPolicy] = bundle! {
    "vanilla": "vanilla",
    "iwamoto": "iwamoto",
    "hugh": "hugh",
    "hugh-mail": "hugh_mail",
    "pre-2.6.7": "pre_2_6_7",
    "2.6.29": "2_6_29",
    "5.8": "5_8",
    "5.9": "5_9",
    "5.11": "5_11",
    "5.18": "5_18",
    "5.19": "5_19",
    "6.1": "6_1",
    "uml-6.1": "uml_6_1",
    "6.12": "6_12",
    "7.0": "7_0",
};

/// The bundled policies, vanilla first.
#[must_use]
pub fn bundled() -> &'static [BundledPolicy] {
    BUNDLED
}

/// The policies of the discussion of 2005, the one that was in the kernel first; what
/// is compared when nobody says what to compare.
static DISCUSSED: &[&str] = &["vanilla", "iwamoto", "hugh", "hugh-mail"];

/// The names of the bundled policies that are compared by default.
#[must_use]
pub fn discussed() -> &'static [&'static str] {
    DISCUSSED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_discussed_is_bundled() {
        for id in discussed() {
            assert!(bundled().iter().any(|policy| policy.id == *id), "{id}");
        }
    }
}
