//! Appending a message that goes into several queues: its offsets in them are part of the record, so they are taken, written and
//! given out under the same hold of the lock.

use super::append::{AppendError, Round, Sized, fields, no_file, sized, write_group};
use super::group::Group;
use crate::format::flags::TransactionType;
use crate::format::record::batch::merged_len;
use crate::format::record::encode::RecordFields;
use crate::store::fan_out::{FanOut, Target, offsets_property};
use crate::store::put::{Appended, PutMessage};

impl Round<'_, '_> {
    /// Appends a message with a write of its own.
    pub(super) fn append_fanned_out(
        &mut self,
        message: &PutMessage<'_>,
        fan_out: &FanOut<'_>,
        without_offsets: &Sized,
    ) -> Result<Appended, AppendError> {
        self.write_alone();
        let FanOut { properties, targets } = fan_out;
        let next = &mut self.state.next;
        let max = self.log.fan_out.light_queues_max;
        if !targets.iter().all(|target| next.add_light(target.topic, max)) {
            return Err(AppendError::LightQueuesExceeded);
        }
        let offsets: Vec<_> =
            targets.iter().map(|target| *next.slot(target.topic, target.queue_id)).collect();
        let tail = if targets.is_empty() { Vec::new() } else { offsets_property(&offsets) };
        let bytes_max = self.log.tuning.load().message_bytes_max;
        let size_bytes =
            sized(message, &[], merged_len(properties, &tail), bytes_max)?.size_bytes + message.body.len();
        let physical_offset = self.room_for(size_bytes)?;
        let takes_offset = TransactionType::of(message.sys_flag).takes_queue_offset();
        let own = takes_offset.then_some(Target { topic: message.topic, queue_id: message.queue_id });
        let next = &mut self.state.next;
        let queue_offset = own.map_or(0, |own| *next.slot(own.topic, own.queue_id));
        let record = fields(message, queue_offset, physical_offset, self.store_timestamp_ms);
        let record = RecordFields { properties, body_crc: without_offsets.body_crc, ..record };
        let mut alone = Group::new(Vec::new());
        alone.push(&record, &tail).map_err(|error| AppendError::Illegal(error.to_string()))?;
        let current = self.state.current.as_mut().ok_or_else(no_file).map_err(AppendError::Create)?;
        write_group(&mut alone, current, 0, self.store_timestamp_ms).map_err(AppendError::Create)?;
        let taken = targets.iter().copied().zip(offsets).chain(own.map(|own| (own, queue_offset)));
        for (target, offset) in taken {
            *self.state.next.slot(target.topic, target.queue_id) = offset + 1;
        }
        Ok(Appended {
            physical_offset,
            size_bytes,
            store_timestamp_ms: self.store_timestamp_ms,
            queue_offset,
            message_count: 1,
            batch_offsets: Vec::new(),
        })
    }
}
