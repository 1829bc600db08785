//! What JavaScript objects hold. They are dropped by the garbage collector, whose calls no panic may leave.

use std::mem::ManuallyDrop;
use std::ops::Deref;

use crate::errors::caught;

/// A value whose end cannot end the process.
pub struct Held<T>(ManuallyDrop<T>);

impl<T> Held<T> {
    /// Holds `value`.
    pub fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        let held = &mut self.0;
        // What panics has been said where it did; nobody is left to be told.
        let _ = caught(|| {
            // SAFETY: this is the end of the holder, so the value is dropped once and not used after.
            unsafe { ManuallyDrop::drop(held) };
            Ok(())
        });
    }
}
