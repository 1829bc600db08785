use std::ffi::{c_char, c_void};
use std::path::PathBuf;
use std::slice;

use libbroker::clock::Clock;
use libbroker::embed::{Namesrv, Options, Profile};
use libbroker::{Error, ErrorKind};

use crate::log::{self, BrokerLog};
use crate::sized::{self, WithSize};
use crate::text::{self, invalid};

/// Small files and few threads, for tests and applications. Behaviour is the same as that of a server.
pub const BROKER_PROFILE_EMBEDDED: u32 = 0;

/// The sizes of a server.
pub const BROKER_PROFILE_SERVER: u32 = 1;

/// Time is that of the machine.
pub const BROKER_CLOCK_SYSTEM: u32 = 0;

/// Time stands still but for broker_advance: for tests of what waits.
pub const BROKER_CLOCK_MANUAL: u32 = 1;

/// A name and a value: of broker.conf, such as "flushDiskType" and "SYNC_FLUSH", of a message, of a request.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrokerProperty {
    /// Its name.
    pub key: *const c_char,
    /// Its value.
    pub value: *const c_char,
}

/// What to start. Begin with BROKER_OPTIONS_INIT; a field left at zero has its default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrokerOptions {
    /// sizeof(broker_options_t), so that a program keeps working with a library that knows more fields.
    pub size: usize,
    /// Directory of the store, made if it is missing. NULL: a directory of its own that is removed at the stop.
    pub store_dir: *const c_char,
    /// A directory that broker_snapshot wrote: start with a copy of it. A store_dir must then be empty or missing.
    pub snapshot_dir: *const c_char,
    /// NameServers to register with, "host:port;host:port". NULL: start one in this process.
    pub namesrv: *const c_char,
    /// Java properties, as they would stand in broker.conf; property_count of them.
    pub properties: *const BrokerProperty,
    /// Number of properties.
    pub property_count: usize,
    /// Gets the log of this broker. NULL: there is none.
    pub log: BrokerLog,
    /// Given to log with each line. It must live until broker_stop or broker_free returns, or broker_start has
    /// failed.
    pub log_context: *mut c_void,
    /// What to log: that much and what matters more. 0: BROKER_LOG_INFO.
    pub log_level: u32,
    /// BROKER_CLOCK_SYSTEM or BROKER_CLOCK_MANUAL.
    pub clock: u32,
    /// BROKER_PROFILE_EMBEDDED or BROKER_PROFILE_SERVER.
    pub profile: u32,
    /// Not 0: start a NameServer without a broker.
    pub namesrv_only: u32,
    /// Port of the broker. 0: a free one, or 10911 with BROKER_PROFILE_SERVER.
    pub port: u16,
    /// Port of the NameServer started here. 0: a free one, or 9876 with BROKER_PROFILE_SERVER.
    pub namesrv_port: u16,
    /// Must be 0.
    pub reserved: u32,
}

// SAFETY: no padding, and zero is a value of every field.
unsafe impl WithSize for BrokerOptions {
    const NAME: &'static str = "broker_options_t";
}

/// More properties than this are a mistake of the caller.
const PROPERTIES_MAX: usize = 4096;

/// Reads the options of a caller; NULL means defaults.
///
/// # Safety
/// `given` is NULL or leads to `size` readable bytes, and every pointer in them is NULL or leads to what its field says.
pub unsafe fn read(given: *const BrokerOptions) -> Result<Options, Error> {
    if given.is_null() {
        return Ok(Options::default());
    }
    // SAFETY: not NULL; the rest is the caller's promise.
    let known = unsafe { sized::read(given)? };
    let mut options = Options::default();
    options.port = chosen(known.port);
    options.broker = known.namesrv_only == 0;
    // SAFETY: the pointers of the copy are those of the caller.
    unsafe {
        options.store_dir = text::read(known.store_dir, "store_dir")?.map(PathBuf::from);
        options.snapshot = text::read(known.snapshot_dir, "snapshot_dir")?.map(PathBuf::from);
        options.namesrv = namesrv(text::read(known.namesrv, "namesrv")?, chosen(known.namesrv_port))?;
        options.properties = properties(known.properties, known.property_count)?;
    }
    options.log = log::sink(known.log, known.log_context, known.log_level)?;
    options.clock = match known.clock {
        BROKER_CLOCK_SYSTEM => None,
        BROKER_CLOCK_MANUAL => Some(Clock::manual(Clock::system().now_ms())),
        other => return Err(invalid(format!("clock {other} is none of BROKER_CLOCK_…"))),
    };
    options.profile = match known.profile {
        BROKER_PROFILE_EMBEDDED => Profile::Embedded,
        BROKER_PROFILE_SERVER => Profile::Server,
        other => return Err(invalid(format!("profile {other} is none of BROKER_PROFILE_…"))),
    };
    if known.reserved != 0 {
        return Err(invalid("reserved must be 0"));
    }
    Ok(options)
}

