//! Tokens → tree, with the checks that the reference makes while it builds one (Java: `SelectorParser`, `ComparisonExpression`).

use std::collections::BTreeMap;

use super::lexer::{Token, next_token};
use super::node::{Constant, Node, Relation};
use super::value::{Value, compare};
use super::{DEPTH_MAX, EXPRESSION_BYTES_MAX, Expression};

/// Why a text is no expression; the remark of code 23.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the expression does not compile: {0}")]
pub struct CompileError(String);

fn refuse<T>(text: impl Into<String>) -> Result<T, CompileError> {
    Err(CompileError(text.into()))
}

/// A node and how deep it is.
struct Tree {
    node: Node,
    depth: usize,
}

type Parsed = Result<Tree, CompileError>;

impl Tree {
    fn leaf(node: Node) -> Self {
        Self { node, depth: 1 }
    }

    /// A node above others, the deepest of which is so deep.
    fn above(depth: usize, node: Node) -> Parsed {
        let depth = depth + 1;
        if depth > DEPTH_MAX { too_deep() } else { Ok(Self { node, depth }) }
    }

    /// As operand of AND, OR and NOT, and as a whole expression.
    fn into_truth(self) -> Parsed {
        match self.node {
            Node::Property(slot) => Ok(Self { node: Node::Cast(slot), ..self }),
            node if node.is_truth() => Ok(Self { node, ..self }),
            _ => refuse("an operand is neither true nor false"),
        }
    }
}

fn too_deep<T>() -> Result<T, CompileError> {
    refuse(format!("nested more than {DEPTH_MAX} deep"))
}

pub(super) fn parse(text: &str) -> Result<Expression, CompileError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return refuse(format!("longer than {EXPRESSION_BYTES_MAX} bytes"));
    }
    let mut parser = Parser { all: text, rest: text, next: None, open: 0, slots: BTreeMap::new() };
    let root = parser.or()?.into_truth()?.node;
    Ok(Expression { root, slots: parser.slots })
}

struct Parser<'s> {
    all: &'s str,
    rest: &'s str,
    /// The token that was looked at last and is not taken yet, with the place where it begins.
    next: Option<(Token<'s>, usize)>,
    /// How many calls of [`Parser::unary`] are under way.
    open: usize,
    slots: BTreeMap<Box<[u8]>, usize>,
}

