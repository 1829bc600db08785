//! Gives the shared library its SONAME, which carries the version of the binary interface.

use std::env;

#[path = "src/abi.rs"]
mod abi;

fn main() -> Result<(), env::VarError> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/abi.rs");
    let abi = abi::BROKER_ABI_VERSION;
    match env::var("CARGO_CFG_TARGET_OS")?.as_str() {
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libbroker.{abi}.dylib"),
        "windows" => {}
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libbroker.so.{abi}"),
    }
    Ok(())
}
