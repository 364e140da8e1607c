//! Records a transcript: boots a kernel with the guest program as its init and collects
//! what it says.
//!
//! Knows packages, QEMU and user-mode Linux. Does not know what observations mean, and
//! leaves nothing behind but the text that it returns.

mod boot;
mod console;
mod error;
mod initramfs;
mod kernel;
mod scratch;
mod tool;

use std::path::PathBuf;
use std::time::Duration;

use crate::scenario::transcript::{FORM, Header};

use console::Said;
pub use error::RecordError;
use kernel::Kernel;

/// What to record.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// The kernel: Debian packages that hold it and its modules, or one file, a bzImage or
    /// a user-mode Linux program.
    pub kernel: Vec<PathBuf>,
    /// Where modules are, for a kernel that is a file.
    pub modules: Option<PathBuf>,
    /// The guest program, statically linked.
    pub guest: PathBuf,
    /// Scenarios, as name and source.
    pub scenarios: Vec<(String, String)>,
    /// How long the kernel may take.
    pub timeout: Duration,
}

/// Boots the kernel, has it act every scenario out, and returns the transcript.
pub fn record(options: &RecordOptions) -> Result<String, RecordError> {
    let scratch = scratch::Folder::new()?;
    let kernel = Kernel::find(&options.kernel, options.modules.as_deref(), &scratch)?;
    let initramfs = initramfs::write(options, &kernel, &scratch)?;
    let console = boot::boot(&kernel, &initramfs, options.timeout)?;
    let Said { kernel: release, hidden, skipped, observations } = console::read(&console)?;
    let header = Header {
        transcript: FORM,
        kernel: release,
        package: kernel.package,
        sha256: kernel.sha256,
        machine: kernel.machine.name().to_owned(),
        hidden,
        skipped,
    };
    let mut text = line(&header);
    observations.iter().for_each(|observation| text.push_str(&line(observation)));
    Ok(text)
}

fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("transcripts are plain data") + "\n"
}
