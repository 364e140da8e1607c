//! What is loaded, and what is refused with which words.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use cowpath::policy::{
    ABI, Answer, Hook, Origin, bundled, check_distinct, discussed, read_manifest, resolve,
};
use cowpath_abi::{PG_SWAPCACHE, PageView, UNMAP, UNMAP_FAIL};

use super::{Scratch, fixture, load, load_fixture, refused};

/// A pinned page in the swap cache: one pte, reclaim, the cache, and one more.
const PINNED: PageView = PageView {
    count: 4,
    mapcount: 1,
    swap_map: 1,
    flags: PG_SWAPCACHE,
    vm_flags: 0,
    env: 0,
    at: 0,
    pins: 0,
};

fn unmaps_pinned(spec: &str) -> u8 {
    let policy = resolve(spec).unwrap();
    policy.ask(Hook::try_to_unmap_one, &PINNED).unwrap().code
}

#[test]
fn every_bundled_policy_loads_under_its_own_name() {
    let ids: Vec<_> = bundled().iter().map(|policy| policy.id).collect();
    assert!(discussed().iter().all(|id| ids.contains(id)), "{ids:?}");
    for id in ids {
        let policy = resolve(id).unwrap();
        let plugin = &policy.plugins()[0];
        assert_eq!(policy.name(), id);
        assert_eq!(plugin.manifest.id, id);
        assert_eq!(plugin.manifest.abi, ABI);
        assert_eq!(plugin.origin, Origin::Bundled);
        assert_eq!(plugin.hash.len(), 64);
    }
}

#[test]
fn the_program_carries_what_was_built_with_it() {
    for policy in bundled() {
        let library = format!("libcowpath_policy_{}.so", policy.id.replace(['-', '.'], "_"));
        let built = env::current_exe().unwrap().with_file_name(library);
        assert!(fs::read(built).unwrap() == policy.bytes, "{} is stale", policy.id);
    }
}

#[test]
fn two_policies_loaded_at_once_answer_for_themselves() {
    let policies = ["vanilla", "iwamoto", "hugh", "hugh-mail"].map(|id| resolve(id).unwrap());
    check_distinct(&policies).unwrap();
    let answers = policies.map(|policy| policy.ask(Hook::try_to_unmap_one, &PINNED).unwrap().code);
    assert_eq!(answers, [UNMAP_FAIL, UNMAP, UNMAP, UNMAP]);
}

#[test]
fn a_policy_and_its_graft_are_distinct_but_twins_are_not() {
    let policies = ["vanilla", "vanilla+iwamoto:try_to_unmap_one"].map(|id| resolve(id).unwrap());
    check_distinct(&policies).unwrap();
    let twins = ["vanilla", "vanilla"].map(|id| resolve(id).unwrap());
    assert_eq!(
        check_distinct(&twins).unwrap_err().to_string(),
        "two policies are called \"vanilla\"; give it once, or give one of them another id"
    );
}

#[test]
fn two_plugins_with_one_id_are_not_distinct() {
    let scratch = Scratch::new("one-id");
    let mut bytes = fs::read(fixture("impure")).unwrap();
    let at = find(&bytes, b"id = impure\n").unwrap();
    // Same length, so that the file stays whole.
    bytes[at + 5..at + 11].copy_from_slice(b"panics");
    let path = scratch.file("other.so", &bytes);
    let error = load(&path).map(|policy| check_distinct(&[load_fixture("panics"), policy]));
    assert!(error.unwrap().unwrap_err().to_string().contains("\"panics\""));
}

#[test]
fn the_bundled_policies_are_the_folders_under_policies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let entries = fs::read_dir(folder).unwrap();
    let mut folders: Vec<_> = entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let mut ids: Vec<_> = bundled().iter().map(|policy| policy.id).collect();
    folders.sort();
    ids.sort();
    assert_eq!(ids, folders);
}

#[test]
fn a_rust_plugin_has_the_plain_entry_too() {
    let scratch = Scratch::new("plain-entry");
    let mut bytes = bundled()[0].bytes.to_vec();
    while let Some(at) = find(&bytes, b"cowpath_policy_module") {
        bytes[at] = b'x';
    }
    let policy = load(&scratch.file("policy.so", &bytes)).unwrap();
    let answer = policy.ask(Hook::try_to_unmap_one, &PINNED).unwrap();
    assert_eq!(answer.code, UNMAP_FAIL);
    assert_eq!(policy.rules(), resolve("vanilla").unwrap().rules());
}