impl<'s> Parser<'s> {
    fn peek(&mut self) -> Result<Token<'s>, CompileError> {
        if let Some((token, _)) = self.next {
            return Ok(token);
        }
        let Some(token) = next_token(&mut self.rest) else {
            let found = self.rest.chars().next().unwrap_or_default();
            return refuse(format!(
                "unexpected {found:?} at {}",
                self.place(self.all.len() - self.rest.len())
            ));
        };
        self.next = Some((token, self.all.len() - self.rest.len()));
        Ok(token)
    }

    fn take(&mut self) -> Result<Token<'s>, CompileError> {
        let token = self.peek()?;
        self.next = None;
        Ok(token)
    }

    fn take_if(&mut self, wanted: Token<'_>) -> Result<bool, CompileError> {
        let found = self.peek()? == wanted;
        if found {
            self.next = None;
        }
        Ok(found)
    }

    fn expect(&mut self, wanted: Token<'_>, name: &str) -> Result<(), CompileError> {
        if self.take_if(wanted)? { Ok(()) } else { self.unexpected(name) }
    }

    fn unexpected<T>(&mut self, wanted: &str) -> Result<T, CompileError> {
        let token = self.peek()?;
        let end = self.next.map_or(self.all.len(), |(_, end)| end);
        match token {
            Token::End => refuse(format!("it ends where {wanted} is expected")),
            _ => refuse(format!("{wanted} is expected before {}", self.place(end))),
        }
    }

    fn place(&self, at: usize) -> String {
        let before = self.all.get(..at).unwrap_or(self.all);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        format!("line {line}, column {column}")
    }

    fn slot(&mut self, name: &str) -> usize {
        let next = self.slots.len();
        *self.slots.entry(name.as_bytes().into()).or_insert(next)
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.take_if(Token::Or)? {
            let right = self.and()?;
            left = chain(
                left,
                right,
                |node| match node {
                    Node::Or(operands) => Ok(operands),
                    other => Err(other),
                },
                Node::Or,
            )?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.equality()?;
        while self.take_if(Token::And)? {
            let right = self.equality()?;
            left = chain(
                left,
                right,
                |node| match node {
                    Node::And(operands) => Ok(operands),
                    other => Err(other),
                },
                Node::And,
            )?;
        }
        Ok(left)
    }

    fn equality(&mut self) -> Parsed {
        let mut left = self.comparison()?;
        loop {
            left = match self.peek()? {
                Token::Equal => {
                    self.take()?;
                    equal(left, self.comparison()?)?
                }
                Token::NotEqual => {
                    self.take()?;
                    not(equal(left, self.comparison()?)?)?
                }
                Token::Is => {
                    self.take()?;
                    let is_not = self.take_if(Token::Not)?;
                    self.expect(Token::Null, "NULL")?;
                    let is_null = Tree::above(left.depth, Node::IsNull(Box::new(left.node)))?;
                    if is_not { not(is_null)? } else { is_null }
                }
                _ => return Ok(left),
            };
        }
    }

    fn comparison(&mut self) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let relation = match self.peek()? {
                Token::Greater => Relation::Greater,
                Token::GreaterEqual => Relation::GreaterEqual,
                Token::Less => Relation::Less,
                Token::LessEqual => Relation::LessEqual,
                Token::Not | Token::Between | Token::In => {
                    left = self.range(left)?;
                    continue;
                }
                _ => return Ok(left),
            };
            self.take()?;
            let right = self.unary()?;
            check_ordered(&left.node)?;
            check_ordered(&right.node)?;
            let depth = left.depth.max(right.depth);
            left = Tree::above(depth, Node::Compare(relation, Box::new([left.node, right.node])))?;
        }
    }

    /// BETWEEN and IN, with or without NOT.
    fn range(&mut self, left: Tree) -> Parsed {
        let not = self.take_if(Token::Not)?;
        if self.take_if(Token::Between)? {
            let low = self.unary()?;
            self.expect(Token::And, "AND")?;
            let high = self.unary()?;
            return between(left, low, high, not);
        }
        self.expect(Token::In, if not { "BETWEEN or IN" } else { "IN" })?;
        self.expect(Token::Open, "(")?;
        let mut texts = vec![self.text()?];
        while self.take_if(Token::Comma)? {
            texts.push(self.text()?);
        }
        self.expect(Token::Close, ")")?;
        let Node::Property(property) = left.node else {
            return refuse("the left side of IN is not a property");
        };
        texts.sort_unstable();
        texts.dedup();
        Ok(Tree::leaf(Node::In { property, texts: texts.into_boxed_slice(), not }))
    }

    fn text(&mut self) -> Result<Box<[u8]>, CompileError> {
        match self.peek()? {
            Token::Text(quoted) => {
                self.take()?;
                Ok(unquoted(quoted))
            }
            _ => self.unexpected("a text in quotes"),
        }
    }

    fn unary(&mut self) -> Parsed {
        // Signs that mean nothing nest no deeper.
        while self.take_if(Token::Plus)? {}
        self.open += 1;
        if self.open > DEPTH_MAX {
            return too_deep();
        }
        let tree = match self.peek()? {
            Token::Minus => {
                self.take()?;
                let operand = self.unary()?;
                Tree::above(operand.depth, Node::Negate(Box::new(operand.node)))
            }
            Token::Not => {
                self.take()?;
                let operand = self.unary()?.into_truth()?;
                not(operand)
            }
            _ => self.primary(),
        };
        self.open -= 1;
        tree
    }

    fn primary(&mut self) -> Parsed {
        let constant = match self.peek()? {
            Token::Text(quoted) => Constant::Text(unquoted(quoted)),
            Token::Whole(digits) => whole(digits)?,
            Token::Fraction(text) => fraction(text)?,
            Token::True => Constant::Bool(true),
            Token::False => Constant::Bool(false),
            Token::Null => Constant::Null,
            Token::Name(name) => {
                self.take()?;
                return Ok(Tree::leaf(Node::Property(self.slot(name))));
            }
            Token::Open => {
                self.take()?;
                let inner = self.or()?;
                self.expect(Token::Close, ")")?;
                return Ok(inner);
            }
            _ => return self.unexpected("a value"),
        };
        self.take()?;
        Ok(Tree::leaf(Node::Constant(constant)))
    }
}

