//! Request code → processor and lane.

use std::collections::HashMap;
use std::sync::Arc;

use crate::format::wire::codes::ResponseCode;
use crate::format::wire::command::Response;
use crate::net::{Faults, Processor};
use crate::runtime::lanes::Lane;

/// Codes below this are found by index.
const DENSE_CODES: usize = 512;

/// Where a processor runs.
#[derive(Debug, Clone)]
pub enum LaneChoice {
    /// On the I/O thread, as part of reading: for processors that cannot block. The fastest way.
    Inline,
    /// On the workers of a lane.
    Workers(Arc<Lane>),
}

#[derive(Clone)]
pub(super) struct Route {
    pub(super) processor: Arc<dyn Processor>,
    pub(super) lane: LaneChoice,
}

/// Finds the processor of a request code. Built once, before the server starts.
#[derive(Clone, Default)]
pub struct Router {
    dense: Vec<Option<Route>>,
    sparse: HashMap<i32, Route>,
    default: Option<Route>,
    silent: bool,
    pub(super) faults: Faults,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let routes = self.dense.iter().flatten().count() + self.sparse.len();
        f.debug_struct("Router").field("routes", &routes).field("silent", &self.silent).finish()
    }
}

impl Router {
    /// No routes: every code is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends requests of `code` to `processor` on `lane`; a later route of the same code replaces it.
    pub fn route(
        &mut self,
        code: impl Into<i32>,
        processor: Arc<dyn Processor>,
        lane: LaneChoice,
    ) -> &mut Self {
        let code = code.into();
        let route = Route { processor, lane };
        match usize::try_from(code) {
            Ok(index) if index < DENSE_CODES => {
                if self.dense.is_empty() {
                    self.dense.resize_with(DENSE_CODES, || None);
                }
                if let Some(slot) = self.dense.get_mut(index) {
                    *slot = Some(route);
                }
            }
            _ => {
                self.sparse.insert(code, route);
            }
        }
        self
    }

    /// Sends requests of every code without a route to `processor` on `lane`.
    pub fn route_default(&mut self, processor: Arc<dyn Processor>, lane: LaneChoice) -> &mut Self {
        self.default = Some(Route { processor, lane });
        self
    }

    /// Forgets the route of `code` (the fast port of a broker does not pull).
    pub fn remove(&mut self, code: impl Into<i32>) -> &mut Self {
        let code = code.into();
        if let Some(slot) = usize::try_from(code).ok().and_then(|index| self.dense.get_mut(index)) {
            *slot = None;
        }
        self.sparse.remove(&code);
        self
    }

    /// Unknown codes get no answer, as at the NameServer, instead of code 3.
    pub fn silent_when_unknown(&mut self) -> &mut Self {
        self.silent = true;
        self
    }

    /// Lets requests fail on cue.
    pub fn fail_by(&mut self, faults: Faults) -> &mut Self {
        self.faults = faults;
        self
    }

    pub(super) fn find(&self, code: i32) -> Option<&Route> {
        let dense = usize::try_from(code).ok().and_then(|index| self.dense.get(index)?.as_ref());
        dense
            .or_else(|| if self.sparse.is_empty() { None } else { self.sparse.get(&code) })
            .or(self.default.as_ref())
    }

    /// The answer to a code without a route, if there is one. The remark starts with a blank (remoting.md §7).
    pub(super) fn unknown(&self, code: i32) -> Option<Response> {
        let remark = || format!(" request type {code} not supported");
        (!self.silent).then(|| Response::error(ResponseCode::RequestCodeNotSupported, remark()))
    }
}
