//! The list of answers that differ from Java's, with the reasons: `replay-differences.tsv`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::compare::{Differences, told};
use super::recording::golden;

const FILE: &str = "replay-differences.tsv";
const HEADING: &str = "request\trecordings\tkind\tparts\treason";

/// Why an answer differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On purpose.
    Differs,
    /// Something is missing here that is to come.
    NotYet,
    /// It depends on who is faster: sometimes it differs, sometimes not.
    Race,
}

/// An answer that is known to differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Why.
    pub kind: Kind,
    /// In what: see [`Differences`].
    pub parts: BTreeSet<String>,
}

impl Listed {
    /// The lines for the recording `name`, by request.
    pub fn load(name: &str) -> BTreeMap<String, Listed> {
        let file = golden(FILE);
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        parse(&text, name).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    /// What is wrong with the line when this is what differs; `None` when it is right.
    pub fn objection(&self, found: &Differences) -> Option<String> {
        let is_right = match self.kind {
            Kind::Race => found.keys().all(|part| self.parts.contains(part)),
            Kind::Differs | Kind::NotYet if found.is_empty() => return Some("agrees now".to_owned()),
            Kind::Differs | Kind::NotYet => found.keys().eq(&self.parts),
        };
        (!is_right).then(|| format!("differs otherwise than in the listed {:?}:{}", self.parts, told(found)))
    }
}

fn parse(text: &str, name: &str) -> Result<BTreeMap<String, Listed>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADING) {
        return Err(format!("the first line is not {HEADING:?}"));
    }
    let mut list = BTreeMap::new();
    for line in lines {
        let [request, recordings, kind, parts, reason] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{line:?}: five columns are needed"));
        };
        let kind = match kind {
            "differs" => Kind::Differs,
            "not yet" => Kind::NotYet,
            "race" => Kind::Race,
            _ => return Err(format!("{line:?}: the kind is \"differs\", \"not yet\" or \"race\"")),
        };
        if !["json", "rocketmq", "both"].contains(&recordings) || reason.is_empty() || parts.is_empty() {
            return Err(format!(
                "{line:?}: recordings are json, rocketmq or both; parts and reason are needed"
            ));
        }
        let parts = parts.split(", ").map(str::to_owned).collect();
        let is_ours = recordings == "both" || recordings == name;
        if is_ours && list.insert(request.to_owned(), Listed { kind, parts }).is_some() {
            return Err(format!("{line:?}: the request is listed twice"));
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &str) -> Result<BTreeMap<String, Listed>, String> {
        parse(&format!("{HEADING}\n{lines}"), "json")
    }

    fn found(parts: &[&str]) -> Differences {
        parts.iter().map(|part| ((*part).to_owned(), String::new())).collect()
    }

    #[test]
    fn lines_count_for_their_recordings() {
        let list = list(
            "a/1/1\tboth\tdiffers\tbody\tr\nb/1/1\trocketmq\trace\tcode\tr\nc/1/1\tjson\tnot yet\tcode, remark\tr",
        );
        let list = list.unwrap();
        assert_eq!(list.keys().collect::<Vec<_>>(), ["a/1/1", "c/1/1"]);
        assert_eq!((list["c/1/1"].kind, list["c/1/1"].parts.len()), (Kind::NotYet, 2));
    }

    #[test]
    fn lines_that_say_too_little_or_too_much_are_refused() {
        assert!(list("a/1/1\tboth\tdiffers\tbody").is_err());
        assert!(list("a/1/1\tboth\tdiffers\tbody\t").is_err());
        assert!(list("a/1/1\tall\tdiffers\tbody\tr").is_err());
        assert!(list("a/1/1\tboth\tlater\tbody\tr").is_err());
        assert!(list("a/1/1\tboth\tdiffers\tbody\tr\na/1/1\tjson\trace\tbody\tr").is_err());
        assert!(parse("", "json").is_err());
    }

    #[test]
    fn a_difference_has_to_be_the_listed_one() {
        let list = list("a/1/1\tboth\tdiffers\tcode, remark\tr\nb/1/1\tboth\trace\tcode, body\tr").unwrap();
        assert_eq!(list["a/1/1"].objection(&found(&["remark", "code"])), None);
        assert_eq!(list["a/1/1"].objection(&found(&[])), Some("agrees now".to_owned()));
        assert!(list["a/1/1"].objection(&found(&["code"])).is_some());
        assert!(list["a/1/1"].objection(&found(&["code", "remark", "body"])).is_some());
        assert_eq!(list["b/1/1"].objection(&found(&[])), None);
        assert_eq!(list["b/1/1"].objection(&found(&["body"])), None);
        assert!(list["b/1/1"].objection(&found(&["remark"])).is_some());
    }
}
