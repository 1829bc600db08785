//! Files of a store directory: bytes ⇄ values.

pub mod checkpoint;
pub mod cq_ext;
pub mod cq_unit;
pub mod index;
pub mod paths;
pub mod tables;

pub use checkpoint::Checkpoint;
pub use cq_unit::CqUnit;
