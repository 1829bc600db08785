//! Codes 28 and 315.

use super::{AdminProcessor, Answer, json};
use crate::broker::refusal::Refusal;
use crate::broker::stats::Stat;
use crate::format::wire::body::KvTable;
use crate::format::wire::codes::ResponseCode;
use crate::format::wire::header::admin::ViewStatsHeader;
use crate::format::wire::{RemotingCommand, Response};

impl AdminProcessor {
    /// Code 28.
    pub(super) fn runtime_info(&self) -> Response {
        json(&KvTable { table: self.admin.runtime.read() })
    }

    /// Code 315.
    pub(super) fn stats_data(&self, request: &RemotingCommand) -> Answer {
        let header = ViewStatsHeader::decode(&request.ext);
        let (name, key) = (header.stats_name.unwrap_or("null"), header.stats_key.unwrap_or("null"));
        let stats = Stat::of_name(name).and_then(|stat| self.admin.stats.view(stat, key));
        match stats {
            Some(stats) => Ok(json(&stats)),
            None => {
                let remark = format!("The stats <{name}> <{key}> not exist");
                Err(Refusal::new(ResponseCode::SystemError, remark))
            }
        }
    }
}
