//! What a pull wants of the messages it finds: first by the consume queue, then by the record (Java: `ExpressionMessageFilter`,
//! `ExpressionForRetryMessageFilter`).

use std::sync::Arc;

use super::bloom::has_bits;
use super::registry::{ConsumerFilter, ConsumerFilters};
use super::sql::Expression;
use super::subscription::is_tag_type;
use super::tag::TagFilter;
use crate::format::disk::cq_ext::CqExtUnit;
use crate::format::names::{RETRY_TOPIC_PREFIX, property};
use crate::format::record::properties::get;
use crate::format::wire::body::Subscription;
use crate::store::MessageFilter;

/// The filter of one pull.
#[derive(Debug, Clone)]
#[doc(alias = "ExpressionMessageFilter")]
pub enum WantedMessages {
    /// By tags.
    Tags(TagFilter),
    /// By an expression that came with the pull: no bit map tells of it.
    Expression(Arc<Expression>),
    /// By the expression the group is registered with.
    Registered(Arc<ConsumerFilter>),
    /// On a retry topic, when filters apply there: by what the group wants of the topic that a message came from.
    #[doc(alias = "ExpressionForRetryMessageFilter")]
    Retried(Box<RetriedMessages>),
}

/// See [`WantedMessages::Retried`].
#[derive(Debug, Clone)]
pub struct RetriedMessages {
    /// What is wanted of the retry topic itself, by the consume queue.
    pub by_unit: WantedMessages,
    /// The group the retry topic belongs to.
    pub group: Box<str>,
    /// What it wants of other topics.
    pub filters: Arc<ConsumerFilters>,
}

impl WantedMessages {
    /// What a connected group wants; `filter` is what is known of an expression. A class filter takes everything.
    pub fn of_group(subscription: Arc<Subscription>, filter: Option<Arc<ConsumerFilter>>) -> Self {
        match filter {
            Some(filter) if !is_by_tags(&subscription) => Self::Registered(filter),
            _ => Self::Tags(TagFilter::new(subscription)),
        }
    }

    /// The same on a topic where filters of other topics apply, if it is a retry topic.
    pub fn with_retried(self, topic: &str, filters: &Arc<ConsumerFilters>) -> Self {
        let Some(group) = topic.strip_prefix(RETRY_TOPIC_PREFIX) else { return self };
        let filters = filters.clone();
        Self::Retried(Box::new(RetriedMessages { by_unit: self, group: group.into(), filters }))
    }
}

/// Whether nothing but the tags code decides.
pub fn is_by_tags(subscription: &Subscription) -> bool {
    is_tag_type(&subscription.expression_type) || subscription.class_filter_mode
}

impl RetriedMessages {
    /// What came from a topic without filter, or from none, is wanted.
    fn matches_properties(&self, properties: &[u8]) -> bool {
        let topic = get(properties, property::RETRY_TOPIC).and_then(|topic| std::str::from_utf8(topic).ok());
        let filter = topic.and_then(|topic| self.filters.find(topic, &self.group));
        filter.is_none_or(|filter| filter.expression.matches(properties))
    }
}

impl MessageFilter for WantedMessages {
    fn matches_unit(&self, tags_code: Option<i64>, ext: Option<&CqExtUnit<'_>>) -> bool {
        match self {
            WantedMessages::Tags(tags) => tags.matches(tags_code),
            WantedMessages::Expression(_) => true,
            WantedMessages::Registered(filter) => ext
                .filter(|unit| filter.knew(unit.store_timestamp_ms))
                .is_none_or(|unit| has_bits(&filter.bits, unit.bit_map)),
            WantedMessages::Retried(retried) => retried.by_unit.matches_unit(tags_code, ext),
        }
    }

    fn matches_properties(&self, properties: &[u8]) -> bool {
        match self {
            WantedMessages::Tags(_) => true,
            WantedMessages::Expression(expression) => expression.matches(properties),
            WantedMessages::Registered(filter) => filter.expression.matches(properties),
            WantedMessages::Retried(retried) => retried.matches_properties(properties),
        }
    }

    fn needs_properties(&self) -> bool {
        !matches!(self, WantedMessages::Tags(_))
    }
}

#[cfg(test)]
mod tests;
