//! stub
/// b
#[derive(Clone, Copy, Debug)]
pub struct Bounds {}
