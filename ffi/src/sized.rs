//! Structures that begin with their size, so that caller and library may be of different versions.

use std::{mem, ptr, slice};

use libbroker::Error;

use crate::text::invalid;

/// The largest size a caller may claim; structures do not grow beyond a page.
pub(crate) const SIZE_MAX: usize = 4096;

/// A structure that begins with its size.
///
/// # Safety
/// `repr(C)`, the first field is `size: usize`, there is no padding, and zero is a value of every field.
pub unsafe trait WithSize: Copy {
    /// Its name in C.
    const NAME: &'static str;
}

/// The size that the caller wrote.
///
/// # Safety
/// `given` is not NULL and leads to a readable size.
pub unsafe fn size_of<T: WithSize>(given: *const T) -> Result<usize, Error> {
    // SAFETY: readable by the caller's promise; alignment is not required.
    let size = unsafe { given.cast::<usize>().read_unaligned() };
    if (mem::size_of::<usize>()..=SIZE_MAX).contains(&size) {
        return Ok(size);
    }
    Err(invalid(format!("size is {size}; set it to sizeof({})", T::NAME)))
}

/// The fields this library knows. Fields the caller does not know are zero; fields only the caller knows must be.
///
/// # Safety
/// `given` is not NULL and leads to as many readable bytes as its size says.
pub unsafe fn read<T: WithSize>(given: *const T) -> Result<T, Error> {
    // SAFETY: the caller's promise.
    let size = unsafe { size_of(given)? };
    // SAFETY: `size` bytes are readable by the caller's promise.
    let bytes = unsafe { slice::from_raw_parts(given.cast::<u8>(), size) };
    if bytes.iter().skip(mem::size_of::<T>()).any(|byte| *byte != 0) {
        return Err(invalid(format!(
            "{} of {size} bytes uses fields that this library does not know",
            T::NAME
        )));
    }
    // SAFETY: zero is a value of every field by the trait's promise; the copy stays inside both.
    unsafe {
        let mut known: T = mem::zeroed();
        ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut known).cast(), size.min(mem::size_of::<T>()));
        Ok(known)
    }
}

/// Writes `value` to `out`, as much of it as the caller knows; `size` stays the caller's.
///
/// # Safety
/// `out` is not NULL and has room for `size` bytes, as read from it by [`size_of`].
pub unsafe fn write<T: WithSize>(value: &T, out: *mut T, size: usize) {
    let head = mem::size_of::<usize>();
    let length = size.min(mem::size_of::<T>()).saturating_sub(head);
    // SAFETY: the copy stays inside both, behind the size.
    unsafe {
        ptr::copy_nonoverlapping(
            ptr::from_ref(value).cast::<u8>().add(head),
            out.cast::<u8>().add(head),
            length,
        )
    };
}

/// The places of an array of `count` structures, whose first says how large each is.
///
/// # Safety
/// `first` leads to `count` structures that lie side by side, each as large as the first says.
pub unsafe fn each<T: WithSize>(
    first: *const T,
    count: usize,
) -> Result<impl Iterator<Item = *const T>, Error> {
    // SAFETY: the caller's promise; without one there is nothing to read.
    let size = if count == 0 { 0 } else { unsafe { size_of(first)? } };
    Ok((0..count).map(move |number| first.wrapping_byte_add(number * size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Pair {
        size: usize,
        first: u64,
        second: u64,
    }

    // SAFETY: three words.
    unsafe impl WithSize for Pair {
        const NAME: &'static str = "pair_t";
    }

    #[test]
    fn older_and_newer_callers_are_understood() {
        let given = |words: &[u64]| {
            // SAFETY: each array is as long as its first word says, or refused.
            unsafe { read(words.as_ptr().cast::<Pair>()) }.map(|pair| (pair.first, pair.second))
        };
        assert_eq!(given(&[24, 1, 2]), Ok((1, 2)));
        assert_eq!(given(&[16, 1, 2]), Ok((1, 0)));
        assert_eq!(given(&[32, 1, 2, 0]), Ok((1, 2)));
        assert!(given(&[32, 1, 2, 3]).unwrap_err().context().contains("pair_t of 32 bytes"));
        assert!(given(&[0, 1, 2]).unwrap_err().context().contains("sizeof(pair_t)"));
        assert!(given(&[5000, 1, 2]).is_err());
    }

    #[test]
    fn a_result_fills_what_the_caller_knows() {
        let value = Pair { size: 24, first: 7, second: 8 };
        let mut words = [16_u64, 0, 1];
        // SAFETY: two words are written at most.
        unsafe { write(&value, words.as_mut_ptr().cast::<Pair>(), 16) };
        assert_eq!(words, [16, 7, 1]);
        let mut words = [32_u64, 0, 0, 1];
        // SAFETY: four words are there.
        unsafe { write(&value, words.as_mut_ptr().cast::<Pair>(), 32) };
        assert_eq!(words, [32, 7, 8, 1]);
    }

    #[test]
    fn arrays_step_by_the_callers_size() {
        let words = [16_u64, 1, 16, 2];
        // SAFETY: two structures of two words.
        let each = unsafe { each(words.as_ptr().cast::<Pair>(), 2) }.unwrap();
        // SAFETY: as above.
        let firsts: Vec<u64> = each.map(|at| unsafe { read(at) }.unwrap().first).collect();
        assert_eq!(firsts, [1, 2]);
    }
}
