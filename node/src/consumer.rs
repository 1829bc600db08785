//! A member of a group in this process.

use std::sync::Arc;

use libbroker::embed;
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Function};
use napi_derive::napi;

use crate::errors::to_js;
use crate::handle::Handle;
use crate::held::Held;
use crate::messages::Message;
use crate::numbers::whole;
use crate::wake::{Wake, signal};
use crate::work::{Work, promise};

/// A member of a group.
#[napi]
pub struct Consumer {
    inner: Held<Arc<embed::Consumer>>,
}

/// A message that waits for its acknowledgement.
#[napi]
pub struct Delivery {
    inner: Held<Arc<embed::Delivery>>,
}

#[napi]
impl Handle {
    /// Joins a group.
    #[napi(catch_unwind, ts_return_type = "Promise<Consumer>")]
    pub fn consume(
        &self,
        env: Env,
        topic: String,
        group: String,
        tags: String,
    ) -> napi::Result<AsyncTask<Work<embed::Consumer, Consumer>>> {
        let join = move |broker: &embed::Embedded| broker.consume(&topic, &group, &tags);
        self.call(env, join, |inner| Consumer { inner: Held::new(Arc::new(inner)) })
    }
}

#[napi]
impl Consumer {
    /// The next message, null when there is none now. It reads from memory, so it runs on the event loop.
    #[napi(catch_unwind)]
    pub fn try_next(&self, env: Env) -> napi::Result<Option<Delivery>> {
        let delivery = self.inner.try_next().map_err(|error| to_js(env, &error))?;
        Ok(delivery.map(|inner| Delivery { inner: Held::new(Arc::new(inner)) }))
    }

    /// Calls `callback` when there may be a next message.
    #[napi(catch_unwind)]
    pub fn on_change(&self, callback: Function<'_, (), ()>) -> napi::Result<Wake> {
        Ok(Wake::new(self.inner.on_change(signal(callback)?)))
    }

    /// Leaves the group.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<Work<(), ()>> {
        let inner = Arc::clone(&self.inner);
        let leave = move || {
            inner.close();
            Ok(())
        };
        promise(leave, |()| ())
    }
}

#[napi]
impl Delivery {
    /// The message.
    #[napi(getter, catch_unwind)]
    pub fn message(&self) -> Message {
        Message::from(self.inner.message().clone())
    }

    /// It has been consumed. The offset moves in memory, so it runs on the event loop.
    #[napi(catch_unwind)]
    pub fn ack(&self, env: Env) -> napi::Result<()> {
        self.inner.ack().map_err(|error| to_js(env, &error))
    }

    /// It is to come again after a delay: 0 for the group's ladder, -1 for the dead letters.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn retry(&self, env: Env, delay_level: f64) -> napi::Result<AsyncTask<Work<(), ()>>> {
        let level = whole("delayLevel", delay_level).map_err(|error| to_js(env, &error))?;
        let level = i32::try_from(level).unwrap_or(i32::MAX);
        let inner = Arc::clone(&self.inner);
        Ok(promise(move || inner.retry(level), |()| ()))
    }
}
