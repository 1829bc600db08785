//! Codes 29 to 32, 43, 45, 222, 308, 314.

use super::{AdminProcessor, Answer, given, json, required, with_default_remark};
use crate::broker::admin::offsets::Reset;
use crate::broker::refusal::Refusal;
use crate::format::wire::body::{CorrectionOffsets, ResetOffset};
use crate::format::wire::codes::LanguageCode;
use crate::format::wire::header::offset::{
    CloneGroupOffsetHeader, CorrectionOffsetHeader, OffsetAnswer, QueueHeader, ResetOffsetHeader,
    SearchOffsetHeader, TimestampAnswer,
};
use crate::format::wire::{RemotingCommand, Response};

impl AdminProcessor {
    /// Code 29.
    pub(super) fn offset_at_time(&self, request: &RemotingCommand) -> Answer {
        let header = SearchOffsetHeader::decode(&request.ext);
        let topic = required(header.topic, "topic")?;
        let queue_id = required(header.queue_id, "queueId")?;
        let timestamp_ms = required(header.timestamp_ms, "timestamp")?;
        Ok(offset_answer(self.admin.offsets.at_time(topic, queue_id, timestamp_ms)))
    }

    /// Code 30.
    pub(super) fn max_offset(&self, request: &RemotingCommand) -> Answer {
        let (topic, queue_id) = queue(request)?;
        Ok(offset_answer(self.admin.offsets.max(topic, queue_id)))
    }

    /// Code 31.
    pub(super) fn min_offset(&self, request: &RemotingCommand) -> Answer {
        let (topic, queue_id) = queue(request)?;
        Ok(offset_answer(self.admin.offsets.min(topic, queue_id)))
    }

    /// Code 32.
    pub(super) fn earliest_store_time(&self, request: &RemotingCommand) -> Answer {
        let (topic, queue_id) = queue(request)?;
        let time = self.admin.offsets.earliest_store_time_ms(topic, queue_id);
        let answer = TimestampAnswer { timestamp_ms: Some(time.unwrap_or(-1)) };
        Ok(Response::success().with_fields(answer.fields()))
    }

    /// Code 43.
    pub(super) fn all_offsets(&self) -> Response {
        json(&self.admin.offsets.all())
    }

    /// Code 45.
    pub(super) fn delay_offsets(&self) -> Response {
        json(&self.admin.offsets.of_delay_levels())
    }

    /// Code 222. The language of the caller decides about the form of the push, as in Java; the answer is the same for all.
    pub(super) fn reset_offset(&self, request: &RemotingCommand) -> Answer {
        let header = ResetOffsetHeader::decode(&request.ext);
        let offset_table = self.admin.offsets.reset(Reset {
            topic: required(header.topic, "topic")?,
            group: required(header.group, "group")?,
            timestamp_ms: Some(header.timestamp_ms).filter(|timestamp_ms| *timestamp_ms != -1),
            is_forced: header.is_force,
            is_for_c: request.language == Some(LanguageCode::Cpp),
        })?;
        Ok(with_default_remark(json(&ResetOffset { offset_table })))
    }

    /// Code 308.
    pub(super) fn correction_offset(&self, request: &RemotingCommand) -> Answer {
        let header = CorrectionOffsetHeader::decode(&request.ext);
        let topic = required(header.topic, "topic")?;
        let without: Vec<&str> =
            header.filter_groups.unwrap_or_default().split(',').filter(|group| !group.is_empty()).collect();
        let lowest = self.admin.offsets.lowest(topic, &without, header.compare_group.unwrap_or_default());
        Ok(json(&CorrectionOffsets { correction_offsets: lowest }))
    }

    /// Code 314.
    pub(super) fn clone_group_offset(&self, request: &RemotingCommand) -> Answer {
        let header = CloneGroupOffsetHeader::decode(&request.ext);
        let from = required(header.source_group, "srcGroup")?;
        let to = required(header.destination_group, "destGroup")?;
        self.admin.offsets.copy(from, to, given(header.topic), header.offline);
        Ok(Response::success())
    }
}

fn queue(request: &RemotingCommand) -> Result<(&str, i32), Refusal> {
    let header = QueueHeader::decode(&request.ext);
    Ok((required(header.topic, "topic")?, required(header.queue_id, "queueId")?))
}

fn offset_answer(offset: i64) -> Response {
    Response::success().with_fields(OffsetAnswer { offset: Some(offset) }.fields())
}
