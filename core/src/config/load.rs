//! Defaults < file < given properties and flags. The only part of `config` that touches the system.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

use super::properties::Document;
use super::rejection::{Origin, Rejection, into_error};
use super::{Config, Machine, Profile, Program, cross, table};

/// Where a configuration comes from.
#[derive(Clone)]
pub struct Sources<'a> {
    program: Program,
    profile: Profile,
    machine: &'a Machine,
    file: Option<PathBuf>,
    given: Vec<(Origin, String, String)>,
}

impl<'a> Sources<'a> {
    /// Defaults only.
    pub fn new(program: Program, profile: Profile, machine: &'a Machine) -> Self {
        Self { program, profile, machine, file: None, given: Vec::new() }
    }

    /// Reads this properties file.
    pub fn file(&mut self, path: impl Into<PathBuf>) {
        self.file = Some(path.into());
    }

    /// Adds a value that wins over the file, and over what was given before it.
    pub fn give(&mut self, origin: Origin, key: impl Into<String>, value: impl Into<String>) {
        self.given.push((origin, key.into(), value.into()));
    }

    /// Puts the sources together. Everything that is wrong is in one error, one line each.
    pub fn load(&self) -> Result<Loaded, Error> {
        let mut entries: Vec<(Origin, String, String)> = Vec::new();
        if let Some(path) = &self.file {
            let bytes = std::fs::read(path)
                .map_err(|cause| Error::io(format!("cannot read {}", path.display()), &cause))?;
            let document = Document::parse(&bytes).map_err(|malformed| {
                Error::new(ErrorKind::Config, format!("{}:{malformed}", path.display()))
            })?;
            entries.extend(document.entries().map(|entry| {
                let origin = Origin::Line { path: path.clone(), line: entry.line };
                (origin, entry.key.clone(), entry.value.clone())
            }));
        }
        entries.extend(self.given.iter().cloned());
        self.evaluate(entries).map_err(|rejections| into_error(&rejections))
    }

    fn evaluate(&self, entries: Vec<(Origin, String, String)>) -> Result<Loaded, Vec<Rejection>> {
        let defaults = Config::new(self.program, self.profile, self.machine);
        let mut loaded = Loaded {
            config: defaults.clone(),
            file: self.file.clone(),
            notes: Vec::new(),
            given: BTreeMap::new(),
        };
        let mut rejections = Vec::new();
        for (origin, key, value) in entries {
            loaded.take(origin, key, value, &mut rejections);
        }
        cross::check(self.program, &mut loaded, &mut rejections);
        cross::check_environment(self.machine, &loaded, &mut rejections);
        cross::note_without_effect(&defaults, &mut loaded);
        let own_home = self.program == Program::Namesrv && self.profile == Profile::Server;
        if !own_home || loaded.given.contains_key("storePathRootDir") {
            loaded.place_namesrv_files();
        }
        if rejections.is_empty() { Ok(loaded) } else { Err(rejections) }
    }
}

/// A configuration with what is known about its making.
#[derive(Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The properties file it was read from.
    pub file: Option<PathBuf>,
    /// What the operator should know: keys without effect, values that were adjusted.
    pub notes: Vec<String>,
    given: BTreeMap<String, (Origin, String)>,
}

/// Without the given texts, which may be key material.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// The value that was given for `key` by a file, a flag or a property, without blanks around it.
    pub fn given(&self, key: &str) -> Option<String> {
        self.given.get(key).map(|(_, value)| value.trim().to_owned())
    }

    pub(super) fn origin_of(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Combination, |(origin, _)| origin.clone())
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Sets one entry in every object that has the key.
    fn take(&mut self, origin: Origin, key: String, value: String, rejections: &mut Vec<Rejection>) {
        let mut known = false;
        let mut refused = None;
        for row in table::rows_of(&key) {
            known = true;
            match row.set(&mut self.config, &value) {
                Ok(()) if row.is_clamped(&value) => {
                    let used = row.get(&self.config).unwrap_or_default();
                    self.notes.push(format!("{key}={}: {used} is used", value.trim()));
                }
                Ok(()) => {}
                Err(allowed) => refused = Some(allowed),
            }
        }
        match (known, refused) {
            (false, _) => rejections.push(Rejection::unknown(origin.clone(), &key, &value)),
            (true, Some(allowed)) => {
                let allowed =
                    if allowed.starts_with("only ") { allowed } else { format!("expected {allowed}") };
                rejections.push(Rejection::new(origin.clone(), &key, value.trim(), allowed));
            }
            (true, None) => {}
        }
        self.given.insert(key, (origin, value));
    }

    /// A NameServer inside a broker keeps its files below the store root, so that two brokers never share them.
    /// `mqnamesrv` has Java's paths below the home directory, unless a store root is given.
    fn place_namesrv_files(&mut self) {
        let dir = self.config.store.store_path_root_dir.join("namesrv");
        if !self.given.contains_key("kvConfigPath") {
            self.config.namesrv.kv_config_path = dir.join("kvConfig.json");
        }
        if !self.given.contains_key("configStorePath") {
            self.config.namesrv.config_store_path = dir.join("namesrv.properties");
        }
    }

    /// Moves the store root, and with it what follows it.
    pub fn move_store(&mut self, root: &Path) {
        self.config.store.store_path_root_dir = root.to_owned();
        self.place_namesrv_files();
    }
}

/// Puts `changes` into the properties file at `path`: lines of changed keys are rewritten in place, new keys go to the
/// end, comments and order stay. The file is replaced as a whole (write beside, sync, rename) and created when missing.
pub fn rewrite(path: &Path, changes: &[(&str, &str)]) -> Result<(), Error> {
    let failed = |cause: std::io::Error| Error::io(format!("cannot rewrite {}", path.display()), &cause);
    // A symbolic link stays one: the file it names is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(cause) => return Err(failed(cause)),
    };
    let mut document = Document::parse(&bytes)
        .map_err(|malformed| Error::new(ErrorKind::Config, format!("{}:{malformed}", path.display())))?;
    for (key, value) in changes {
        document.set(key, value);
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut beside = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    if let Ok(metadata) = std::fs::metadata(path) {
        beside.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
    }
    beside.write_all(document.to_text().as_bytes()).map_err(failed)?;
    beside.as_file().sync_all().map_err(failed)?;
    beside.persist(path).map_err(|persist| failed(persist.error))?;
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}
