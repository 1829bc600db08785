//! The tests of the C library: C programs, compiled as a user would, against the shared and the static library and as C++.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::{CHECKED, Place};
use crate::steps::{Closing, Result, Runner};
use crate::tools;

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-pthread"];

/// How a program is compiled and linked.
struct Variant {
    name: &'static str,
    compiler: &'static str,
    arguments: &'static [&'static str],
    shared: bool,
}

const VARIANTS: &[Variant] = &[
    Variant { name: "shared", compiler: "cc", arguments: &["-std=c11"], shared: true },
    Variant { name: "static", compiler: "cc", arguments: &["-std=c11"], shared: false },
    Variant { name: "cxx", compiler: "c++", arguments: &["-x", "c++", "-std=c++17"], shared: true },
];

/// Compiles and runs every program of tests/c in every variant.
pub fn test(place: &Place, out: &mut Closing) -> Result {
    let built = place.built(CHECKED);
    let folder = place.target("c-tests");
    fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let so_name = exports(place, &built.join("libbroker.so"))?;
    let library = folder.join(so_name);
    fs::copy(built.join("libbroker.so"), &library)
        .map_err(|cause| format!("{}: {cause}", library.display()))?;
    let readme = readme_program(place, &folder)?;
    for program in programs(place)?.into_iter().chain([readme]) {
        for variant in VARIANTS {
            if !tools::present(variant.compiler) {
                println!(
                    "skipped: {} as {}, for want of `{}`",
                    program.display(),
                    variant.name,
                    variant.compiler
                );
                continue;
            }
            let binary = compile(place, out, &program, variant, &library)?;
            // The programs leave nothing behind; if one dies, what it leaves lies under target/.
            out.run(place.command(binary).current_dir(&folder), Runner::Tap)?;
        }
    }
    Ok(())
}

fn programs(place: &Place) -> Result<Vec<PathBuf>> {
    let folder = place.root().join("tests/c");
    let entries = fs::read_dir(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "c")).collect();
    paths.sort();
    if paths.is_empty() { Err(format!("no C program in {}", folder.display())) } else { Ok(paths) }
}

/// The C program that the README shows, as a file.
fn readme_program(place: &Place, folder: &Path) -> Result<PathBuf> {
    let text =
        fs::read_to_string(place.root().join("README.md")).map_err(|cause| format!("README.md: {cause}"))?;
    let block = text.split_once("```c\n").and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.ok_or("README.md shows no C program")?;
    let path = folder.join("readme.c");
    fs::write(&path, block).map_err(|cause| format!("{}: {cause}", path.display()))?;
    Ok(path)
}

fn compile(
    place: &Place,
    out: &mut Closing,
    program: &Path,
    variant: &Variant,
    library: &Path,
) -> Result<PathBuf> {
    let stem = program.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = place.target("c-tests");
    let binary = folder.join(format!("{stem}-{}", variant.name));
    let mut command = place.command(variant.compiler);
    command.args(variant.arguments).args(WARNINGS);
    command.arg("-I").arg(place.root().join("include")).arg(program);
    // What follows is no source any more.
    command.args(["-x", "none", "-o"]).arg(&binary);
    if variant.shared {
        command.arg(library).arg(format!("-Wl,-rpath,{}", folder.display()));
    } else {
        command.arg(place.built(CHECKED).join("libbroker.a"));
        command.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]);
    }
    out.run(&mut command, Runner::None)?;
    Ok(binary)
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

fn read(place: &Place, program: &str, arguments: &[&str], library: &Path) -> Result<String> {
    let mut command = place.command(program);
    let output =
        command.args(arguments).arg(library).output().map_err(|cause| format!("{program}: {cause}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
