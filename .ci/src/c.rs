//! The tests of the C library: C programs, compiled as a user would, against the shared and the static library, as C++, and
//! watched by memcheck and AddressSanitizer.

mod library;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{CHECKED, Place, RELEASE};
use crate::steps::{Closing, Result, Runner};
use crate::tools;
use library::Library;

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-pthread"];

/// The standards that the header is valid in.
const STANDARDS: &[(&str, &str, &str)] =
    &[("cc", "c", "c99"), ("cc", "c", "c11"), ("c++", "c++", "c++11"), ("c++", "c++", "c++20")];

/// How a program is compiled, linked and run.
struct Variant {
    name: &'static str,
    compiler: &'static str,
    arguments: &'static [&'static str],
    shared: bool,
}

const SHARED: Variant = Variant { name: "shared", compiler: "cc", arguments: &["-std=c11"], shared: true };
const STATIC: Variant = Variant { name: "static", compiler: "cc", arguments: &["-std=c11"], shared: false };
const CXX: Variant =
    Variant { name: "cxx", compiler: "c++", arguments: &["-x", "c++", "-std=c++17"], shared: true };
const ASAN: Variant = Variant {
    name: "asan",
    compiler: "cc",
    arguments: &["-std=c11", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"],
    shared: true,
};

/// Programs that take long, and are run once.
const LONG: &[&str] = &["scenarios"];

/// What memcheck and AddressSanitizer end with when they found something.
const FOUND: i32 = 99;

/// Compiles and runs every program of tests/c in every variant.
pub fn test(place: &Place, out: &mut Closing) -> Result {
    let folder = place.target("c-tests");
    fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let library = Library::assemble(place, CHECKED, folder.join("prefix"))?;
    let programs = Programs { place, library, folder };
    programs.header(out)?;
    let mut sources = programs.sources("tests/c")?;
    sources.push(programs.shown("README.md", "readme.c")?);
    sources.push(programs.shown("docs/testing-with-c.md", "testing_with_c.c")?);
    for source in &sources {
        let is_long = LONG.iter().any(|name| source.file_stem().is_some_and(|stem| stem == *name));
        programs.run(out, source, &SHARED)?;
        if !is_long {
            programs.run(out, source, &STATIC)?;
            programs.run(out, source, &CXX)?;
            programs.run(out, source, &ASAN)?;
            programs.memcheck(out, source)?;
        }
    }
    // Programs with a defect, which must be found: else the tools above see nothing.
    for source in programs.sources("tests/c/defects")? {
        programs.must_be_found(out, &source)?;
    }
    Ok(())
}

/// Puts the library together for others: include/, lib/ and lib/pkgconfig.
pub fn library(place: &Place) -> Result {
    let library = Library::assemble(place, RELEASE, place.target("c-library"))?;
    println!("{}", library.prefix().display());
    Ok(())
}

struct Programs<'a> {
    place: &'a Place,
    library: Library,
    folder: PathBuf,
}

