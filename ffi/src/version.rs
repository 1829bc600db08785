use std::ffi::{CStr, c_char};

use crate::abi::BROKER_ABI_VERSION;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

/// The version of the library that is loaded, such as "0.1.0". Compare with BROKER_VERSION. It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn broker_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the binary interface of the library that is loaded. It must equal BROKER_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn broker_abi_version() -> u32 {
    BROKER_ABI_VERSION
}
