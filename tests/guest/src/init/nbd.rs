//! A network block device in this program: the kernel's client at one end of a socket
//! pair, and at the other a server that answers direct IO when told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use super::device::{self, Request, Requests};
use super::sys::{self, check, failed};

/// Requests in flight.
pub(crate) static REQUESTS: Requests = Mutex::new(BTreeMap::new());

/// The device's file.
pub(crate) const PATH: &str = "/dev/nbd0";

/// Requests from here on are held back; what is before is for whoever looks for partitions.
pub(crate) const HELD: u64 = 1 << 20;

const SIZE: u64 = 128 << 20;
const BLOCK: u64 = 512;

const SET_SOCK: libc::c_ulong = 0xab00;
const SET_BLKSIZE: libc::c_ulong = 0xab01;
const DO_IT: libc::c_ulong = 0xab03;
const SET_SIZE_BLOCKS: libc::c_ulong = 0xab07;

const REPLY_MAGIC: u32 = 0x6744_6698;
const READ: u32 = 0;
const WRITE: u32 = 1;
const DISCONNECT: u32 = 2;
/// `sizeof(struct nbd_request)`
const REQUEST: usize = 28;

/// The server.
pub(crate) struct Server {
    socket: i32,
}

impl Server {
    /// Connects it and starts its threads.
    pub(crate) fn start() -> Result<Self, String> {
        let error = |errno| failed(PATH, errno);
        let fd = sys::open(PATH, libc::O_RDWR).map_err(error)?;
        let mut ends = [0; 2];
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        // SAFETY: room for two descriptors.
        let result = unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) };
        check(result.into()).map_err(error)?;
        let set = |request, value: u64| {
            // SAFETY: these requests take a number.
            check(unsafe { libc::ioctl(fd, request, value) }.into()).map_err(error)
        };
        set(SET_BLKSIZE, BLOCK)?;
        set(SET_SIZE_BLOCKS, SIZE / BLOCK)?;
        set(SET_SOCK, ends[0] as u64)?;
        let socket = ends[1];
        thread::spawn(move || serve(socket));
        // SAFETY: DO_IT takes no argument and returns when the socket is closed.
        thread::spawn(move || unsafe { libc::ioctl(fd, DO_IT, 0) });
        Self::wait()?;
        Ok(Self { socket })
    }

    /// Until the client is connected: a read of the first block says so.
    fn wait() -> Result<(), String> {
        let mut errno = 0;
        for _ in 0..500 {
            let mut block = [0; BLOCK as usize];
            let result = sys::open(PATH, libc::O_RDONLY).and_then(|fd| {
                let result = sys::read(fd, &mut block);
                sys::close(fd);
                result
            });
            match result {
                Ok(length) if length == block.len() => return Ok(()),
                Ok(_) => {}
                Err(error) => errno = error,
            }
            sys::pause();
        }
        Err(failed("nbd client", errno))
    }

    /// Answers a request that was held back.
    pub(crate) fn answer(&self, request: Request, data: &[u8], fail: bool) -> Result<(), String> {
        reply(self.socket, request.handle, if fail { libc::EIO } else { 0 }, data)
            .map_err(|errno| failed("answer to nbd", errno))
    }
}

fn serve(socket: i32) {
    let mut header = [0; REQUEST];
    let mut payload = Vec::new();
    while sys::read_all(socket, &mut header).is_ok() {
        let kind = u32::from_be_bytes(header[4..8].try_into().expect("four bytes")) & 0xffff;
        let handle = u64::from_ne_bytes(header[8..16].try_into().expect("eight bytes"));
        let from = u64::from_be_bytes(header[16..24].try_into().expect("eight bytes"));
        let length = u32::from_be_bytes(header[24..28].try_into().expect("four bytes")) as usize;
        if kind == WRITE {
            payload.resize(length, 0);
            if sys::read_all(socket, &mut payload).is_err() {
                return;
            }
        }
        let request = Request { handle, fills: kind == READ, length };
        match (kind, device::step_at(from)) {
            (READ | WRITE, Some(step)) => {
                REQUESTS.lock().expect("nobody panics with it").insert(step, request);
            }
            (READ, None) => drop(reply(socket, handle, 0, &vec![0; length])),
            (DISCONNECT, _) => return,
            _ => drop(reply(socket, handle, 0, &[])),
        }
    }
}

/// struct nbd_reply and what follows.
fn reply(socket: i32, handle: u64, error: i32, data: &[u8]) -> Result<(), i32> {
    let mut message = REPLY_MAGIC.to_be_bytes().to_vec();
    message.extend(error.to_be_bytes());
    message.extend(handle.to_ne_bytes());
    message.extend(data);
    sys::write_all(socket, &message)
}