impl Programs<'_> {
    /// The C programs of a folder.
    fn sources(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let folder = self.place.root().join(folder);
        let entries = fs::read_dir(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
        let paths = entries.flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|e| e == "c")).collect();
        paths.sort();
        if paths.is_empty() { Err(format!("no C program in {}", folder.display())) } else { Ok(paths) }
    }

    /// The C program that a page shows, as a file.
    fn shown(&self, page: &str, file: &str) -> Result<PathBuf> {
        let text =
            fs::read_to_string(self.place.root().join(page)).map_err(|cause| format!("{page}: {cause}"))?;
        let block = text.split_once("```c\n").and_then(|(_, rest)| rest.split_once("```"));
        let (block, _) = block.ok_or_else(|| format!("{page} shows no C program"))?;
        let path = self.folder.join(file);
        fs::write(&path, block).map_err(|cause| format!("{}: {cause}", path.display()))?;
        Ok(path)
    }

    /// The header is valid in every standard, and so are the initial values it offers.
    fn header(&self, out: &mut Closing) -> Result {
        let source = self.folder.join("header.c");
        let kinds = ["options", "message", "send_result", "query", "fault"];
        let values = kinds.map(|kind| {
            format!(
                "broker_{kind}_t {kind}(void) {{ broker_{kind}_t it = BROKER_{}_INIT; return it; }}\n",
                kind.to_uppercase()
            )
        });
        let declared = kinds.map(|kind| format!("broker_{kind}_t {kind}(void);\n"));
        let text = format!("#include \"broker.h\"\n{}{}", declared.concat(), values.concat());
        fs::write(&source, text).map_err(|cause| format!("{}: {cause}", source.display()))?;
        for (compiler, language, standard) in STANDARDS {
            if self.is_missing(compiler, "the header", standard) {
                continue;
            }
            let mut command = self.place.command(compiler);
            command.args(["-x", language, &format!("-std={standard}"), "-fsyntax-only"]).args(WARNINGS);
            out.run(command.arg("-I").arg(self.library.include()).arg(&source), Runner::None)?;
        }
        Ok(())
    }

    fn is_missing(&self, tool: &str, what: &str, variant: &str) -> bool {
        let missing = !tools::present(tool);
        if missing {
            println!("skipped: {what} as {variant}, for want of `{tool}`");
        }
        missing
    }

    fn run(&self, out: &mut Closing, source: &Path, variant: &Variant) -> Result {
        if self.is_missing(variant.compiler, &source.display().to_string(), variant.name) {
            return Ok(());
        }
        let binary = self.compile(out, source, variant)?;
        out.run(&mut self.start(&binary), Runner::Tap)
    }

    fn memcheck(&self, out: &mut Closing, source: &Path) -> Result {
        if self.is_missing("valgrind", &source.display().to_string(), "memcheck") {
            return Ok(());
        }
        out.run(&mut self.watched(&self.binary(source, &SHARED)), Runner::Tap)
    }

    /// Runs a program that has a defect, and fails unless both tools end it with [`FOUND`].
    fn must_be_found(&self, out: &mut Closing, source: &Path) -> Result {
        let shared = self.compile(out, source, &SHARED)?;
        let mut watched = vec![("AddressSanitizer", self.start(&self.compile(out, source, &ASAN)?))];
        if !self.is_missing("valgrind", &source.display().to_string(), "memcheck") {
            watched.push(("memcheck", self.watched(&shared)));
        }
        for (tool, mut command) in watched {
            let output = command.output().map_err(|cause| format!("{tool}: {cause}"))?;
            if output.status.code() != Some(FOUND) {
                let text = String::from_utf8_lossy(&output.stderr);
                return Err(format!(
                    "{tool} did not find the defect of {}: {}\n{text}",
                    source.display(),
                    output.status
                ));
            }
            println!("{tool} found the defect of {}", source.display());
        }
        Ok(())
    }

    /// The program, to be run where it may leave files: if it dies, what it leaves lies under target/.
    fn start(&self, binary: &Path) -> Command {
        self.prepared(self.place.command(binary))
    }

    /// Blocks that only the inside of is pointed to count as held: `jiff` keeps its time zone that way, with bits in the pointer.
    fn watched(&self, binary: &Path) -> Command {
        let mut command = self.place.command("valgrind");
        command.args(["--quiet", "--leak-check=full", "--show-leak-kinds=definite"]);
        command.arg("--errors-for-leak-kinds=definite");
        command.args([&format!("--error-exitcode={FOUND}"), "--fair-sched=yes"]).arg(binary);
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(&self.folder);
        command.env("ASAN_OPTIONS", format!("detect_leaks=1:exitcode={FOUND}"));
        command.env("SCENARIOS", self.place.root().join("tests/scenarios/scenarios.tsv"));
        command
    }

    fn binary(&self, source: &Path, variant: &Variant) -> PathBuf {
        let stem = source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        self.folder.join(format!("{stem}-{}", variant.name))
    }

    fn compile(&self, out: &mut Closing, source: &Path, variant: &Variant) -> Result<PathBuf> {
        let binary = self.binary(source, variant);
        let mut command = self.place.command(variant.compiler);
        command.args(variant.arguments).args(WARNINGS);
        command.arg("-I").arg(self.place.root().join("tests/c")).arg(source);
        // What follows is no source any more.
        command.args(["-x", "none", "-o"]).arg(&binary);
        let mut flags = self.library.flags(self.place, !variant.shared)?;
        if variant.shared {
            flags.push(format!("-Wl,-rpath,{}", self.library.lib().display()));
        } else {
            // By its name the linker would prefer the shared one.
            for flag in flags.iter_mut().filter(|flag| *flag == "-lbroker") {
                *flag = self.library.lib().join("libbroker.a").display().to_string();
            }
        }
        out.run(command.args(flags), Runner::None)?;
        if variant.name == ASAN.name {
            let symbols = library::read(self.place, "nm", &["-D"], &binary)?;
            if !symbols.contains("__asan_init") {
                return Err(format!("{} was built without AddressSanitizer", binary.display()));
            }
        }
        Ok(binary)
    }
}
