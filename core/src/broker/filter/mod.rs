//! Which messages a subscription wants (broker-behaviour §5).

pub mod subscription;
pub mod tag;

/// Whether a filter expression that is not of type TAG compiles; the error is the remark of code 23.
pub fn check_expression(expression_type: &str, _expression: &str) -> Result<(), String> {
    Err(format!("filter expressions of type {expression_type} are not supported"))
}
