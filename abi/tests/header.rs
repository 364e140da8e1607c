//! The C header says what the Rust side says.

use std::collections::BTreeMap;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use cowpath_abi::*;

const HEADER: &str = include_str!("../include/cowpath_policy.h");
const SOURCES: [&str; 2] = [include_str!("../src/hook.rs"), include_str!("../src/view.rs")];

macro_rules! constants {
    ($($name:ident)*) => {
        [$((stringify!($name), u64::from($name))),*]
    };
}

/// Every numeric constant of the contract, by its Rust name.
fn constants() -> BTreeMap<String, u64> {
    let named = constants! {
        WP_ENTRY WP_LOCKED WP_SWAP_FREED WP_DRAINED
        WP_COPY WP_REUSE WP_TRYLOCK WP_LOCK WP_CAN_SHARE WP_FREE_SWAP WP_DRAIN
        NO YES SHARE_IF_EXCLUSIVE SHARE_AND_DELETE
        AT_SWAP_MAP AT_RECHECK AT_ENTRY
        UNMAP_ENTRY UNMAP_CLEARED UNMAP UNMAP_FAIL
        SWAPIN_FREE_SWAP SWAPIN_DECIDE MAP_READ_ONLY MAP_WRITABLE MAP_IF_SHARED
        MAP_EXCLUSIVE MAP_EXCLUSIVE_WRITABLE
        SWAP_ADD SWAP_KEEP SHRINK_PAGEOUT SHRINK_ACTIVATE FORK_SHARE FORK_COPY
        GUP_BEGIN GUP_FOUND GUP_AS_ASKED GUP_AS_WRITE GUP_TAKE GUP_UNSHARE
        EXCLUSIVE_BIT EXCLUSIVE_MARK PIN_DIRECT_IO PIN_FUSE PIN_IO_URING PIN_USER_PAGES NO_ZERO_PAGE
        GUP_FAULTS_IN UNMAP_YOUNG SWAPIN_RECHECK SWAPIN_DRAIN SWAPOFF_BY_MM MIGRATION_ENTRIES ZAP_UNMAPPED LAZY_FORK UNEVICTABLE
        LONGTERM_UNMOVABLE
        ACTIVATE_FREES_SWAP COPY_FREES_SWAP MIGRATION_YOUNG_DIRTY ZAP_NO_DRAIN BACKOUT_FREES_SWAP
        ACTIVATE_AFTER_PTE ACTIVATE_AT_START ACTIVATE_BEFORE_UNLOCK
        PG_LOCKED PG_REFERENCED PG_UPTODATE PG_DIRTY PG_LRU PG_ACTIVE PG_RESERVED
        PG_PRIVATE PG_WRITEBACK PG_SWAPCACHE PG_RECLAIM PG_ERROR PG_ANON PG_ANON_EXCLUSIVE
        VM_READ VM_WRITE VM_SHARED VM_MAYWRITE VM_LOCKED VM_RESERVED
        VM_SWAP_FULL WRITE_FAULT UNSHARE_FAULT EXCLUSIVE_ENTRY MM_HAS_PINNED GUP_WRITE GUP_PIN PTE_DIRTY FOR_MIGRATION
        GUP_PIN_COUNTING_BIAS
    };
    named.map(|(name, value)| (name.to_owned(), value)).into()
}

#[test]
fn the_list_above_is_complete() {
    let listed = constants();
    for line in SOURCES.iter().flat_map(|source| source.lines().map(str::trim)) {
        let constant = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": "));
        let plain =
            constant.filter(|(_, rest)| rest.starts_with("u8 =") || rest.starts_with("u32 ="));
        let bit = line.split_once(" = ").filter(|(name, rest)| {
            name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                && rest.ends_with(';')
        });
        for (name, _) in plain.into_iter().chain(bit) {
            assert!(listed.contains_key(name), "{name} is missing from the list of this test");
        }
    }
}