#[test]
fn the_manifest_is_read_without_running_the_plugin() {
    // A plugin that could not be loaded: it has no entry point.
    let bytes = fs::read(fixture("no-entry")).unwrap();
    let manifest = read_manifest("no-entry", &bytes).unwrap();
    assert_eq!(manifest.id, "no-entry");

    let vanilla = bundled().iter().find(|policy| policy.id == "vanilla").unwrap();
    let manifest = read_manifest("vanilla", vanilla.bytes).unwrap();
    assert_eq!(manifest.kernels, "2.6.7 to 2.6.12");
    assert_eq!(manifest.hooks.len(), 7);
    let hugh = bundled().iter().find(|policy| policy.id == "hugh").unwrap();
    let manifest = read_manifest("hugh", hugh.bytes).unwrap();
    assert!(!manifest.hooks.contains(&Hook::exclusive_swap_page));
    assert_eq!(manifest.commit.unwrap(), "c475a8ab625d567eacf5e30ec35d6d8704558062");
}

#[test]
fn a_path_that_does_not_exist_is_refused() {
    let message = refused("/nonexistent/policy.so".as_ref());
    assert_eq!(
        message,
        "cannot read plugin /nonexistent/policy.so: No such file or directory (os error 2)"
    );
}

#[test]
fn an_unknown_name_gets_the_nearest_one() {
    assert_eq!(
        resolve("vanila").unwrap_err().to_string(),
        "unknown policy \"vanila\", did you mean \"vanilla\"; \
         policies are vanilla, iwamoto, hugh, hugh-mail, \
         pre-2.6.7, 2.6.29, 5.8, 5.9, 5.11, 5.18, 5.19, 6.1, uml-6.1, 6.12, 7.0, or a path with a \"/\" or \".so\""
    );
    assert_eq!(
        resolve("zzz").unwrap_err().to_string(),
        "unknown policy \"zzz\"; \
         policies are vanilla, iwamoto, hugh, hugh-mail, \
         pre-2.6.7, 2.6.29, 5.8, 5.9, 5.11, 5.18, 5.19, 6.1, uml-6.1, 6.12, 7.0, or a path with a \"/\" or \".so\""
    );
}

