use std::ffi::c_void;
use std::sync::{Arc, PoisonError, RwLock};

use libbroker::embed::{OnChange, Wake};

use crate::broker::{BrokerHandle, borrow};
use crate::consume::{BrokerConsumer, borrow_consumer};
use crate::messages::{check_out, release};
use crate::panic::to_status;
use crate::status::BrokerStatus;
use crate::text::invalid;

/// Signals a change. Called on any thread: it must not block nor call this library, but wake whoever looks then, say by
/// writing to an eventfd or a pipe.
pub type BrokerChanged = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// A subscription to changes, for programs that wait for many things at once. Release it with broker_wake_free.
///
/// To wait: arm, look (broker_consumer_next with a limit of 0, broker_message_count), and if there is nothing yet, wait for
/// the signal and begin anew. It comes at most once until it is armed again, and may come for nothing.
pub struct BrokerWake {
    wake: Wake,
    target: Arc<Target>,
}

/// The function and what it is called with, until the subscription is released.
struct Target(RwLock<Option<(unsafe extern "C" fn(*mut c_void), *mut c_void)>>);

// SAFETY: broker.h says that the function is called from any thread with the context as it was given.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    fn new(changed: BrokerChanged, context: *mut c_void) -> Result<Arc<Self>, libbroker::Error> {
        let changed = changed.ok_or_else(|| invalid("changed is NULL"))?;
        Ok(Arc::new(Self(RwLock::new(Some((changed, context))))))
    }

    fn on_change(self: &Arc<Self>) -> OnChange {
        let target = self.clone();
        Arc::new(move || {
            // Held during the call: who releases the subscription waits for it.
            if let Some((changed, context)) = *target.0.read().unwrap_or_else(PoisonError::into_inner) {
                // SAFETY: the caller's function with the caller's context.
                unsafe { changed(context) };
            }
        })
    }
}

impl Drop for BrokerWake {
    fn drop(&mut self) {
        *self.target.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Signals when messages were stored, groups changed or the broker stops, once it is armed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_on_change(
    broker: *const BrokerHandle,
    changed: BrokerChanged,
    context: *mut c_void,
    out: *mut *mut BrokerWake,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let target = Target::new(changed, context)?;
            check_out(out)?;
            let wake = embedded.on_change(target.on_change())?;
            out.write(Box::into_raw(Box::new(BrokerWake { wake, target })));
        }
        Ok(())
    })
}

/// Signals when broker_consumer_next may have something, or a failure, to give, once it is armed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_consumer_on_change(
    consumer: *const BrokerConsumer,
    changed: BrokerChanged,
    context: *mut c_void,
    out: *mut *mut BrokerWake,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let consumer = borrow_consumer(consumer)?;
            let target = Target::new(changed, context)?;
            check_out(out)?;
            let wake = consumer.on_change(target.on_change());
            out.write(Box::into_raw(Box::new(BrokerWake { wake, target })));
        }
        Ok(())
    })
}

/// Lets the next change signal. To be called before looking. When the broker has stopped, it signals at once, on this
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_wake_arm(wake: *const BrokerWake) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live subscription.
        unsafe { wake.as_ref() }.ok_or_else(|| invalid("wake is NULL"))?.wake.arm();
        Ok(())
    })
}

/// Ends a subscription, releases it and sets *wake to NULL. NULL is allowed for both. When it returns, the signal is not
/// called any more; not to be called from the signal itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_wake_free(wake: *mut *mut BrokerWake) {
    // SAFETY: NULL, or where a subscription made by `Box::into_raw` is kept.
    to_status(|| unsafe { release(wake) });
}
