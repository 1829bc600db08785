//! Processes, ports, directories, client programs and a raw-frame client for the integration tests.
//!
//! Everything here panics with a full account when something cannot be done: what was run, its last output, and for a
//! timeout the stacks of the processes involved.

pub mod dirs;
pub mod driver;
pub mod machine;
pub mod mqadmin;
pub mod ours;
pub mod ports;
pub mod process;
pub mod remoting;
pub mod replay;
pub mod servers;
pub mod small_disk;
pub mod stored_message;
pub mod toolchain;

pub use dirs::Scratch;
pub use driver::{Driver, Serialization};
pub use servers::{Broker, BrokerOptions, Cluster, Flavor, NameServer};