/// C has no optional number: a port left at zero is one not chosen.
fn chosen(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

fn namesrv(addresses: Option<String>, port: Option<u16>) -> Result<Option<Namesrv>, Error> {
    match (addresses, port) {
        (Some(addresses), Some(port)) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "namesrv is {addresses} and namesrv_port is {port}: choose one NameServer, elsewhere or here"
            ),
        )),
        (Some(addresses), None) => Ok(Some(Namesrv::At(addresses))),
        (None, Some(port)) => Ok(Some(Namesrv::Embedded { port: Some(port) })),
        (None, None) => Ok(None),
    }
}

/// Reads `count` names with their values.
///
/// # Safety
/// `pairs` is NULL or leads to `count` properties of C strings.
pub unsafe fn properties(pairs: *const BrokerProperty, count: usize) -> Result<Vec<(String, String)>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if pairs.is_null() || count > PROPERTIES_MAX {
        return Err(invalid(format!("{count} properties at {pairs:?}")));
    }
    // SAFETY: not NULL; the count is the caller's promise.
    let pairs = unsafe { slice::from_raw_parts(pairs, count) };
    let mut properties = Vec::with_capacity(pairs.len());
    for pair in pairs {
        // SAFETY: both are NULL or C strings by the caller's promise.
        let (key, value) = unsafe { (text::read(pair.key, "a key")?, text::read(pair.value, "a value")?) };
        match (key, value) {
            (Some(key), Some(value)) => properties.push((key, value)),
            _ => return Err(invalid("a property has no key or no value")),
        }
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{mem, ptr};

    fn empty() -> BrokerOptions {
        // SAFETY: zero is a value of every field.
        let mut options: BrokerOptions = unsafe { mem::zeroed() };
        options.size = mem::size_of::<BrokerOptions>();
        options
    }

    #[test]
    fn fields_reach_the_options() {
        let property = BrokerProperty { key: c"brokerName".as_ptr(), value: c"a".as_ptr() };
        let given = BrokerOptions {
            store_dir: c"store".as_ptr(),
            namesrv: c"127.0.0.1:9876".as_ptr(),
            properties: &property,
            property_count: 1,
            port: 10911,
            profile: BROKER_PROFILE_SERVER,
            namesrv_only: 1,
            ..empty()
        };
        // SAFETY: all pointers lead to values of this function.
        let options = unsafe { read(&given) }.unwrap();
        assert_eq!(options.store_dir, Some(PathBuf::from("store")));
        assert_eq!(options.namesrv, Some(Namesrv::At("127.0.0.1:9876".to_owned())));
        assert_eq!(options.properties, [("brokerName".to_owned(), "a".to_owned())]);
        assert_eq!((options.port, options.broker), (Some(10911), false));
        assert_eq!(options.profile, Profile::Server);
    }

    #[test]
    fn null_and_zero_are_the_defaults() {
        // SAFETY: NULL, or all pointers NULL.
        let (none, zero) = unsafe { (read(ptr::null()).unwrap(), read(&empty()).unwrap()) };
        assert_eq!([none, zero], [Options::default(), Options::default()]);
    }

    #[test]
    fn impossible_values_are_refused() {
        let cases = [
            BrokerOptions { size: 0, ..empty() },
            BrokerOptions { size: sized::SIZE_MAX + 1, ..empty() },
            BrokerOptions { clock: 2, ..empty() },
            BrokerOptions { log_level: 6, ..empty() },
            BrokerOptions { profile: 2, ..empty() },
            BrokerOptions { reserved: 1, ..empty() },
            BrokerOptions { property_count: 1, ..empty() },
            BrokerOptions { store_dir: c"\xff".as_ptr(), ..empty() },
            BrokerOptions { namesrv: c"127.0.0.1:9876".as_ptr(), namesrv_port: 9876, ..empty() },
        ];
        for case in &cases {
            // SAFETY: a wrong size is refused before it is used; pointers are NULL or literals.
            assert!(unsafe { read(case) }.is_err());
        }
    }

    #[test]
    fn callers_of_another_version_are_understood() {
        #[repr(C)]
        struct Longer {
            known: BrokerOptions,
            more: u64,
        }
        let longer = |more| {
            let known = BrokerOptions { size: mem::size_of::<Longer>(), port: 7, ..empty() };
            let given = Longer { known, more };
            // SAFETY: the size is that of the structure.
            unsafe { read((&raw const given).cast()) }
        };
        assert_eq!(longer(0).unwrap().port, Some(7));
        assert!(longer(1).is_err());
        let short = BrokerOptions { size: mem::offset_of!(BrokerOptions, port), port: 7, ..empty() };
        // SAFETY: less than the structure is read.
        assert_eq!(unsafe { read(&short) }.unwrap().port, None);
    }
}
