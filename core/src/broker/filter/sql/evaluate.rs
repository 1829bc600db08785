//! What an expression says of a message. Operands are evaluated in Java's order: an early answer hides a later failure.

use super::node::{Node, Relation};
use super::value::{Value, compare, compare_ordered};

/// A value cannot become what it is compared with. The message does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value cannot be converted for its comparison")]
pub struct Unevaluable;

type Truth = Result<Option<bool>, Unevaluable>;

/// Values by slot.
type Values<'a> = [Option<&'a [u8]>];

impl Relation {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Relation::Greater => order.is_gt(),
            Relation::GreaterEqual => order.is_ge(),
            Relation::Less => order.is_lt(),
            Relation::LessEqual => order.is_le(),
        }
    }
}

impl Node {
    fn value<'a>(&'a self, values: &Values<'a>) -> Result<Value<'a>, Unevaluable> {
        Ok(match self {
            Node::Constant(constant) => Value::of(constant),
            Node::Property(slot) => text(values, *slot).map_or(Value::Null, Value::Text),
            Node::Negate(operand) => operand.value(values)?.negated(),
            _ => Value::of_truth(self.truth(values)?),
        })
    }

    /// True, false or unknown.
    pub(super) fn truth<'a>(&'a self, values: &Values<'a>) -> Truth {
        match self {
            Node::Cast(slot) => Ok(text(values, *slot).map(|_| false)),
            Node::Not(operand) => Ok(operand.truth(values)?.map(|truth| !truth)),
            Node::And(operands) => all(operands.iter().map(|operand| operand.truth(values)), false),
            Node::Or(operands) => all(operands.iter().map(|operand| operand.truth(values)), true),
            Node::Equal(operands) => {
                let [left, right] = &**operands;
                equal(left.value(values)?, right.value(values)?)
            }
            Node::IsNull(operand) => Ok(Some(operand.value(values)?.is_null())),
            Node::Compare(relation, operands) => {
                let [left, right] = &**operands;
                ordered(left.value(values)?, *relation, right, values)
            }
            Node::Between { operands, not } => between(operands, *not, values),
            Node::In { property, texts, not } => {
                let is_in = |text: &[u8]| texts.binary_search_by(|wanted| (**wanted).cmp(text)).is_ok();
                Ok(text(values, *property).map(|text| is_in(text) != *not))
            }
            Node::Constant(_) | Node::Property(_) | Node::Negate(_) => Ok(match self.value(values)? {
                Value::Bool(truth) => Some(truth),
                _ => None,
            }),
        }
    }
}

fn text<'a>(values: &Values<'a>, slot: usize) -> Option<&'a [u8]> {
    values.get(slot).copied().flatten()
}

/// `early` as soon as one operand is `early`, else unknown when one is unknown.
fn all(operands: impl Iterator<Item = Truth>, early: bool) -> Truth {
    let mut all = Some(!early);
    for operand in operands {
        match operand? {
            Some(truth) if truth == early => return Ok(Some(early)),
            Some(_) => {}
            None => all = None,
        }
    }
    Ok(all)
}

/// Two missing values are equal; one is unequal to nothing, and nothing to it unknown.
fn equal(left: Value<'_>, right: Value<'_>) -> Truth {
    match (left.is_null(), right.is_null()) {
        (true, true) => Ok(Some(true)),
        (true, false) => Ok(None),
        (false, true) => Ok(Some(false)),
        (false, false) => Ok(Some(compare(left, right)?.is_eq())),
    }
}

/// The right side is evaluated only when there is a left one.
fn ordered<'a>(left: Value<'a>, relation: Relation, right: &'a Node, values: &Values<'a>) -> Truth {
    if left.is_null() {
        return Ok(None);
    }
    let right = right.value(values)?;
    if right.is_null() {
        return Ok(None);
    }
    Ok(Some(relation.holds(compare_ordered(left, right)?)))
}

fn between<'a>(operands: &'a [Node; 3], not: bool, values: &Values<'a>) -> Truth {
    let [value, low, high] = operands;
    let value = value.value(values)?;
    let (at_low, at_high) =
        if not { (Relation::Less, Relation::Greater) } else { (Relation::GreaterEqual, Relation::LessEqual) };
    let sides = [(at_low, low), (at_high, high)];
    all(sides.into_iter().map(|(relation, bound)| ordered(value, relation, bound, values)), not)
}
