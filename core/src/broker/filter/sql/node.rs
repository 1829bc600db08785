//! A compiled expression: a tree no deeper than [`super::DEPTH_MAX`].

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(Box<[u8]>),
}

/// Which results of a comparison count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

/// One operation. Properties are named by their slot.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Constant),
    Property(usize),
    Negate(Box<Node>),
    /// A property where a truth is needed: it is a text and therefore false, or unknown without value.
    Cast(usize),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Equal(Box<[Node; 2]>),
    IsNull(Box<Node>),
    Compare(Relation, Box<[Node; 2]>),
    /// Value, lower and upper bound. The value is evaluated once: expressions in it may be nested.
    Between {
        operands: Box<[Node; 3]>,
        not: bool,
    },
    In {
        property: usize,
        /// Sorted.
        texts: Box<[Box<[u8]>]>,
        not: bool,
    },
}

impl Node {
    /// Whether it gives a truth, or unknown. A property does only by [`Node::Cast`].
    pub(super) fn is_truth(&self) -> bool {
        match self {
            Node::Constant(constant) => matches!(constant, Constant::Null | Constant::Bool(_)),
            Node::Property(_) | Node::Negate(_) => false,
            _ => true,
        }
    }
}
