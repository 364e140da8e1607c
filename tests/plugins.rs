//! Policies as the host meets them: the bundled ones, and plugins that break the
//! contract in one way each (the crates under `tests/plugins/`).

#[path = "plugins/c_plugin.rs"]
mod c_plugin;
#[path = "plugins/faults.rs"]
mod faults;
#[path = "plugins/grafts.rs"]
mod grafts;
#[path = "plugins/later.rs"]
mod later;
#[path = "plugins/loading.rs"]
mod loading;
#[path = "plugins/tables.rs"]
mod tables;

use std::env;
use std::path::{Path, PathBuf};
use std::{fs, process};

use cowpath::policy::{LoadError, Policy, resolve};

/// The shared object of a crate under `tests/plugins/`: cargo puts what a test
/// depends on beside the test itself.
fn fixture(name: &str) -> PathBuf {
    let library = format!("libcowpath_fixture_{}.so", name.replace('-', "_"));
    let test = env::current_exe().unwrap();
    test.with_file_name(library)
}

fn load(path: &Path) -> Result<Policy, LoadError> {
    resolve(path.to_str().unwrap())
}

fn load_fixture(name: &str) -> Policy {
    load(&fixture(name)).unwrap()
}

fn refused(path: &Path) -> String {
    match load(path) {
        Ok(policy) => panic!("{} was loaded as {}", path.display(), policy.name()),
        Err(error) => error.to_string(),
    }
}

/// An empty folder that belongs to one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("cowpath-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind is no failure of the test.
        let _ = fs::remove_dir_all(&self.0);
    }
}
