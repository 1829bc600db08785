//! Subscriptions from their text (Java: `FilterAPI`).

use crate::format::record::tags::java_hash;
use crate::format::wire::body::Subscription;

/// The expression that wants every message.
#[doc(alias = "SUB_ALL")]
pub const ALL: &str = "*";
/// Filtering by the hash of the message's tags.
pub const TAG: &str = "TAG";
/// Filtering by an expression over the message's properties.
pub const SQL92: &str = "SQL92";

const SEPARATOR: &str = "||";

/// Why a subscription's text is refused; the answer is code 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// A list of tags that is nothing but separators.
    #[error("subString split error")]
    OnlySeparators,
    /// An expression of another type than TAG that is empty.
    #[error("Expression can't be null!")]
    NoExpression,
}

/// Whether a subscription of this type filters by tags; no type is TAG.
#[doc(alias = "isTagType")]
pub fn is_tag_type(expression_type: &str) -> bool {
    expression_type.is_empty() || expression_type == TAG
}

/// Whether a subscription by tags wants every message.
pub fn wants_all(subscription: &Subscription) -> bool {
    subscription.sub_string.is_empty() || subscription.sub_string == ALL
}

/// The subscription that a text means. A list of tags is split at `||`, each tag trimmed, empty ones left out; nothing and `*`
/// are every message.
#[doc(alias = "FilterAPI")]
pub fn parse(
    topic: &str,
    expression: Option<&str>,
    expression_type: Option<&str>,
) -> Result<Subscription, SubscriptionError> {
    let expression = expression.unwrap_or_default();
    let subscription = Subscription { topic: topic.to_owned(), ..Subscription::default() };
    match expression_type {
        Some(other) if !is_tag_type(other) => {
            if expression.is_empty() {
                return Err(SubscriptionError::NoExpression);
            }
            Ok(Subscription {
                sub_string: expression.to_owned(),
                expression_type: other.to_owned(),
                ..subscription
            })
        }
        _ => parse_tags(subscription, expression),
    }
}

fn parse_tags(mut subscription: Subscription, tags: &str) -> Result<Subscription, SubscriptionError> {
    if tags.is_empty() || tags == ALL {
        subscription.sub_string = ALL.to_owned();
        return Ok(subscription);
    }
    if tags.split(SEPARATOR).all(str::is_empty) {
        return Err(SubscriptionError::OnlySeparators);
    }
    subscription.sub_string = tags.to_owned();
    // `String.trim` of Java.
    let trimmed = tags.split(SEPARATOR).map(|tag| tag.trim_matches(|c: char| c <= ' '));
    for tag in trimmed.filter(|tag| !tag.is_empty()) {
        subscription.code_set.insert(java_hash(tag));
        subscription.tags_set.insert(tag.to_owned());
    }
    Ok(subscription)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<String> {
        parse("t", Some(text), None).unwrap().tags_set.into_iter().collect()
    }

    #[test]
    fn nothing_and_the_star_are_everything() {
        for text in [None, Some(""), Some("*")] {
            let subscription = parse("t", text, Some("TAG")).unwrap();
            assert!(wants_all(&subscription));
            assert_eq!(subscription.sub_string, "*");
            assert!(subscription.code_set.is_empty() && subscription.tags_set.is_empty());
        }
    }

    #[test]
    fn tags_are_split_trimmed_and_hashed() {
        let subscription = parse("t", Some(" A||B || ||订单\t"), None).unwrap();
        assert_eq!(subscription.sub_string, " A||B || ||订单\t");
        assert_eq!(Vec::from_iter(&subscription.tags_set), ["A", "B", "订单"]);
        assert_eq!(Vec::from_iter(subscription.code_set), [65, 66, 1_129_459]);
        assert_eq!((subscription.topic.as_str(), subscription.expression_type.as_str()), ("t", "TAG"));
        assert_eq!(tags("A|B"), ["A|B"]);
        assert_eq!(tags("|||"), ["|"]);
        assert_eq!(tags(" * "), ["*"]);
        assert_eq!(tags("A || A"), ["A"]);
    }

    #[test]
    fn separators_alone_do_not_parse_but_blanks_do() {
        for text in ["||", "||||"] {
            assert_eq!(parse("t", Some(text), None), Err(SubscriptionError::OnlySeparators));
        }
        assert_eq!(tags("|| ||"), Vec::<String>::new());
        assert!(!wants_all(&parse("t", Some(" "), None).unwrap()));
    }

    #[test]
    fn other_types_keep_their_expression() {
        let subscription = parse("t", Some("a > 1"), Some(SQL92)).unwrap();
        assert_eq!(
            (subscription.sub_string.as_str(), subscription.expression_type.as_str()),
            ("a > 1", SQL92)
        );
        assert!(subscription.code_set.is_empty());
        assert_eq!(parse("t", None, Some(SQL92)), Err(SubscriptionError::NoExpression));
        assert!(is_tag_type("") && is_tag_type("TAG") && !is_tag_type("tag"));
    }
}
