//! Reading a plugin's file without running it: is it whole, and who is it?

use cowpath_abi::{ABI, MANIFEST_SECTION, Manifest};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Architecture, Endianness, Object, ObjectSection, elf};

use super::graft::is_graft;
use super::{LoadError, load};

/// Reads the manifest out of a plugin's file; `place` is what errors call the file.
///
/// # Errors
/// The bytes are no complete shared object for this machine, it has no manifest,
/// or it is of another version of the contract.
pub fn read_manifest(place: &str, bytes: &[u8]) -> Result<Manifest, LoadError> {
    let broken = |why: String| LoadError::NotSharedObject { place: place.to_owned(), why };
    check_segments(bytes).map_err(broken)?;
    let file = object::File::parse(bytes).map_err(|error| broken(error.to_string()))?;
    if file.architecture() != ARCHITECTURE {
        return Err(broken(format!("it is for {:?}", file.architecture())));
    }
    let no_manifest = || LoadError::NoManifest { place: place.to_owned() };
    let section = file.section_by_name(MANIFEST_SECTION).ok_or_else(no_manifest)?;
    let data = section.data().map_err(|error| broken(error.to_string()))?;
    let text = std::str::from_utf8(data).map_err(|_| no_manifest())?;

    // A later version may have keys that this one cannot read: version first.
    if let Some(plugin) = Manifest::abi_of(text)
        && !ABI.accepts(plugin)
    {
        return Err(LoadError::AbiVersion { place: place.to_owned(), plugin });
    }
    Manifest::parse(text).map_err(|error| LoadError::BadManifest { place: place.to_owned(), error })
}

/// The manifest of the policy that a specification names: bundled, or a plugin's path;
/// none if the specification is a graft, which is several.
///
/// # Errors
/// There is no such policy, or its manifest cannot be read.
pub fn manifest_of(spec: &str) -> Result<Option<Manifest>, LoadError> {
    if is_graft(spec) {
        return Ok(None);
    }
    load::with_bytes(spec, |bytes| read_manifest(spec, bytes)).map(Some)
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Architecture = Architecture::X86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Architecture = Architecture::Aarch64;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("name this architecture's ELF machine here");

/// A segment that ends behind the end of the file kills the process that maps it.
fn check_segments(bytes: &[u8]) -> Result<(), String> {
    let header = elf::FileHeader64::<Endianness>::parse(bytes)
        .map_err(|_| "it does not begin with a 64-bit ELF header".to_owned())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err("it is an ELF file of another kind".to_owned());
    }
    let segments = header.program_headers(endian, bytes).map_err(|error| error.to_string())?;
    for segment in segments {
        let end = segment.p_offset(endian).checked_add(segment.p_filesz(endian));
        if end.is_none_or(|end| end > bytes.len() as u64) {
            let length = bytes.len();
            return Err(format!("it is cut off: {length} bytes, a segment ends behind that"));
        }
    }
    Ok(())
}
