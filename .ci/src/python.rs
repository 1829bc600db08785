//! The Python package: its wheel, installed into a fresh environment, tested from there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::{CHECKED, Place};
use crate::steps::{Closing, Result, Runner};

/// Builds the wheel, installs it into target/venv and runs pytest and the stub check.
pub fn test(place: &Place, out: &mut Closing) -> Result {
    let wheel = wheel(place, out, CHECKED)?;
    let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"];
    out.run(place.command(in_venv(place, "python")).args(install).arg(&wheel), Runner::None)?;
    // The program `pytest` and not `python -m pytest`: the latter would import the sources instead of the wheel.
    let mut pytest = place.command(in_venv(place, "pytest"));
    out.run(
        pytest.args(["--import-mode=importlib", "-p", "no:cacheprovider", "tests/python"]),
        Runner::Pytest,
    )?;
    let mut stubtest = place.command(in_venv(place, "stubtest"));
    out.run(stubtest.current_dir(place.target("")).arg("libbroker._native"), Runner::None)
}

/// Builds the wheel with `profile` and answers its path.
pub fn wheel(place: &Place, out: &mut Closing, profile: &str) -> Result<PathBuf> {
    let folder = place.target("wheels").join(profile);
    environment(place, out)?;
    // Wheels of other versions must not be mistaken for this one.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    }
    let mut maturin = place.command(in_venv(place, "maturin"));
    maturin
        .args(["build", "--manifest-path", "python/Cargo.toml", "--profile", profile, "--out"])
        .arg(&folder);
    maturin.arg("--interpreter").arg(in_venv(place, "python"));
    out.run(&mut maturin, Runner::None)?;
    only_wheel(&folder)
}

/// Makes target/venv with the tools of python/requirements-dev.txt.
fn environment(place: &Place, out: &mut Closing) -> Result {
    let python = in_venv(place, "python");
    if !python.exists() {
        out.run(place.command("python3").args(["-m", "venv"]).arg(place.target("venv")), Runner::None)?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    out.run(place.command(&python).args(install).args(["-r", "python/requirements-dev.txt"]), Runner::None)
}

fn in_venv(place: &Place, program: &str) -> PathBuf {
    place.target("venv").join("bin").join(program)
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match paths.as_slice() {
        [wheel] => Ok(wheel.clone()),
        _ => Err(format!("expected one wheel in {}, found {}", folder.display(), paths.len())),
    }
}
