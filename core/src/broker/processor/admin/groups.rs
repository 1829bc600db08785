//! Codes 200, 201, 207.

use super::{AdminProcessor, Answer, json, required};
use crate::broker::refusal::Refusal;
use crate::format::disk::tables::SubscriptionGroupConfig;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::fastjson;
use crate::format::wire::header::admin::DeleteGroupHeader;
use crate::format::wire::{RemotingCommand, Response};

impl AdminProcessor {
    /// Code 200. The group is the body.
    pub(super) fn update_group(&self, request: &RemotingCommand) -> Answer {
        let group: SubscriptionGroupConfig = fastjson::from_slice(&request.body).map_err(|error| {
            Refusal::new(ResponseCode::SystemError, format!("subscription group: {error}"))
        })?;
        self.admin.groups.update(group).map(|()| Response::success())
    }

    /// Code 201.
    pub(super) fn all_groups(&self) -> Response {
        json(&self.admin.groups.all())
    }

    /// Code 207.
    pub(super) fn delete_group(&self, request: &RemotingCommand) -> Answer {
        let header = DeleteGroupHeader::decode(&request.ext);
        let group = required(header.group_name, "groupName")?;
        self.admin.groups.delete(group, header.remove_offset).map(|()| Response::success())
    }
}
