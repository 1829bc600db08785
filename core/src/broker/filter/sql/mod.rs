//! Expressions of type SQL92 over the properties of a message (broker-behaviour §5; Java: `rocketmq-filter`).
//!
//! ```text
//! or          and (OR and)*
//! and         equality (AND equality)*
//! equality    comparison ( = comparison | <> comparison | IS [NOT] NULL )*
//! comparison  unary ( > unary | >= unary | < unary | <= unary
//!                   | [NOT] BETWEEN unary AND unary | [NOT] IN ( text, … ) )*
//! unary       + unary | - unary | NOT unary | primary
//! primary     text | number | TRUE | FALSE | NULL | property | ( or )
//! ```
//!
//! What follows a whole expression is ignored, but its first token must be one. `NOT a = 1` is `(NOT a) = 1`. There is no LIKE, no
//! CONTAINS, STARTSWITH or ENDSWITH (those came with 5.x), no arithmetic. A result is true, false or unknown; a value that cannot be converted for its
//! comparison ends the evaluation. Only true is a match.
//!
//! An expression is not trusted: it is at most [`EXPRESSION_BYTES_MAX`] long and nested [`DEPTH_MAX`] deep, no recursion goes deeper, and
//! evaluating it takes time in proportion to its length. Java ends such an expression with a stack overflow, which it answers alike.

mod double;
mod evaluate;
mod lexer;
mod node;
mod parser;
mod value;

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::format::record::properties;
use node::Node;

pub use evaluate::Unevaluable;
pub use parser::CompileError;

/// Longest text of an expression.
pub const EXPRESSION_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of an expression.
pub const DEPTH_MAX: usize = 128;

/// A compiled expression.
#[derive(Debug)]
#[doc(alias = "BooleanExpression")]
pub struct Expression {
    root: Node,
    /// Names of the properties it needs → where their values are during an evaluation.
    slots: BTreeMap<Box<[u8]>, usize>,
}

impl Expression {
    /// Compiles the text of an expression.
    #[doc(alias = "SqlFilter")]
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        parser::parse(text)
    }

    /// What it says of a message with this properties text; `None` is unknown.
    pub fn evaluate(&self, properties: &[u8]) -> Result<Option<bool>, Unevaluable> {
        let mut values: SmallVec<[Option<&[u8]>; 8]> = SmallVec::from_elem(None, self.slots.len());
        for (name, value) in properties::iter(properties) {
            if let Some(slot) = self.slots.get(name).and_then(|slot| values.get_mut(*slot)) {
                *slot = Some(value);
            }
        }
        self.root.truth(&values)
    }

    /// Whether a message with this properties text is wanted.
    pub fn matches(&self, properties: &[u8]) -> bool {
        self.evaluate(properties) == Ok(Some(true))
    }
}

#[cfg(test)]
mod tests;
