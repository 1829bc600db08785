//! JavaScript's numbers are doubles; what the broker counts is whole.

use std::time::Duration;

use libbroker::Error;

use crate::options::invalid;

/// Doubles hold every whole number up to here.
const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;

/// A whole number.
pub fn whole(name: &str, value: f64) -> Result<i64, Error> {
    if value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        Ok(value as i64)
    } else {
        Err(invalid(format!("{name} is {value}, not a whole number")))
    }
}

/// A whole number from 0 on.
pub fn count<T: TryFrom<i64>>(name: &str, value: f64) -> Result<T, Error> {
    let too_large = |_| invalid(format!("{name} is {value}, not a whole number from 0 on that fits"));
    T::try_from(whole(name, value)?).map_err(too_large)
}

/// A duration in milliseconds.
pub fn millis(name: &str, value: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(value / 1000.0)
        .map_err(|_| invalid(format!("{name} is {value}, not a number of milliseconds from 0 on")))
}
