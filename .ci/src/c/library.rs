//! The C library as it is handed out: include/, lib/ and lib/pkgconfig below one folder that can be moved anywhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::steps::Result;

/// What a program needs that is linked with libbroker.a: what Rust's standard library uses.
const STATIC_NEEDS: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl";

/// The folder, with what the linker and `pkg-config` look for.
pub struct Library {
    prefix: PathBuf,
}

impl Library {
    /// Puts it together at `prefix` from what was built with `profile`. Checks what the shared library exports.
    pub fn assemble(place: &Place, profile: &str, prefix: PathBuf) -> Result<Self> {
        let library = Self { prefix };
        let built = place.built(profile);
        let so_name = exports(place, &built.join("libbroker.so"))?;
        for folder in [library.include(), library.pkgconfig()] {
            fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
        }
        let lib = library.lib();
        copy(&place.root().join("include/broker.h"), &library.include().join("broker.h"))?;
        copy(&built.join("libbroker.a"), &lib.join("libbroker.a"))?;
        copy(&built.join("libbroker.so"), &lib.join(&so_name))?;
        let link = lib.join("libbroker.so");
        if link.is_symlink() {
            fs::remove_file(&link).map_err(|cause| format!("{}: {cause}", link.display()))?;
        }
        symlink(&so_name, &link).map_err(|cause| format!("{}: {cause}", link.display()))?;
        let description = library.pkgconfig().join("libbroker.pc");
        fs::write(&description, pkg_config(env!("CARGO_PKG_VERSION")))
            .map_err(|cause| format!("{}: {cause}", description.display()))?;
        Ok(library)
    }

    /// Where it is.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Where the header is.
    pub fn include(&self) -> PathBuf {
        self.prefix.join("include")
    }

    /// Where the libraries are.
    pub fn lib(&self) -> PathBuf {
        self.prefix.join("lib")
    }

    /// Where the description for `pkg-config` is.
    pub fn pkgconfig(&self) -> PathBuf {
        self.lib().join("pkgconfig")
    }

    /// The arguments that `pkg-config` gives, or what it would give when there is none on this machine.
    pub fn flags(&self, place: &Place, is_static: bool) -> Result<Vec<String>> {
        let (include, lib) = (self.include().display().to_string(), self.lib().display().to_string());
        let mut flags = vec![format!("-I{include}"), format!("-L{lib}"), "-lbroker".to_owned()];
        if is_static {
            flags.extend(STATIC_NEEDS.split(' ').map(str::to_owned));
        }
        if !crate::tools::present("pkg-config") {
            println!("skipped: the flags that `pkg-config` gives, for want of it");
            return Ok(flags);
        }
        let mut command = place.command("pkg-config");
        command.env("PKG_CONFIG_PATH", self.pkgconfig()).args(["--cflags", "--libs"]);
        command.args(is_static.then_some("--static")).arg("libbroker");
        let output = command.output().map_err(|cause| format!("pkg-config: {cause}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // A folder it names relative to its own: compared as the same place.
        let given: Vec<String> = text.split_whitespace().map(plain).collect();
        if !output.status.success() || given != flags {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("pkg-config gives {given:?}, not {flags:?}: {errors}"));
        }
        Ok(given)
    }
}

/// A flag with `x/..` taken out of its path.
fn plain(flag: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in flag.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn copy(from: &Path, to: &Path) -> Result {
    fs::copy(from, to).map(drop).map_err(|cause| format!("{} to {}: {cause}", from.display(), to.display()))
}

/// The description for `pkg-config`. It finds its folder by itself.
fn pkg_config(version: &str) -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\n\
         includedir=${{prefix}}/include\n\
         libdir=${{prefix}}/lib\n\
         \n\
         Name: libbroker\n\
         Description: The Apache RocketMQ 4.9.8 broker and NameServer inside a process\n\
         Version: {version}\n\
         Cflags: -I${{includedir}}\n\
         Libs: -L${{libdir}} -lbroker\n\
         Libs.private: {STATIC_NEEDS}\n"
    )
}

/// Checks that the shared library exports nothing but `broker_…` and answers the name it asks to be loaded by.
fn exports(place: &Place, library: &Path) -> Result<String> {
    let symbols = read(place, "nm", &["-D", "--defined-only"], library)?;
    let names: Vec<&str> = symbols.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let strange: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with("broker_")).collect();
    if names.is_empty() || !strange.is_empty() {
        return Err(format!("{} must export only broker_… but has: {strange:?}", library.display()));
    }
    let dynamic = read(place, "readelf", &["-d"], library)?;
    let so_name = dynamic.lines().find(|line| line.contains("SONAME"));
    let so_name =
        so_name.and_then(|line| line.split(['[', ']']).nth(1)).ok_or("libbroker.so has no SONAME")?;
    println!("{so_name}: {} functions", names.len());
    Ok(so_name.to_owned())
}

/// What a program that looks at object files prints.
pub fn read(place: &Place, program: &str, arguments: &[&str], object: &Path) -> Result<String> {
    let mut command = place.command(program);
    let output =
        command.args(arguments).arg(object).output().map_err(|cause| format!("{program}: {cause}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_compared_by_place() {
        assert_eq!(plain("-I/a/lib/pkgconfig/../../include"), "-I/a/include");
        assert_eq!(plain("-lbroker"), "-lbroker");
    }
}
