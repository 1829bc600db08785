//! Builds the client programs and fetches their libraries, once, into `tests/work/`.
//!
//! Each part is redone when one of its input files changes. A missing tool is an error that says what to install: a test
//! that cannot run must not look like one that passed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::dirs::{tests_dir, work_dir};
use super::process::tail;

/// Class path of the Java client programs: our driver, client 4.9.8, admin tools 4.9.8.
pub fn java_driver() -> &'static str {
    static CLASS_PATH: LazyLock<String> = LazyLock::new(|| {
        let project = tests_dir().join("clients/java/driver");
        let built = prepared("java-driver", &[project.join("pom.xml"), project.join("src")], |target| {
            maven(&project, target, &["compile", "dependency:copy-dependencies"]);
        });
        format!("{}:{}/*", built.join("classes").display(), built.join("lib").display())
    });
    &CLASS_PATH
}

/// Class path of the Java servers: broker and NameServer 4.9.7.
pub fn java_servers() -> &'static str {
    static CLASS_PATH: LazyLock<String> = LazyLock::new(|| {
        let project = tests_dir().join("clients/java/servers");
        let built = prepared("java-servers", &[project.join("pom.xml")], |target| {
            maven(&project, target, &["dependency:copy-dependencies"]);
        });
        format!("{}/*", built.join("lib").display())
    });
    &CLASS_PATH
}

/// The Go client program.
pub fn go_driver() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let module = tests_dir().join("clients/go");
        let built = prepared("go-driver", std::slice::from_ref(&module), |target| {
            let mut go = Command::new("go");
            go.current_dir(&module).args(["build", "-o"]).arg(target.join("driver")).arg(".");
            run(go, "the Go tool chain, 1.21 or later", target);
        });
        built.join("driver")
    });
    &PROGRAM
}

/// A Python interpreter with the package `rocketmq`, which carries the C++ client library inside its wheel.
pub fn python() -> &'static Path {
    static INTERPRETER: LazyLock<PathBuf> = LazyLock::new(|| {
        let requirements = tests_dir().join("clients/python/requirements.txt");
        let built = prepared("python-client", std::slice::from_ref(&requirements), |target| {
            let mut venv = Command::new("python3");
            venv.args(["-m", "venv"]).arg(target.join("venv"));
            run(venv, "Python 3 with the venv module", target);
            let mut pip = Command::new(target.join("venv/bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements);
            run(pip, "pip, and access to a package index", target);
        });
        built.join("venv/bin/python")
    });
    &INTERPRETER
}

fn maven(project: &Path, target: &Path, goals: &[&str]) {
    let mut maven = Command::new("mvn");
    maven
        .current_dir(project)
        .args(["--quiet", "--batch-mode", "--no-transfer-progress"])
        .arg(format!("-Dwork.directory={}", target.display()))
        .args(goals);
    run(maven, "Maven 3 and a JDK, 11 or later", target);
}

fn run(mut command: Command, needed: &str, target: &Path) {
    let log = target.join("build.log");
    let open = || {
        let file = File::options().create(true).append(true).open(&log);
        file.unwrap_or_else(|e| panic!("cannot open {}: {e}", log.display()))
    };
    let status = command
        .stdout(open())
        .stderr(open())
        .status()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}\nthis test needs {needed}"));
    assert!(status.success(), "{command:?} failed: {status}\nthis test needs {needed}\n{}", tail(&log, 60));
}

/// The folder `tests/work/<name>`, filled by `build` unless the last fill had the same inputs. Test processes that run at the
/// same time wait for each other.
fn prepared(name: &str, inputs: &[PathBuf], build: impl FnOnce(&Path)) -> PathBuf {
    let work = work_dir();
    fs::create_dir_all(&work).unwrap_or_else(|e| panic!("cannot create {}: {e}", work.display()));
    let lock = File::create(work.join(format!("{name}.lock")))
        .unwrap_or_else(|e| panic!("lock file of {name}: {e}"));
    lock.lock().unwrap_or_else(|e| panic!("cannot lock {name}: {e}"));
    let target = work.join(name);
    let stamp = target.join("stamp");
    let wanted = digest(inputs);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return target;
    }
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).unwrap_or_else(|e| panic!("cannot create {}: {e}", target.display()));
    build(&target);
    fs::write(&stamp, wanted).unwrap_or_else(|e| panic!("cannot write {}: {e}", stamp.display()));
    target
}

fn digest(inputs: &[PathBuf]) -> String {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        hash_tree(input, &mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn hash_tree(path: &Path, hasher: &mut DefaultHasher) {
    path.file_name().map(OsStr::as_encoded_bytes).hash(hasher);
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap_or_else(|e| panic!("cannot list {}: {e}", path.display()));
        let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            hash_tree(&entry, hasher);
        }
    } else {
        fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display())).hash(hasher);
    }
}
