//! Filtering by tags: only the hash in the consume queue is compared, clients compare the text again.

use std::sync::Arc;

use crate::broker::filter::subscription::wants_all;
use crate::format::disk::cq_ext::CqExtUnit;
use crate::format::wire::body::Subscription;
use crate::store::MessageFilter;

/// What a subscription by tags wants. May let too much through, never too little.
#[derive(Debug, Clone)]
#[doc(alias = "ExpressionMessageFilter")]
pub struct TagFilter {
    subscription: Arc<Subscription>,
    takes_all: bool,
}

impl TagFilter {
    /// The filter of a subscription whose type is TAG.
    pub fn new(subscription: Arc<Subscription>) -> Self {
        let takes_all = wants_all(&subscription) || subscription.class_filter_mode;
        Self { subscription, takes_all }
    }

    /// By the tags code of a message; `None` when it is not known. Messages without tags have code 0.
    pub fn matches(&self, tags_code: Option<i64>) -> bool {
        // Java compares the low 32 bits.
        self.takes_all || tags_code.is_none_or(|code| self.subscription.code_set.contains(&(code as i32)))
    }
}

impl MessageFilter for TagFilter {
    fn matches_unit(&self, tags_code: Option<i64>, _ext: Option<&CqExtUnit<'_>>) -> bool {
        self.matches(tags_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::filter::subscription::parse;
    use crate::format::record::tags::tags_code;

    fn filter(text: &str) -> TagFilter {
        TagFilter::new(Arc::new(parse("t", Some(text), None).unwrap()))
    }

    #[test]
    fn tags_are_compared_by_hash() {
        let wanted = filter("A || 订单");
        for (tags, expected) in [("A", true), ("订单", true), ("B", false), ("", false), ("A || B", false)]
        {
            assert_eq!(wanted.matches_unit(Some(tags_code(tags.as_bytes())), None), expected, "{tags}");
        }
        assert!(filter("Aa").matches(Some(tags_code(b"BB"))), "same hash");
        assert!(wanted.matches(None), "not known: the client decides");
        assert!(!wanted.needs_properties());
    }

    #[test]
    fn negative_codes_match_sign_extended() {
        let tags = "polygenelubricants";
        assert_eq!(tags_code(tags.as_bytes()), i64::from(i32::MIN));
        assert!(filter(tags).matches(Some(tags_code(tags.as_bytes()))));
    }

    #[test]
    fn the_star_takes_all() {
        for code in [Some(0), Some(-5), None] {
            assert!(filter("*").matches(code));
        }
        let class_filter =
            Subscription { class_filter_mode: true, sub_string: "A".to_owned(), ..Subscription::default() };
        assert!(TagFilter::new(Arc::new(class_filter)).matches(Some(0)));
    }
}
