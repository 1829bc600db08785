use std::ffi::c_char;

use libbroker::embed::{Consumer, Delivery};
use libbroker::{Error, ErrorKind};

use crate::broker::{BrokerHandle, borrow};
use crate::messages::{BrokerMessageView, Shown, check_out, release};
use crate::panic::to_status;
use crate::status::BrokerStatus;
use crate::text::{self, invalid, required};

/// For broker_consumer_next: no limit.
pub const BROKER_WAIT_FOREVER: u32 = u32::MAX;

/// For broker_delivery_retry: by the ladder of the group, later each time.
#[allow(dead_code, reason = "a value for C")]
pub const BROKER_RETRY_LADDER: i32 = 0;

/// For broker_delivery_retry: into the group's dead letter topic.
pub const BROKER_RETRY_DEAD_LETTER: i32 = -1;

/// A member of a consumer group. Release it with broker_consumer_free, before or after the broker.
pub struct BrokerConsumer(Consumer);

/// A message that a consumer was given, to be acknowledged or given back. Release it with broker_delivery_free, before or
/// after its consumer. If it was neither acknowledged nor given back, the group gets it again when the consumer is gone.
pub struct BrokerDelivery {
    delivery: Delivery,
    shown: Shown,
}

/// Joins a group and begins to read a topic; network consumers of the group share its queues with this one. tags is
/// "*", or "a || b"; NULL is "*". A group that has no offsets yet begins at the oldest message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_consume(
    broker: *const BrokerHandle,
    topic: *const c_char,
    group: *const c_char,
    tags: *const c_char,
    out: *mut *mut BrokerConsumer,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL, or what the header says.
        unsafe {
            let embedded = borrow(broker)?;
            let (topic, group) = (required(topic, "topic")?, required(group, "group")?);
            let tags = text::read(tags, "tags")?.unwrap_or_else(|| "*".to_owned());
            check_out(out)?;
            let consumer = BrokerConsumer(embedded.consume(&topic, &group, &tags)?);
            out.write(Box::into_raw(Box::new(consumer)));
        }
        Ok(())
    })
}

/// Waits for the next message, timeout_ms at most; 0 only looks, BROKER_WAIT_FOREVER has no limit.
/// BROKER_STATUS_TIMEOUT when none came, BROKER_STATUS_STOPPED once the consumer is closed or the broker stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_consumer_next(
    consumer: *const BrokerConsumer,
    timeout_ms: u32,
    out: *mut *mut BrokerDelivery,
) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live consumer.
        let consumer = unsafe { borrow_consumer(consumer) }?;
        check_out(out)?;
        let timeout = (timeout_ms != BROKER_WAIT_FOREVER).then(|| text::millis(timeout_ms));
        let delivery = consumer.next(timeout)?.ok_or_else(|| {
            Error::new(ErrorKind::Timeout, format!("no message came within {timeout_ms} ms"))
        })?;
        let shown = Shown::new(delivery.message().clone());
        // SAFETY: not NULL.
        unsafe { out.write(Box::into_raw(Box::new(BrokerDelivery { delivery, shown }))) };
        Ok(())
    })
}

/// Leaves the group: another thread's broker_consumer_next answers BROKER_STATUS_STOPPED. What was not acknowledged comes
/// again to whoever has the queue next. Closing twice is harmless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_consumer_close(consumer: *const BrokerConsumer) -> BrokerStatus {
    to_status(|| {
        // SAFETY: NULL or a live consumer.
        unsafe { borrow_consumer(consumer) }?.close();
        Ok(())
    })
}

/// Closes a consumer, releases it and sets *consumer to NULL. NULL is allowed for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_consumer_free(consumer: *mut *mut BrokerConsumer) {
    // SAFETY: NULL, or where a consumer made by `Box::into_raw` is kept.
    to_status(|| unsafe { release(consumer) });
}

/// The message of a delivery, which lives until the delivery is released; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_delivery_message(
    delivery: *const BrokerDelivery,
) -> *const BrokerMessageView {
    // SAFETY: NULL or a live delivery.
    unsafe { delivery.as_ref() }.map_or(std::ptr::null(), |delivery| delivery.shown.view())
}

/// Says that the message is dealt with. The group's offset moves on when all before it are, too. Of no effect the second time,
/// after the consumer was closed, and when the queue is another member's, or its offset was set, meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_delivery_ack(delivery: *const BrokerDelivery) -> BrokerStatus {
    // SAFETY: NULL or a live delivery.
    to_status(|| unsafe { borrow_delivery(delivery) }?.ack())
}

/// Gives the message back: the group gets it again after the time of delay_level, which is from 1 on,
/// BROKER_RETRY_LADDER or BROKER_RETRY_DEAD_LETTER. Waits for the disk with SYNC_FLUSH. When it fails, the message is still to be dealt
/// with. Of no effect where broker_delivery_ack has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_delivery_retry(
    delivery: *const BrokerDelivery,
    delay_level: i32,
) -> BrokerStatus {
    to_status(|| {
        if delay_level < BROKER_RETRY_DEAD_LETTER {
            return Err(invalid(format!("the delay level {delay_level} is below BROKER_RETRY_DEAD_LETTER")));
        }
        // SAFETY: NULL or a live delivery.
        unsafe { borrow_delivery(delivery) }?.retry(delay_level)
    })
}

/// Releases a delivery and sets *delivery to NULL. NULL is allowed for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn broker_delivery_free(delivery: *mut *mut BrokerDelivery) {
    // SAFETY: NULL, or where a delivery made by `Box::into_raw` is kept.
    to_status(|| unsafe { release(delivery) });
}

/// What the handle stands for.
///
/// # Safety
/// `consumer` is NULL or a live consumer.
pub unsafe fn borrow_consumer<'a>(consumer: *const BrokerConsumer) -> Result<&'a Consumer, Error> {
    // SAFETY: the caller's promise.
    let consumer = unsafe { consumer.as_ref() }.ok_or_else(|| invalid("consumer is NULL"))?;
    Ok(&consumer.0)
}

unsafe fn borrow_delivery<'a>(delivery: *const BrokerDelivery) -> Result<&'a Delivery, Error> {
    // SAFETY: NULL or a live delivery, by the promise of every caller.
    let delivery = unsafe { delivery.as_ref() }.ok_or_else(|| invalid("delivery is NULL"))?;
    Ok(&delivery.delivery)
}
