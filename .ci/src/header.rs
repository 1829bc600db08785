//! Generates include/broker.h from ffi/src: `header write` puts it in place, `header check` fails when another is there.

// This crate is a program for the terminal.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&root).parent().ok_or("the ci crate has no parent folder")?;
    let path = root.join("include/broker.h");
    let generated = generate(&root.join("ffi"))?;
    match env::args().nth(1).as_deref() {
        Some("write") => fs::write(path, generated)?,
        Some("check") if fs::read_to_string(path)? == generated => println!("include/broker.h is up to date"),
        Some("check") => {
            return Err(
                "include/broker.h is not what ffi/src says: run `cargo ci header` and commit it".into()
            );
        }
        _ => return Err("usage: header write|check".into()),
    }
    Ok(())
}

fn generate(ffi: &Path) -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config::from_file(ffi.join("cbindgen.toml"))?;
    config.after_includes = config.after_includes.map(|text| with_version(&text));
    let bindings = cbindgen::Builder::new().with_crate(ffi).with_config(config).generate()?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    // cbindgen takes the prefix of the constants from the type's name, `_t` and all.
    Ok(String::from_utf8(header)?.replace("BROKER_STATUS_T_", "BROKER_STATUS_"))
}

/// Fills in the version of the workspace.
fn with_version(text: &str) -> String {
    text.replace("@MAJOR@", env!("CARGO_PKG_VERSION_MAJOR"))
        .replace("@MINOR@", env!("CARGO_PKG_VERSION_MINOR"))
        .replace("@PATCH@", env!("CARGO_PKG_VERSION_PATCH"))
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
}
