//! Which messages a subscription wants (broker-behaviour §5).

pub mod bloom;
pub mod registry;
pub mod sql;
pub mod subscription;
pub mod tag;
pub mod wanted;

use sql::{CompileError, Expression};
use subscription::SQL92;

/// Why a filter expression is refused; the remark of code 23.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// There is no such type.
    #[error("filter expressions of type {0} are not supported; use TAG or SQL92")]
    Type(String),
    /// The text is no expression.
    #[error(transparent)]
    Text(#[from] CompileError),
}

/// Compiles a filter expression that is not of type TAG.
#[doc(alias = "FilterFactory")]
pub fn compile(expression_type: &str, expression: &str) -> Result<Expression, ExpressionError> {
    match expression_type {
        SQL92 => Ok(Expression::compile(expression)?),
        other => Err(ExpressionError::Type(other.to_owned())),
    }
}

#[cfg(test)]
mod golden;