#[test]
fn defines_are_the_constants() {
    let mut expected = constants();
    for step in SwapInStep::ALL {
        expected.insert(format!("STEP_{}", upper_snake(&format!("{step:?}"))), step as u64);
    }
    expected.insert("ABI_VERSION".to_owned(), u64::from(ABI.packed()));

    let defines = HEADER.lines().filter_map(|line| line.strip_prefix("#define COWPATH_"));
    let found: BTreeMap<String, u64> = defines
        .filter_map(|define| define.split_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), number(value)?)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn hooks_have_their_numbers() {
    for hook in HOOKS {
        let line = format!("\tCOWPATH_HOOK_{} = {},\n", hook.name().to_uppercase(), hook as u8);
        assert!(HEADER.contains(&line), "{line}");
    }
    assert!(HEADER.contains(&format!("COWPATH_HOOKS = {}\n", HOOKS.len())));
}

/// A structure as Rust lays it out.
struct Structure {
    name: &'static str,
    size: usize,
    /// Names and offsets.
    fields: Vec<(&'static str, usize)>,
}

fn structures() -> [Structure; 3] {
    macro_rules! structure {
        ($c:literal, $rust:ty: $($field:ident)*) => {
            Structure {
                name: $c,
                size: size_of::<$rust>(),
                fields: vec![$((stringify!($field), offset_of!($rust, $field))),*],
            }
        };
    }
    [
        structure!("cowpath_page_view", PageView:
            count mapcount swap_map flags vm_flags env at pins),
        structure!("cowpath_rules", Rules:
            do_swap_page unuse_process exclusive_without_tree_lock mechanisms),
        structure!("cowpath_policy", PolicyEntry:
            size abi_version manifest rules hooks),
    ]
}

#[test]
fn structures_have_the_fields_in_order() {
    for Structure { name, fields, .. } in structures() {
        let (_, rest) = HEADER.split_once(&format!("struct {name} {{\n")).unwrap();
        let (body, _) = rest.split_once("\n};").unwrap();
        let found: Vec<_> = body.lines().map(field_name).collect();
        let expected: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
        assert_eq!(found, expected, "struct {name}");
    }
}

#[test]
fn a_c_compiler_agrees() {
    let mut program = String::from("#include <stddef.h>\n#include \"cowpath_policy.h\"\n");
    let mut claim = |left: &str, right: u64| {
        program += &format!("_Static_assert({left} == {right}u, \"{left}\");\n");
    };
    for Structure { name, size, fields } in structures() {
        claim(&format!("sizeof(struct {name})"), size as u64);
        for (field, offset) in fields {
            claim(&format!("offsetof(struct {name}, {field})"), offset as u64);
        }
    }
    for (name, value) in constants() {
        claim(&format!("COWPATH_{name}"), value);
    }
    claim("COWPATH_ABI_VERSION", u64::from(ABI.packed()));
    claim("COWPATH_ANSWER(1, 2)", u64::from(answer(1, 2)));

    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header.c");
    std::fs::write(&source, program).unwrap();
    let compiler = Command::new("cc")
        .args(["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
        .arg(source)
        .output();
    match compiler {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr))
        }
        Err(_) => println!("skipped: there is no C compiler called cc"),
    }
}

/// `SetPte` as `SET_PTE`.
fn upper_snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_uppercase());
    }
    snake
}

/// `3u`, `0x10000u` or `(1u << 3)`.
fn number(value: &str) -> Option<u64> {
    if let Some(shift) = value.strip_prefix("(1u << ") {
        return Some(1 << shift.strip_suffix(')')?.parse::<u32>().ok()?);
    }
    let digits = value.strip_suffix('u')?;
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// `uint8_t do_swap_page[8]; /* ... */` has the name `do_swap_page`.
fn field_name(line: &str) -> &str {
    let declaration = line.split([';', '[']).next().unwrap();
    declaration.rsplit([' ', '*']).next().unwrap()
}
