//! Devices that are slow on purpose: requests in flight end when told.

use std::collections::BTreeMap;
use std::sync::Mutex;

use cowpath_scenario::Over;

use super::{fuse, nbd, pattern};

/// Bytes of a device for each step.
const APART: u64 = 128 * 1024;

/// Where the data of a step's request is.
pub(crate) fn offset(step: u32) -> u64 {
    nbd::HELD + u64::from(step) * APART
}

/// The step whose request is at an offset.
pub(crate) fn step_at(offset: u64) -> Option<u32> {
    offset.checked_sub(nbd::HELD).map(|past| (past / APART) as u32)
}

/// A request that a device has and does not answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// What the kernel calls it.
    pub(crate) handle: u64,
    /// Whether the device is to fill memory.
    pub(crate) fills: bool,
    /// Bytes.
    pub(crate) length: usize,
}

/// Requests in flight, by step.
pub(crate) type Requests = Mutex<BTreeMap<u32, Request>>;

/// The devices.
pub(crate) struct Devices {
    pub(crate) fuse: Result<fuse::Server, String>,
    pub(crate) nbd: Result<nbd::Server, String>,
}

impl Devices {
    /// Starts them.
    pub(crate) fn start() -> Self {
        Self { fuse: fuse::Server::start(), nbd: nbd::Server::start() }
    }

    /// Why a device cannot be had, if it cannot.
    pub(crate) fn missing(&self, over: Over) -> Option<String> {
        match over {
            Over::Fuse => self.fuse.as_ref().err().cloned(),
            Over::Block => self.nbd.as_ref().err().cloned(),
            Over::Nfs => Some("no network".to_owned()),
        }
    }

    fn requests(&self, over: Over) -> Option<&'static Requests> {
        match over {
            Over::Fuse => self.fuse.as_ref().ok().map(|_| &fuse::REQUESTS),
            Over::Block => self.nbd.as_ref().ok().map(|_| &nbd::REQUESTS),
            Over::Nfs => None,
        }
    }

    /// Whether a step's request is in flight.
    pub(crate) fn has(&self, over: Over, step: u32) -> bool {
        self.requests(over).is_some_and(|requests| {
            requests.lock().expect("servers do not panic").contains_key(&step)
        })
    }

    /// Ends a step's request, with its data or with an IO error. False: there is none.
    pub(crate) fn end(&self, over: Over, step: u32, fail: bool) -> Result<bool, String> {
        let request = self
            .requests(over)
            .and_then(|requests| requests.lock().expect("servers do not panic").remove(&step));
        let Some(request) = request else {
            return Ok(false);
        };
        let length = if request.fills && !fail { request.length } else { 0 };
        let data = pattern::bytes(pattern::of_io(step), length);
        match (over, &self.fuse, &self.nbd) {
            (Over::Fuse, Ok(fuse), _) => fuse.answer(request, &data, fail)?,
            (Over::Block, _, Ok(nbd)) => nbd.answer(request, &data, fail)?,
            _ => {}
        }
        Ok(true)
    }

    /// Fails whatever is in flight.
    pub(crate) fn end_all(&self) -> Result<(), String> {
        for over in [Over::Fuse, Over::Block] {
            let steps: Vec<u32> = self.requests(over).map_or_else(Vec::new, |requests| {
                requests.lock().expect("servers do not panic").keys().copied().collect()
            });
            for step in steps {
                self.end(over, step, true)?;
            }
        }
        Ok(())
    }
}
