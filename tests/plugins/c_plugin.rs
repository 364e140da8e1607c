//! A plugin in C, by the header that authors get.

use std::path::{Path, PathBuf};
use std::process::Command;

use cowpath::policy::{Hook, PolicyFault};
use cowpath_abi::{PG_SWAPCACHE, PageView, UNMAP_FAIL};

use super::{Scratch, load, refused};

/// Compiles `tests/plugins/veto.c`; none if there is no C compiler.
fn compile(scratch: &Scratch, options: &[&str]) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = scratch.0.join("veto.so");
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"])
        .arg(root.join("abi/include"))
        .args(options)
        .arg("-o")
        .arg(&library)
        .arg(root.join("tests/plugins/veto.c"))
        .output();
    let Ok(output) = output else {
        println!("skipped: there is no C compiler called cc");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(library)
}

#[test]
fn a_plugin_in_c_is_asked_like_any_other() {
    let scratch = Scratch::new("c-plugin");
    let Some(library) = compile(&scratch, &[]) else {
        return;
    };
    let policy = load(&library).unwrap();
    assert_eq!(policy.name(), "veto");
    let hook = Hook::try_to_unmap_one;
    let held = PageView { count: 4, mapcount: 1, flags: PG_SWAPCACHE, ..PageView::default() };
    let answer = policy.ask(hook, &held).unwrap();
    assert_eq!(answer.code, UNMAP_FAIL);
    assert_eq!(policy.reason(hook, answer), "in swap cache");
    let free = policy.ask(hook, &PageView::default()).unwrap();
    assert_eq!(policy.reason(hook, free), "");
    let fault = policy.ask(Hook::do_wp_page, &held).unwrap_err();
    assert_eq!(fault, PolicyFault::Undefined { hook: Hook::do_wp_page, at: 0 });
    assert_eq!(policy.audit_purity(), Ok(()));
}

#[test]
fn a_plugin_in_c_of_version_1_0_works_on() {
    let scratch = Scratch::new("c-plugin-1.0");
    let Some(library) = compile(&scratch, &["-DOF_1_0"]) else {
        return;
    };
    let policy = load(&library).unwrap();
    let held = PageView { flags: PG_SWAPCACHE, ..PageView::default() };
    assert_eq!(policy.ask(Hook::try_to_unmap_one, &held).unwrap().code, UNMAP_FAIL);
    assert_eq!(policy.rules().mechanisms, 0);
    assert!(!policy.defines(Hook::copy_one_pte));
}

#[test]
fn a_plugin_in_c_with_a_wrong_entry_is_refused() {
    let cases = [
        ("-DWRONG_VERSION", "is a plugin of version 3.1, this program accepts 1.0 to 1.1"),
        ("-DWRONG_SIZE", "its entry has 8 bytes, expected"),
        ("-DNULL_ENTRY", "its entry point returns null"),
        ("-DNULL_RULES", "its entry has no manifest or no rules"),
        ("-DNO_HOOK", "hook try_to_unmap_one is in its manifest, but not in its entry"),
        ("-DOTHER_MANIFEST", "the manifest that it returns is not the one in its file"),
        ("-DWRONG_RULES", "its rules have bits that are not defined"),
    ];
    for (option, message) in cases {
        let scratch = Scratch::new(&format!("c-plugin{option}"));
        let Some(library) = compile(&scratch, &[option]) else {
            return;
        };
        let found = refused(&library);
        assert!(found.contains(message), "{option}: {found}");
    }
}
