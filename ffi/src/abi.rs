/// Version of the binary interface. It grows when a program must be compiled anew, and is part of the SONAME.
pub const BROKER_ABI_VERSION: u32 = 1;
