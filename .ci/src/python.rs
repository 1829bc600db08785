//! The Python package: its wheel, installed into fresh environments, tested from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{CHECKED, Place, RELEASE};
use crate::steps::{Closing, Result, Runner};

/// Makes `pip` quiet, and its questions for newer versions of itself.
const INSTALL: [&str; 5] = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];

/// Oldest C library of the wheels that are handed out: glibc 2.17, of 2012.
const COMPATIBLE: &str = "manylinux_2_17";

/// Builds the wheel, installs it into target/venv, and runs pytest and the checks of types; then installs the sources as users do.
pub fn test(place: &Place, out: &mut Closing) -> Result {
    environment(place, out)?;
    let wheel = build(place, out, CHECKED, &[])?;
    let tools = place.target("venv");
    let mut install = python(place, &tools);
    out.run(install.args(INSTALL).args(["--no-deps", "--force-reinstall"]).arg(&wheel), Runner::None)?;
    // The program `pytest` and not `python -m pytest`: the latter would import the sources instead of the wheel.
    out.run(pytest(place, &tools).arg("tests/python"), Runner::Pytest)?;
    types(place, out)?;

    let fresh = fresh_environment(place, out, "venv-sources")?;
    let mut install = python(place, &fresh);
    // What cargo has built for the wheel is taken as it is.
    install.env("MATURIN_PEP517_ARGS", format!("--profile {CHECKED}"));
    out.run(install.args(INSTALL).arg("./python"), Runner::None)?;
    installed(place, out, &fresh)
}

/// Builds the wheel that is handed out, into target/wheels, and installs it into an empty environment.
pub fn wheel(place: &Place, out: &mut Closing) -> Result {
    environment(place, out)?;
    let wheel = if cfg!(target_os = "linux") {
        let mut install = python(place, &place.target("venv"));
        out.run(install.args(INSTALL).args(["-r", "python/requirements-wheel.txt"]), Runner::None)?;
        build(place, out, RELEASE, &["--zig", "--compatibility", COMPATIBLE])?
    } else {
        build(place, out, RELEASE, &[])?
    };
    let fresh = fresh_environment(place, out, "venv-wheel")?;
    out.run(python(place, &fresh).args(INSTALL).arg(&wheel), Runner::None)?;
    installed(place, out, &fresh)?;
    println!("{}", wheel.display());
    Ok(())
}

/// Reads the package with mypy, and compares what it declares with what is there.
fn types(place: &Place, out: &mut Closing) -> Result {
    let tools = place.target("venv");
    // Away from the sources, so that the installed package is read.
    let in_tools = |program: &str| {
        let mut command = place.command(tools.join("bin").join(program));
        command.current_dir(place.target(""));
        command
    };
    let sample = place.root().join("tests/python/test_typing.py");
    out.run(in_tools("mypy").args(["--strict", "--package", "libbroker"]), Runner::None)?;
    out.run(in_tools("mypy").arg("--strict").arg(sample), Runner::None)?;
    let allowed = place.root().join("tests/python/stubtest-allowlist.txt");
    let mut stubtest = in_tools("stubtest");
    stubtest.args(["libbroker", "--ignore-unused-allowlist", "--allowlist"]).arg(allowed);
    out.run(&mut stubtest, Runner::None)
}

/// The package in an environment with nothing else, then with pytest.
fn installed(place: &Place, out: &mut Closing, environment: &Path) -> Result {
    // Isolated: neither this folder nor variables of the caller lead to other packages.
    out.run(python(place, environment).args(["-I", "tests/python/installed.py"]), Runner::None)?;
    let pinned = ["-c", "python/requirements-dev.txt"];
    out.run(python(place, environment).args(INSTALL).arg("pytest").args(pinned), Runner::None)?;
    out.run(pytest(place, environment).arg("tests/python/test_pytest_plugin.py"), Runner::Pytest)
}

/// Builds the wheel with `profile` and answers its path.
fn build(place: &Place, out: &mut Closing, profile: &str, more: &[&str]) -> Result<PathBuf> {
    let folder = place.target("wheels").join(profile);
    // Wheels of other versions must not be mistaken for this one.
    remove(&folder)?;
    let tools = place.target("venv").join("bin");
    let mut maturin = place.command(tools.join("maturin"));
    maturin
        .args(["build", "--manifest-path", "python/Cargo.toml", "--profile", profile, "--out"])
        .arg(&folder);
    maturin.arg("--interpreter").arg(tools.join("python")).args(more);
    // There is the `python3` that has zig.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools).chain(std::env::split_paths(&path));
    maturin.env("PATH", std::env::join_paths(folders).map_err(|cause| cause.to_string())?);
    out.run(&mut maturin, Runner::None)?;
    only_wheel(&folder)
}

/// Makes target/venv with the tools of python/requirements-dev.txt.
fn environment(place: &Place, out: &mut Closing) -> Result {
    let tools = place.target("venv");
    if !tools.join("bin/python").exists() {
        out.run(place.command("python3").args(["-m", "venv"]).arg(&tools), Runner::None)?;
    }
    out.run(python(place, &tools).args(INSTALL).args(["-r", "python/requirements-dev.txt"]), Runner::None)
}

/// An environment that is empty.
fn fresh_environment(place: &Place, out: &mut Closing, name: &str) -> Result<PathBuf> {
    let folder = place.target(name);
    remove(&folder)?;
    out.run(place.command("python3").args(["-m", "venv"]).arg(&folder), Runner::None)?;
    Ok(folder)
}

fn python(place: &Place, environment: &Path) -> Command {
    place.command(environment.join("bin/python"))
}

fn pytest(place: &Place, environment: &Path) -> Command {
    let mut command = place.command(environment.join("bin/pytest"));
    command.args(["--import-mode=importlib", "-p", "no:cacheprovider"]);
    command
}

fn remove(folder: &Path) -> Result {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    }
    Ok(())
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match paths.as_slice() {
        [wheel] => Ok(wheel.clone()),
        _ => Err(format!("expected one wheel in {}, found {}", folder.display(), paths.len())),
    }
}
