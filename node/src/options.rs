//! The options object becomes [`Options`].

use libbroker::clock::Clock;
use libbroker::embed::{Namesrv, Options, Profile};
use libbroker::{Error, ErrorKind};
use napi_derive::napi;

/// What to start; node/index.js has checked the types and filled in the defaults.
#[napi(object, object_to_js = false)]
pub struct StartOptions {
    /// Directory of the store.
    pub store_dir: Option<String>,
    /// Port of the broker.
    pub port: Option<f64>,
    /// NameServers to register with.
    pub namesrv: Option<String>,
    /// Port of the NameServer started here.
    pub namesrv_port: Option<f64>,
    /// No broker.
    pub namesrv_only: bool,
    /// "embedded" or "server".
    pub profile: String,
    /// "system" or "manual".
    pub clock: String,
    /// Directory of a snapshot to start with.
    pub snapshot: Option<String>,
    /// Which records are logged.
    pub log_level: String,
    /// Java properties.
    pub properties: Vec<Property>,
}

/// One Java property.
#[napi(object, object_to_js = false)]
pub struct Property {
    /// Its name, as Java spells it.
    pub key: String,
    /// Its value, as it would stand in the file.
    pub value: String,
}

impl StartOptions {
    /// The same as options.
    pub fn into_options(self) -> Result<Options, Error> {
        let profile = match self.profile.as_str() {
            "embedded" => Profile::Embedded,
            "server" => Profile::Server,
            other => return Err(unusable(format!("profile is {other:?}; it is \"embedded\" or \"server\""))),
        };
        let mut options = Options::default();
        options.store_dir = self.store_dir.map(Into::into);
        options.port = port("port", self.port)?;
        options.namesrv = namesrv(self.namesrv, port("namesrvPort", self.namesrv_port)?)?;
        options.profile = profile;
        options.clock = match self.clock.as_str() {
            "system" => None,
            "manual" => Some(Clock::manual(Clock::system().now_ms())),
            other => return Err(unusable(format!("clock is {other:?}; it is \"system\" or \"manual\""))),
        };
        options.snapshot = self.snapshot.map(Into::into);
        options.properties =
            self.properties.into_iter().map(|property| (property.key, property.value)).collect();
        options.broker = !self.namesrv_only;
        Ok(options)
    }
}

fn namesrv(addresses: Option<String>, port: Option<u16>) -> Result<Option<Namesrv>, Error> {
    match (addresses, port) {
        (Some(addresses), Some(port)) => Err(unusable(format!(
            "namesrv is {addresses:?} and namesrvPort {port}: a NameServer is there or started here"
        ))),
        (Some(addresses), None) => Ok(Some(Namesrv::At(addresses))),
        (None, Some(port)) => Ok(Some(Namesrv::Embedded { port: Some(port) })),
        (None, None) => Ok(None),
    }
}

/// JavaScript's numbers are doubles; a port is a whole number of 16 bits.
fn port(name: &str, value: Option<f64>) -> Result<Option<u16>, Error> {
    let Some(value) = value else { return Ok(None) };
    let whole = value as u16;
    if f64::from(whole) == value {
        Ok(Some(whole))
    } else {
        Err(unusable(format!("{name} is {value}; it is a whole number from 0 to 65535")))
    }
}

/// The error for an option that cannot be used.
pub fn unusable(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

/// The error for an argument that cannot be used.
pub fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}
