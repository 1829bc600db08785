//! What may change at run time (UPDATE_BROKER_CONFIG).
//!
//! A change makes a new snapshot; readers take the one that is current and never wait. A key that is fixed keeps its
//! value until the next start, and is written to the file all the same, as in Java.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};

use super::load::rewrite;
use super::rejection::{Origin, Rejection, into_error};
use super::{Config, KeyList, Loaded, Section, cross, table};

/// Keys that no remote update may contain, besides those listed in `configBlackList` (spec config.json, `runtimeUpdate`).
const NEVER_BROKER: &[&str] = &["brokerConfigPath", "rocketmqHome", "configBlackList"];
const NEVER_NAMESRV: &[&str] = &["configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"];

/// Which of the two servers an update is for; they differ in black list and file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// UPDATE_BROKER_CONFIG.
    Broker,
    /// UPDATE_NAMESRV_CONFIG.
    Namesrv,
}

impl Audience {
    /// The objects whose keys belong to it.
    pub const fn sections(self) -> &'static [Section] {
        match self {
            Audience::Broker => &Section::ALL,
            Audience::Namesrv => &[Section::Namesrv, Section::Server],
        }
    }

    fn never(self) -> &'static [&'static str] {
        match self {
            Audience::Broker => NEVER_BROKER,
            Audience::Namesrv => NEVER_NAMESRV,
        }
    }

    fn black_list(self, config: &Config) -> &KeyList {
        match self {
            Audience::Broker => &config.broker.config_black_list,
            Audience::Namesrv => &config.namesrv.config_black_list,
        }
    }
}

/// What an update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// Keys that have their new value now.
    pub applied: Vec<&'static str>,
    /// Keys that get it at the next start.
    pub after_restart: Vec<&'static str>,
    /// Keys that nobody knows; Java ignores them too.
    pub unknown: Vec<String>,
}

/// Why an update did nothing at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateError {
    /// It contains a key of the black list; the answer is NO_PERMISSION (16).
    Forbidden(String),
    /// Values that are not taken; the text names each with what is allowed.
    Rejected(Error),
}

/// The current configuration of one process handle. Clones share it.
#[derive(Debug, Clone)]
pub struct LiveConfig(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    current: ArcSwap<Config>,
    /// The configuration that the next start would have; also serializes updates.
    next: Mutex<Config>,
    file: Option<PathBuf>,
}

impl LiveConfig {
    /// Starts with what was loaded.
    pub fn new(loaded: &Loaded) -> Self {
        Self::with_file(loaded.config.clone(), loaded.file.clone())
    }

    /// Starts with `config`; updates are written to `file`, else to the default file of the program.
    pub fn with_file(config: Config, file: Option<PathBuf>) -> Self {
        Self(Arc::new(Cell {
            current: ArcSwap::from_pointee(config.clone()),
            next: Mutex::new(config),
            file,
        }))
    }

    /// The current values. Cheap: no lock, no copy. Take it once per request, so that one request sees one state.
    pub fn load(&self) -> arc_swap::Guard<Arc<Config>> {
        self.0.current.load()
    }

    /// The current values, to keep.
    pub fn snapshot(&self) -> Arc<Config> {
        self.0.current.load_full()
    }

    /// What GET_BROKER_CONFIG or GET_NAMESRV_CONFIG shows: like Java, a fixed key with the value it was given last.
    pub fn dump(&self, audience: Audience) -> Vec<(&'static str, String)> {
        self.0.next.lock().dump(audience.sections())
    }

    /// Applies the properties of an update: all of them, or none. Writing the file is [`LiveConfig::persist`].
    pub fn update(&self, audience: Audience, properties: &[(String, String)]) -> Result<Update, UpdateError> {
        let mut next = self.0.next.lock();
        let forbidden =
            |key: &str| audience.never().contains(&key) || audience.black_list(&next).contains(key);
        if let Some((key, _)) = properties.iter().find(|(key, _)| forbidden(key)) {
            return Err(UpdateError::Forbidden(key.clone()));
        }
        let mut changed = next.clone();
        let mut current = Config::clone(&self.0.current.load());
        let mut update = Update::default();
        let mut rejections = Vec::new();
        for (key, value) in properties {
            let mut rows =
                table::rows_of(key).filter(|row| audience.sections().contains(&row.section())).peekable();
            if rows.peek().is_none() {
                update.unknown.push(key.clone());
            }
            for row in rows {
                if let Err(allowed) = row.set(&mut changed, value) {
                    rejections.push(Rejection::not_taken(Origin::Property, key, value, &allowed));
                    continue;
                }
                let list = if row.is_live() { &mut update.applied } else { &mut update.after_restart };
                if !list.contains(&row.key()) {
                    list.push(row.key());
                }
                if row.is_live() {
                    let _ = row.set(&mut current, value);
                }
            }
        }
        if audience == Audience::Broker {
            rejections.extend(cross::combinations(&changed));
        }
        if !rejections.is_empty() {
            return Err(UpdateError::Rejected(into_error(&rejections)));
        }
        changed.follow();
        *next = changed;
        self.0.current.store(Arc::new(current));
        Ok(update)
    }

    /// Writes the keys of `update` to the file, keeping its comments. Java rewrites the whole file instead.
    pub fn persist(&self, audience: Audience, update: &Update) -> Result<(), Error> {
        let next = self.0.next.lock();
        let path = match (&self.0.file, audience) {
            (Some(file), _) => file.clone(),
            (None, Audience::Broker) => next.update_file(),
            (None, Audience::Namesrv) => next.namesrv.config_store_path.clone(),
        };
        let changes: Vec<(&str, String)> = update
            .applied
            .iter()
            .chain(&update.after_restart)
            .filter_map(|key| {
                let row = table::rows_of(key).find(|row| audience.sections().contains(&row.section()))?;
                Some((row.key(), row.get(&next).unwrap_or_default()))
            })
            .collect();
        let changes: Vec<(&str, &str)> = changes.iter().map(|(key, value)| (*key, value.as_str())).collect();
        rewrite(&path, &changes)
    }

    /// Sets a value that is only known after start, such as the port that was free. It is not written to the file.
    pub fn settle(&self, change: impl Fn(&mut Config)) {
        let mut next = self.0.next.lock();
        change(&mut next);
        let mut current = Config::clone(&self.0.current.load());
        change(&mut current);
        self.0.current.store(Arc::new(current));
    }
}

impl From<UpdateError> for Error {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Forbidden(key) => {
                Error::new(ErrorKind::Config, format!("{key} must not be changed at run time"))
            }
            UpdateError::Rejected(error) => error,
        }
    }
}

#[cfg(test)]
mod tests;
