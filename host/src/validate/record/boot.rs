//! Boots a kernel and returns everything that its console said.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::RecordError;
use super::kernel::{Kernel, Machine};

/// One processor whose clock counts instructions: what happens when does not depend on the host.
/// Two nodes; the second is one memory block that can be taken offline.
const QEMU: [&str; 28] = [
    "-machine",
    "pc",
    "-accel",
    "tcg,thread=single",
    "-icount",
    "shift=1,sleep=off",
    "-rtc",
    "base=2025-01-01,clock=vm",
    "-smp",
    "1",
    "-m",
    "256M,slots=2,maxmem=4G",
    "-object",
    "memory-backend-ram,id=near,size=256M",
    "-object",
    "memory-backend-ram,id=far,size=128M",
    "-numa",
    "node,nodeid=0,cpus=0,memdev=near",
    "-numa",
    "node,nodeid=1",
    "-device",
    "pc-dimm,id=dimm0,memdev=far,node=1",
    "-nodefaults",
    "-no-user-config",
    "-nographic",
    "-no-reboot",
    "-serial",
    "stdio",
];

/// No KASLR: the guest program reads struct pages where they are without it.
const QEMU_KERNEL: &str = "console=ttyS0 quiet panic=-1 oops=panic nokaslr mitigations=off \
     memhp_default_state=online_movable transparent_hugepage=never zswap.enabled=0";

const USER_MODE: [&str; 6] =
    ["mem=256M", "con=null", "con0=fd:0,fd:1", "quiet", "panic=-1", "transparent_hugepage=never"];

/// Boots it and waits for its end.
pub(super) fn boot(
    kernel: &Kernel,
    initramfs: &Path,
    timeout: Duration,
) -> Result<String, RecordError> {
    let (tool, mut command) = match kernel.machine {
        Machine::Qemu => {
            let mut command = Command::new("qemu-system-x86_64");
            command.args(QEMU).arg("-kernel").arg(&kernel.image).arg("-initrd").arg(initramfs);
            command.args(["-append", QEMU_KERNEL]);
            ("qemu-system-x86_64", command)
        }
        Machine::UserMode => {
            let mut command = Command::new(&kernel.image);
            command.args(USER_MODE).arg(format!("initrd={}", initramfs.display()));
            ("linux.uml", command)
        }
    };
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| RecordError::NoTool { tool, error })?;
    listen(child, timeout)
}

/// Collects both streams until they end, or time is up.
fn listen(mut child: Child, timeout: Duration) -> Result<String, RecordError> {
    let (sender, receiver) = mpsc::channel();
    let mut streams: Vec<Box<dyn std::io::Read + Send>> = Vec::new();
    streams.extend(child.stdout.take().map(|stream| Box::new(stream) as Box<_>));
    streams.extend(child.stderr.take().map(|stream| Box::new(stream) as Box<_>));
    for mut stream in streams {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let begin = Instant::now();
    let mut console = Vec::new();
    let end = loop {
        match receiver.recv_timeout(timeout.saturating_sub(begin.elapsed())) {
            Ok(bytes) => console.extend(bytes),
            Err(end) => break end,
        }
    };
    let console = String::from_utf8_lossy(&console).into_owned();
    // It has ended, or is to end now; either way it is reaped.
    let _ = child.kill();
    let _ = child.wait();
    match end {
        RecvTimeoutError::Timeout => Err(RecordError::TimedOut { after: timeout, console }),
        RecvTimeoutError::Disconnected => Ok(console),
    }
}