#[test]
fn a_file_that_is_no_shared_object_is_refused() {
    let scratch = Scratch::new("not-elf");
    for (content, why) in [
        (&b""[..], "does not begin with a 64-bit ELF header"),
        (b"int main() { return 0; }\n", "does not begin with a 64-bit ELF header"),
        (&fs::read(env::current_exe().unwrap()).unwrap(), "no section .cowpath.manifest"),
    ] {
        let message = refused(&scratch.file("policy.so", content));
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn a_shared_object_that_is_cut_off_is_refused() {
    let scratch = Scratch::new("truncated");
    let bytes = fs::read(fixture("panics")).unwrap();
    for sixteenths in 1..16 {
        let cut = &bytes[..bytes.len() * sixteenths / 16];
        let message = refused(&scratch.file("policy.so", cut));
        assert!(message.contains("build it again"), "{message}");
    }
}

#[test]
fn a_plugin_without_entry_point_is_refused() {
    let message = refused(&fixture("no-entry"));
    let expected = "exports neither cowpath_policy_module nor cowpath_policy_v1; \
        see export_policy! or cowpath_policy.h";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn a_plugin_of_another_abi_version_is_refused_before_it_is_opened() {
    let message = refused(&fixture("newer-abi"));
    let expected = "is a plugin of version 2.0, this program accepts 1.0 to 1.1; \
        build it against cowpath-abi 1.1";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn another_layout_is_refused_in_a_few_lines() {
    let message = refused(&fixture("other-layout"));
    assert!(message.lines().count() <= 12, "{message}");
    assert!(message.len() < 1000, "{message}");
    assert!(message.contains("\n  PageView: size: host 32, plugin 28"), "{message}");
    assert!(message.contains("\n  PageView: field count: host 8, plugin 7"), "{message}");
    assert!(message.contains("build it again"), "{message}");
}

#[test]
fn a_wrong_order_of_do_swap_page_is_refused() {
    let message = refused(&fixture("unlocks-early"));
    let expected = "order of do_swap_page: Decide must come before UnlockPage: \
        can_share_swap_page needs the page lock";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn replaced_content_is_loaded_anew() {
    let scratch = Scratch::new("replaced");
    let path = scratch.file("policy.so", bundled()[0].bytes);
    let link = scratch.0.join("link.so");
    symlink(&path, &link).unwrap();
    let (spec, link) = (path.to_str().unwrap(), link.to_str().unwrap());
    assert_eq!(unmaps_pinned(spec), UNMAP_FAIL);
    assert_eq!(unmaps_pinned(link), UNMAP_FAIL);
    let before = resolve(spec).unwrap();

    // Once in place, once by a rename, as a compiler and a packager do.
    fs::write(&path, bundled()[1].bytes).unwrap();
    assert_eq!(unmaps_pinned(spec), UNMAP);
    assert_eq!(unmaps_pinned(link), UNMAP);
    fs::rename(scratch.file("new.so", bundled()[0].bytes), &path).unwrap();
    assert_eq!(unmaps_pinned(spec), UNMAP_FAIL);

    fs::write(&path, b"gone").unwrap();
    let answer = before.ask(Hook::try_to_unmap_one, &PINNED).unwrap();
    assert_eq!(answer.code, UNMAP_FAIL, "what was loaded stays");
}

/// A name without a slash would be searched on the loader's path; the test below
/// runs this one in a folder of its own.
#[test]
fn relative_names_in_a_folder() {
    if env::var_os("COWPATH_TEST_RELATIVE").is_some() {
        for name in ["policy.so", "./policy.so"] {
            let policy = resolve(name).unwrap();
            let Origin::File(path) = &policy.plugins()[0].origin else {
                panic!("{name} is taken for a bundled policy");
            };
            assert!(path.is_absolute());
            assert_eq!(policy.name(), "vanilla");
        }
    }
}

#[test]
fn a_relative_name_without_slash_is_a_file_here() {
    let scratch = Scratch::new("relative");
    scratch.file("policy.so", bundled()[0].bytes);
    let output = again("loading::relative_names_in_a_folder", |command| {
        command.current_dir(&scratch.0).env("COWPATH_TEST_RELATIVE", "1");
    });
    assert!(output.contains("1 passed"), "{output}");
}

#[test]
fn bundled_policies_need_no_file_and_no_home() {
    let scratch = Scratch::new("alone");
    let copy = scratch.0.join("copy");
    fs::copy(env::current_exe().unwrap(), &copy).unwrap();
    let mut command = Command::new(copy);
    command
        .args(["--exact", "loading::every_bundled_policy_loads_under_its_own_name"])
        .current_dir(&scratch.0)
        .env_clear()
        .env("TMPDIR", &scratch.0);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_cache_that_cannot_be_written_to_is_done_without() {
    let scratch = Scratch::new("no-cache");
    let output = again("loading::every_bundled_policy_loads_under_its_own_name", |command| {
        command.env("COWPATH_CACHE_DIR", "/proc/cowpath").env("TMPDIR", &scratch.0);
    });
    assert!(output.contains("1 passed"), "{output}");
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn a_damaged_cache_is_repaired() {
    let scratch = Scratch::new("damaged-cache");
    let test = "loading::every_bundled_policy_loads_under_its_own_name";
    for _ in 0..2 {
        let output = again(test, |command| {
            command.env("COWPATH_CACHE_DIR", &scratch.0);
        });
        assert!(output.contains("1 passed"), "{output}");
        let files: Vec<_> = fs::read_dir(&scratch.0).unwrap().collect();
        assert_eq!(files.len(), bundled().len());
        for file in files {
            fs::write(file.unwrap().path(), b"damaged").unwrap();
        }
    }
}

#[test]
fn policies_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let policy = resolve("vanilla").unwrap();
    shared(&policy);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let answer = policy.ask(Hook::try_to_unmap_one, &PINNED);
                assert_eq!(answer.map(|answer: Answer| answer.code), Ok(UNMAP_FAIL));
            });
        }
    });
}

/// Runs one test of this binary in another process and returns what it prints.
fn again(test: &str, prepare: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]);
    prepare(&mut command);
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(text.len());
    windows.position(|window| window == text)
}
