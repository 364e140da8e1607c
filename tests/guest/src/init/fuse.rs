//! A FUSE file system in this program, whose direct reads and writes are answered when told.
//!
//! Knows as much of the protocol as a file `/fuse/STEP` needs.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Mutex;
use std::thread;

use super::device::{Request, Requests};
use super::sys::{self, check, failed};

/// Requests in flight.
pub(crate) static REQUESTS: Requests = Mutex::new(BTreeMap::new());

/// Where it is mounted.
pub(crate) const ROOT: &str = "/fuse";

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

/// `sizeof(struct fuse_in_header)`
const HEADER: usize = 40;
/// Inode of the file for step 0.
const FILES: u64 = 16;
const FOPEN_DIRECT_IO: u32 = 1;
const FILE_SIZE: u64 = 1 << 30;
const MINOR: u32 = 31;

/// The server.
pub(crate) struct Server {
    fd: i32,
}

impl Server {
    /// Mounts it and starts its thread.
    pub(crate) fn start() -> Result<Self, String> {
        let fd =
            sys::open("/dev/fuse", libc::O_RDWR).map_err(|errno| failed("/dev/fuse", errno))?;
        drop(std::fs::create_dir(ROOT));
        let options: CString = sys::c(&format!("fd={fd},rootmode=40000,user_id=0,group_id=0"));
        // SAFETY: all strings are NUL-terminated.
        let result = unsafe {
            libc::mount(
                c"cowpath".as_ptr(),
                sys::c(ROOT).as_ptr(),
                c"fuse".as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        check(result.into()).map_err(|errno| failed("mount of fuse", errno))?;
        thread::spawn(move || serve(fd));
        Ok(Self { fd })
    }

    /// Answers a request that was held back.
    pub(crate) fn answer(&self, request: Request, data: &[u8], fail: bool) -> Result<(), String> {
        let written = (request.length as u32).to_le_bytes();
        let body = match (fail, request.fills) {
            (true, _) => Vec::new(),
            (false, true) => data.to_vec(),
            // struct fuse_write_out
            (false, false) => [written, [0; 4]].concat(),
        };
        reply(self.fd, request.handle, if fail { libc::EIO } else { 0 }, &body)
            .map_err(|errno| failed("answer to fuse", errno))
    }
}

fn serve(fd: i32) {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match sys::read(fd, &mut buffer) {
            Ok(length) if length >= HEADER => drop(handle(fd, &buffer[..length])),
            Ok(_) | Err(libc::EINTR | libc::EAGAIN | libc::ENOENT) => {}
            Err(_) => return,
        }
    }
}

fn handle(fd: i32, message: &[u8]) -> Result<(), i32> {
    let (operation, unique, node) = (u32_at(message, 4), u64_at(message, 8), u64_at(message, 16));
    let body = &message[HEADER..];
    match operation {
        INIT => reply(fd, unique, 0, &init(body)),
        LOOKUP => match name(body).and_then(|name| name.parse::<u64>().ok()) {
            Some(step) => reply(fd, unique, 0, &entry(FILES + step)),
            None => reply(fd, unique, libc::ENOENT, &[]),
        },
        GETATTR => reply(fd, unique, 0, &[vec![0; 16], attributes(node)].concat()),
        // struct fuse_open_out
        OPEN => reply(fd, unique, 0, &words(&[0, 0, FOPEN_DIRECT_IO, 0])),
        READ | WRITE => {
            let request = Request {
                handle: unique,
                fills: operation == READ,
                // struct fuse_read_in, struct fuse_write_in: fh, offset, size
                length: u32_at(body, 16) as usize,
            };
            let step = (node - FILES) as u32;
            REQUESTS.lock().expect("nobody panics with it").insert(step, request);
            Ok(())
        }
        RELEASE => reply(fd, unique, 0, &[]),
        FORGET | BATCH_FORGET | INTERRUPT => Ok(()),
        _ => reply(fd, unique, libc::ENOSYS, &[]),
    }
}

/// struct fuse_out_header and what follows.
fn reply(fd: i32, unique: u64, errno: i32, body: &[u8]) -> Result<(), i32> {
    let mut message = words(&[(16 + body.len()) as u32, (-errno) as u32]);
    message.extend(unique.to_le_bytes());
    message.extend(body);
    sys::write_all(fd, &message)
}

/// struct fuse_init_out
fn init(body: &[u8]) -> Vec<u8> {
    let minor = u32_at(body, 4).min(MINOR);
    let readahead = u32_at(body, 8);
    // max_background 16, congestion_threshold 12; max_write 64 KB; time_gran 1
    let mut out = words(&[7, minor, readahead, 0, 12 << 16 | 16, 65536, 1]);
    out.resize(64, 0);
    out
}

/// struct fuse_entry_out
fn entry(node: u64) -> Vec<u8> {
    let mut out = node.to_le_bytes().to_vec();
    out.resize(40, 0);
    out.extend(attributes(node));
    out
}

/// struct fuse_attr
fn attributes(node: u64) -> Vec<u8> {
    let mode = if node < FILES { libc::S_IFDIR | 0o755 } else { libc::S_IFREG | 0o600 };
    let mut out = Vec::new();
    out.extend(node.to_le_bytes());
    out.extend(FILE_SIZE.to_le_bytes());
    out.resize(60, 0);
    out.extend(words(&[mode, 1]));
    out.resize(88, 0);
    out
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn name(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body.split(|byte| *byte == 0).next()?).ok()
}
