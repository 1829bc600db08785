//! Topics, groups and offsets; what the broker tells of itself, as JSON; what tests do with it.

use std::time::Duration;

use libbroker::embed::{Embedded, ResetTo};
use libbroker::{Error, ErrorKind};
use napi::Env;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use serde::Serialize;

use crate::errors::to_js;
use crate::handle::Handle;
use crate::numbers::{count, millis, whole};
use crate::options::invalid;
use crate::work::Work;

/// The promise of a call that only does something.
type Done = AsyncTask<Work<(), ()>>;
/// The promise of a JSON text.
type Json = AsyncTask<Work<String, String>>;

fn done(_: ()) {}

impl Handle {
    fn json<T: Serialize>(
        &self,
        env: Env,
        read: impl FnOnce(&Embedded) -> Result<T, Error> + Send + 'static,
    ) -> napi::Result<Json> {
        let render = move |broker: &Embedded| {
            let text = serde_json::to_string(&read(broker)?);
            text.map_err(|cause| Error::new(ErrorKind::Internal, format!("as JSON: {cause}")))
        };
        self.call(env, render, |text| text)
    }
}

#[napi]
impl Handle {
    /// Makes a topic.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn create_topic(&self, env: Env, name: String, queues: f64) -> napi::Result<Done> {
        let queues = count("queues", queues).map_err(|error| to_js(env, &error))?;
        self.call(env, move |broker| broker.create_topic(&name, queues), done)
    }

    /// Deletes a topic.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn delete_topic(&self, env: Env, name: String) -> napi::Result<Done> {
        self.call(env, move |broker| broker.delete_topic(&name), done)
    }

    /// Makes a group.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn create_group(&self, env: Env, name: String) -> napi::Result<Done> {
        self.call(env, move |broker| broker.create_group(&name), done)
    }

    /// Deletes a group with its offsets.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn delete_group(&self, env: Env, name: String) -> napi::Result<Done> {
        self.call(env, move |broker| broker.delete_group(&name), done)
    }

    /// Every topic.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn topics(&self, env: Env) -> napi::Result<Json> {
        self.json(env, Embedded::topics)
    }

    /// Every group.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn groups(&self, env: Env) -> napi::Result<Json> {
        self.json(env, Embedded::groups)
    }

    /// Every connection.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn connections(&self, env: Env) -> napi::Result<Json> {
        self.json(env, Embedded::connections)
    }

    /// How far a group is in each queue.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn offsets(&self, env: Env, group: String) -> napi::Result<Json> {
        self.json(env, move |broker| broker.offsets(&group))
    }

    /// What a group has not consumed yet.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn lag(&self, env: Env, group: String) -> napi::Result<AsyncTask<Work<i64, i64>>> {
        self.call(env, move |broker| broker.lag(&group), |lag| lag)
    }

    /// Sets a group's offset in a queue.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_offset(
        &self,
        env: Env,
        group: String,
        topic: String,
        queue: f64,
        offset: f64,
    ) -> napi::Result<Done> {
        let numbers = (|| Ok((count("queue", queue)?, whole("offset", offset)?)))();
        let (queue, offset) = numbers.map_err(|error| to_js(env, &error))?;
        self.call(env, move |broker| broker.set_offset(&group, &topic, queue, offset), done)
    }

    /// Sets a group's offsets in every queue of a topic: "first", "last", "offset" or "timestamp", the latter two with a value.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn reset_offset(
        &self,
        env: Env,
        group: String,
        topic: String,
        to: String,
        value: f64,
    ) -> napi::Result<Done> {
        let to = reset_to(&to, value).map_err(|error| to_js(env, &error))?;
        self.call(env, move |broker| broker.reset_offset(&group, &topic, to), done)
    }

    /// The configuration, by Java's names.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn config(&self, env: Env) -> napi::Result<Json> {
        self.json(env, Embedded::config)
    }

    /// What was counted.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn counters(&self, env: Env) -> napi::Result<Json> {
        self.json(env, Embedded::counters)
    }

    /// The state of the store, by Java's names.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn store_state(&self, env: Env) -> napi::Result<Json> {
        self.json(env, Embedded::store_state)
    }

    /// What the broker's clock says.
    #[napi(getter, catch_unwind)]
    pub fn now_ms(&self, env: Env) -> napi::Result<i64> {
        self.embedded().map(|broker| broker.now_ms()).map_err(|error| to_js(env, &error))
    }

    /// Moves the broker's clock.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn advance(&self, env: Env, by_ms: f64) -> napi::Result<Done> {
        let by: Duration = millis("ms", by_ms).map_err(|error| to_js(env, &error))?;
        self.call(env, move |broker| broker.advance(by), done)
    }

    /// Copies the store into an empty directory.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn snapshot(&self, env: Env, dir: String) -> napi::Result<Done> {
        self.call(env, move |broker| broker.snapshot(dir.as_ref()), done)
    }

    /// Deletes what tests make.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn clear(&self, env: Env) -> napi::Result<Done> {
        self.call(env, Embedded::clear, done)
    }
}

fn reset_to(to: &str, value: f64) -> Result<ResetTo, Error> {
    match to {
        "first" => Ok(ResetTo::First),
        "last" => Ok(ResetTo::Last),
        "offset" => Ok(ResetTo::Offset(whole("to", value)?)),
        "timestamp" => Ok(ResetTo::TimestampMs(whole("to", value)?)),
        other => Err(invalid(format!("to is {other:?}; it is \"first\", \"last\", an offset or a Date"))),
    }
}
