//! Strings across the border.

use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use libbroker::{Error, ErrorKind};

use crate::panic::to_status;

/// Reads a C string; None for NULL.
///
/// # Safety
/// `pointer` is NULL or leads to bytes that end with NUL and stay unchanged during the call.
pub unsafe fn read(pointer: *const c_char, name: &str) -> Result<Option<String>, Error> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) }.to_str();
    text.map(|text| Some(text.to_owned())).map_err(|_| invalid(format!("{name} is not UTF-8")))
}

/// Reads a C string that must be there.
///
/// # Safety
/// As for [`read`].
pub unsafe fn required(pointer: *const c_char, name: &str) -> Result<String, Error> {
    // SAFETY: the caller's promise.
    unsafe { read(pointer, name)? }.ok_or_else(|| invalid(format!("{name} is NULL")))
}

/// The bytes of a C string; None for NULL.
///
/// # Safety
/// As for [`read`], and they stay as long as they are used.
pub unsafe fn bytes<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: not NULL; the rest is the caller's promise.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// A time limit.
pub fn millis(timeout_ms: u32) -> Duration {
    Duration::from_millis(u64::from(timeout_ms))
}

/// `text` as a C string. A NUL in it, which would end it there, becomes a blank.
pub fn lossy(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// Gives `text` away as a C string, to be taken back by `broker_text_free`.
///
/// # Safety
/// `out` is not NULL and has room for a pointer.
pub unsafe fn give(text: &str, out: *mut *mut c_char) {
    // SAFETY: the caller's promise.
    unsafe { out.write(lossy(text).into_raw()) };
}

/// Releases a text that the library gave out as `char *` and sets *text to NULL. NULL is allowed for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_text_free(text: *mut *mut c_char) {
    to_status(|| {
        if !text.is_null() {
            // SAFETY: not NULL.
            let given = unsafe { text.replace(std::ptr::null_mut()) };
            if !given.is_null() {
                // SAFETY: made by `CString::into_raw` in `give`, and given up by the line above.
                drop(unsafe { CString::from_raw(given) });
            }
        }
        Ok(())
    });
}

/// Writes `text` and its NUL to `buffer` of `length` bytes and the number of bytes needed to `needed`.
///
/// # Safety
/// `buffer` is NULL or has room for `length` bytes; `needed` is NULL or has room for its value.
pub unsafe fn write(text: &str, buffer: *mut c_char, length: usize, needed: *mut usize) -> Result<(), Error> {
    let need = text.len() + 1;
    if !needed.is_null() {
        // SAFETY: not NULL, room by the caller's promise.
        unsafe { needed.write(need) };
    }
    if buffer.is_null() && length == 0 && !needed.is_null() {
        return Ok(());
    }
    if buffer.is_null() || length < need {
        return Err(invalid(format!("the buffer has {length} bytes, {need} are needed")));
    }
    // SAFETY: `need` bytes fit by the check above, and the buffer is not ours, so it does not overlap.
    unsafe {
        buffer.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
        buffer.add(text.len()).write(0);
    }
    Ok(())
}

/// The error for an argument that cannot be used.
pub fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null_mut;

    #[test]
    fn a_text_is_written_whole_or_not_at_all() {
        let mut buffer: [c_char; 6] = [1; 6];
        let mut need = 0;
        // SAFETY: lengths are those of the buffer.
        unsafe {
            assert!(write("12345", buffer.as_mut_ptr(), 5, &mut need).is_err());
            assert_eq!((need, buffer[0]), (6, 1));
            assert!(write("12345", buffer.as_mut_ptr(), 6, null_mut()).is_ok());
            assert_eq!(read(buffer.as_ptr(), "x"), Ok(Some("12345".to_owned())));
            assert!(write("12345", null_mut(), 0, &mut need).is_ok());
            assert!(write("12345", null_mut(), 0, null_mut()).is_err());
        }
    }

    #[test]
    fn only_utf8_is_read() {
        // SAFETY: a literal, or NULL.
        unsafe {
            assert!(read(c"\xff".as_ptr(), "store_dir").unwrap_err().context().contains("store_dir"));
            assert_eq!(read(null_mut(), "x"), Ok(None));
        }
    }
}
