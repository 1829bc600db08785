//! `docs/CONFIG.md`, generated from the rows.

use std::fmt::Write;

use super::table::Status;
use super::{ELSEWHERE, Row, Section};

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for section in Section::ALL {
        let _ = write!(page, "\n## {}\n\n{HEAD}", title(section));
        for row in section.rows() {
            page.push_str(&line(row));
        }
    }
    page.push_str(ELSEWHERE_HEAD);
    for elsewhere in ELSEWHERE {
        let _ = writeln!(page, "| `{}` | {} |", elsewhere.key, elsewhere.instead);
    }
    page.push_str(ENVIRONMENT);
    page
}

const INTRODUCTION: &str = "\
# Configuration keys

<!-- Generated from core/src/config. `BLESS=1 cargo test -p libbroker --lib config::` rewrites it. -->

Keys are spelt as in Apache RocketMQ 4.9.8 and go into the `-c` file, or into the `properties` of the library. One file
feeds every object. Unknown keys and values that are not taken end the start with a message that names key, value and what
is allowed. `mqbroker -p` prints the values in effect.

* **live**: a change by UPDATE_BROKER_CONFIG works at once; otherwise it is written to the file and works after the next start.
* **status**: *honoured* works as in Java; *accepted* is taken and has no effect here; *refused* takes only the values
  listed, because any other would silently give something else.
* **embedded**: default of the embedded profile where it differs.
* A key marked ✚ does not exist in Java 4.9.8; one marked ★ is printed by `-m`.
";

const HEAD: &str = "\
| key | type | default | embedded | allowed | live | status | meaning |
|---|---|---|---|---|---|---|---|
";

const ELSEWHERE_HEAD: &str = "
## Java system properties that are not keys

| property | use |
|---|---|
";

const ENVIRONMENT: &str = "
## Environment

| variable | meaning |
|---|---|
| `ROCKETMQ_HOME` | default of `rocketmqHome`; not needed |
| `NAMESRV_ADDR` | default of `namesrvAddr` |
| `ROCKETMQ_SERIALIZE_TYPE` | default of `rocketmq.serialize.type` |
| `MQBROKER_LOG`, `MQNAMESRV_LOG` | log level of the programs, as `--log` |
| `HOME` | the default store is `$HOME/store` |
| `JAVA_OPT_EXT`, `RMQ_NUMA_NODE`, `JAVA_HOME` | read by Java's start scripts only |

The library reads none of them in the embedded profile.
";

fn title(section: Section) -> String {
    match section {
        Section::System => "Java system properties that are keys here".to_owned(),
        section => section.java_class().to_owned(),
    }
}

fn line(row: &Row) -> String {
    let mark = |yes: bool, mark: &'static str| if yes { mark } else { "" };
    let status = match row.status() {
        Status::Honoured => "honoured".to_owned(),
        Status::Accepted(why) => format!("accepted: {why}"),
        Status::Refused { .. } => format!("refused: {}", row.allowed()),
    };
    let allowed = match row.status() {
        Status::Refused { allowed, .. } => allowed
            .iter()
            .map(|value| if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") })
            .collect::<Vec<_>>()
            .join(", "),
        _ => row.allowed(),
    };
    format!(
        "| `{}`{}{} | {} | {} | {} | {} | {} | {} | {} |\n",
        row.key(),
        mark(row.is_important(), " ★"),
        mark(row.is_addition(), " ✚"),
        row.kind(),
        row.default_text().map(code).unwrap_or_default(),
        row.embedded_default().map(code).unwrap_or_default(),
        cell(&allowed),
        mark(row.is_live(), "yes"),
        cell(&status),
        cell(row.doc()),
    )
}

fn code(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { format!("`{text}`") }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