/// `left AND right`, or OR: operands of a chain stand side by side, so that it may be long.
fn chain(
    left: Tree,
    right: Tree,
    operands_of: impl FnOnce(Node) -> Result<Vec<Node>, Node>,
    node_of: impl FnOnce(Vec<Node>) -> Node,
) -> Parsed {
    let (left, right) = (left.into_truth()?, right.into_truth()?);
    let (mut operands, below) = match operands_of(left.node) {
        Ok(operands) => (operands, left.depth - 1),
        Err(node) => (vec![node], left.depth),
    };
    operands.push(right.node);
    Tree::above(below.max(right.depth), node_of(operands))
}

fn not(operand: Tree) -> Parsed {
    Tree::above(operand.depth, Node::Not(Box::new(operand.node)))
}

fn equal(left: Tree, right: Tree) -> Parsed {
    let is_null = |tree: &Tree| matches!(tree.node, Node::Constant(Constant::Null));
    if is_null(&left) || is_null(&right) {
        return refuse("NULL cannot be compared; use IS NULL");
    }
    if let (Node::Constant(Constant::Bool(_)), Node::Constant(constant)) = (&left.node, &right.node)
        && !matches!(constant, Constant::Bool(_))
    {
        return refuse("TRUE and FALSE cannot be compared with a number or a text");
    }
    Tree::above(left.depth.max(right.depth), Node::Equal(Box::new([left.node, right.node])))
}

/// What may stand beside `>`, `>=`, `<` and `<=`: numbers, and what may become one.
fn check_ordered(node: &Node) -> Result<(), CompileError> {
    match node {
        Node::Constant(Constant::Int(_) | Constant::Long(_) | Constant::Double(_)) => Ok(()),
        Node::Constant(_) => refuse("a text, TRUE, FALSE or NULL is compared by order"),
        node if node.is_truth() => refuse("a condition is compared by order"),
        _ => Ok(()),
    }
}

fn between(value: Tree, low: Tree, high: Tree, not: bool) -> Parsed {
    for tree in [&value, &low, &high] {
        check_ordered(&tree.node)?;
    }
    if let (Node::Constant(low), Node::Constant(high)) = (&low.node, &high.node)
        && !not
        && compare(Value::of(high), Value::of(low)).is_ok_and(std::cmp::Ordering::is_lt)
    {
        return refuse("the lower bound of BETWEEN is above the upper one");
    }
    let depth = value.depth.max(low.depth).max(high.depth);
    let operands = Box::new([value.node, low.node, high.node]);
    Tree::above(depth, Node::Between { operands, not })
}

/// A text without its quotes.
fn unquoted(quoted: &str) -> Box<[u8]> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    inner.replace("''", "'").into_bytes().into_boxed_slice()
}

/// An `int` where it fits, else a `long`.
fn whole(digits: &str) -> Result<Constant, CompileError> {
    let Ok(value) = digits.parse::<i64>() else {
        return refuse(format!("{digits} is larger than {}", i64::MAX));
    };
    Ok(i32::try_from(value).map_or(Constant::Long(value), Constant::Int))
}

/// Java takes neither what is too large, nor zero or what is so near to it that nothing is left.
fn fraction(text: &str) -> Result<Constant, CompileError> {
    match text.parse::<f64>() {
        Ok(value) if value.is_infinite() => refuse(format!("{text} is too large")),
        Ok(0.0) => refuse(format!("{text} is too small: a number with fraction must not be zero")),
        Ok(value) => Ok(Constant::Double(value)),
        Err(_) => refuse(format!("{text} is no number")),
    }
}
