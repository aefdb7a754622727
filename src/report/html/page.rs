//! The page itself: what stands in it without a script, and the parts it is put together from.
//!
//! The tables are made here; cases and diagrams are drawn in the browser from the embedded data. The page loads nothing:
//! its policy allows only its own style and script, each by a nonce that what a target sent cannot know.

use super::data::{Data, Depth};
use crate::outcome::{Gate, RunResult, Verdict};
use crate::report::matrix::{Matrix, Tally, labels, roles, withheld_trials};
use crate::report::text::{brief, count};
use askama::Template;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use url::form_urlencoded;

/// How large a page may be before diagrams are shortened, in bytes: 3 MB, less what the tables take.
pub const LIMIT: usize = 2_750_000;

const STYLE: &str = include_str!("../../../templates/report/style.css");
const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("../../../templates/report/data.js"),
    include_str!("../../../templates/report/diagram.js"),
    include_str!("../../../templates/report/case.js"),
    include_str!("../../../templates/report/list.js"),
    include_str!("../../../templates/report/route.js"),
);

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum HtmlError {
    /// The template failed.
    #[error("put the page together: {0}")]
    Template(#[from] askama::Error),
    /// The data could not be written.
    #[error("write the data of the page: {0}")]
    Data(#[from] serde_json::Error),
}

/// The page of these results; diagrams are shortened, and then left out, where it would be larger than `limit` bytes.
///
/// # Errors
/// Where it cannot be put together.
pub fn page(results: &[RunResult], limit: usize) -> Result<Vec<u8>, HtmlError> {
    let mut data = String::new();
    for depth in &Depth::ALL {
        data = embedded(&Data::of(results, depth))?;
        if data.len() <= limit {
            break;
        }
    }
    let labels = labels(results);
    let page = Page {
        results: results
            .iter()
            .zip(&labels)
            .map(|(result, label)| ResultRow::of(result, label))
            .collect(),
        matrices: roles(results)
            .into_iter()
            .map(|role| MatrixTable::of(results, &labels, role))
            .collect(),
        legend: Verdict::ALL
            .map(|verdict| (verdict.word(), meaning(verdict)))
            .into(),
        versions: versions(results),
        withheld: withheld(results),
        nonce: nonce(&data),
        data: &data,
    };
    Ok(page.render()?.into_bytes())
}

/// JSON that may stand in a script element: it cannot end it.
fn embedded(data: &Data) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(data)?.replace('<', "\\u003c"))
}

/// Follows from the whole of the data, so the same results give the same page.
fn nonce(data: &str) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(data.as_bytes());
    format!("{:016x}", hasher.finish())
}

#[derive(Template)]
#[template(path = "report/page.html")]
struct Page<'a> {
    results: Vec<ResultRow>,
    matrices: Vec<MatrixTable>,
    legend: Vec<(&'static str, &'static str)>,
    versions: String,
    withheld: Option<String>,
    nonce: String,
    data: &'a str,
}

impl Page<'_> {
    fn style(&self) -> &'static str {
        STYLE
    }

    fn script(&self) -> &'static str {
        SCRIPT
    }
}

struct ResultRow {
    label: String,
    role: String,
    version: String,
    language: String,
    /// Empty where it is no link to the web.
    homepage: String,
    started_at: String,
    href: String,
    gate_holds: bool,
    reasons: Vec<String>,
    notes: Vec<String>,
    tally: Tally,
}

impl ResultRow {
    fn of(result: &RunResult, label: &str) -> Self {
        let lacks: Vec<&str> = result
            .capabilities
            .iter()
            .filter(|(_, able)| !**able)
            .map(|(name, _)| name.as_str())
            .collect();
        let mut notes = Vec::new();
        if result.interrupted {
            notes.push("interrupted: not every case was played".to_owned());
        }
        if let Some(part) = &result.partition {
            notes.push(format!("only a part of the cases: {}", brief(part, 40)));
        }
        if !lacks.is_empty() {
            notes.push(format!("lacks {}", brief(&lacks.join(", "), 200)));
        }
        Self {
            label: label.to_owned(),
            role: brief(&result.role, 20),
            version: brief(&result.target.version, 40),
            language: brief(&result.target.language, 40),
            homepage: web_link(&result.target.homepage),
            started_at: brief(result.started_at.get(..10).unwrap_or(&result.started_at), 40),
            href: href(&[("role", &result.role), ("target", label)]),
            gate_holds: result.gate == Gate::Pass,
            reasons: result
                .gate_reasons
                .iter()
                .take(12)
                .map(|reason| brief(reason, 300))
                .collect(),
            notes,
            tally: Tally::of(&result.cases),
        }
    }

    /// The verdicts that count, each with its number; passes are told by [`Self::passed`].
    fn remarks(&self) -> Vec<(&'static str, usize)> {
        let counts = self.tally.worst_first().into_iter();
        counts
            .filter(|(verdict, _)| *verdict != Verdict::Pass)
            .map(|(verdict, n)| (verdict.word(), n))
            .collect()
    }

    fn passed(&self) -> String {
        format!(
            "{} of {}",
            self.tally.count(Verdict::Pass),
            count(self.tally.played(), "trial", "trials")
        )
    }

    fn deviations(&self) -> Option<String> {
        match self.tally.deviations {
            0 => None,
            n => Some(count(n, "deviation", "deviations")),
        }
    }
}

struct MatrixTable {
    role: String,
    targets: Vec<(String, String)>,
    rows: Vec<AreaRow>,
}

struct AreaRow {
    area: String,
    href: String,
    cells: Vec<Cell>,
}

struct Cell {
    /// The worst verdict; empty where the result has nothing of the area.
    worst: &'static str,
    href: String,
    passed: usize,
    played: usize,
    words: String,
}

impl Cell {
    /// What stands in it beside the sign.
    fn shows(&self) -> String {
        match self.played {
            0 => String::new(),
            played => format!("{}/{played}", self.passed),
        }
    }
}

impl MatrixTable {
    fn of(results: &[RunResult], labels: &[String], role: &str) -> Self {
        let matrix = Matrix::of(results, role);
        let label_of = |column: usize| labels[matrix.columns[column]].as_str();
        let targets = (0..matrix.columns.len())
            .map(|column| {
                (
                    label_of(column).to_owned(),
                    href(&[("role", role), ("target", label_of(column))]),
                )
            })
            .collect();
        let row = |area: &str, tallies: &[Tally]| {
            let cells = tallies.iter().enumerate().map(|(column, tally)| Cell {
                worst: tally.worst().map_or("", Verdict::word),
                href: href(&[("role", role), ("area", area), ("target", label_of(column))]),
                passed: tally.count(Verdict::Pass),
                played: tally.played(),
                words: format!("{}, {}: {}", label_of(column), brief(area, 80), tally.words()),
            });
            AreaRow {
                area: brief(area, 80),
                href: href(&[("role", role), ("area", area)]),
                cells: cells.collect(),
            }
        };
        Self {
            role: brief(role, 20),
            targets,
            rows: matrix
                .rows
                .iter()
                .map(|(area, tallies)| row(area, tallies))
                .collect(),
        }
    }
}

/// A link into the page that sets these filters.
fn href(filters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in filters {
        query.append_pair(name, &brief(value, 200));
    }
    format!("#{}", query.finish())
}

/// The address, where it is one of the web; otherwise nothing, so that no other scheme can be followed.
fn web_link(text: &str) -> String {
    let is_web = |url: &url::Url| matches!(url.scheme(), "http" | "https") && text.len() < 2_000;
    url::Url::parse(text)
        .ok()
        .filter(is_web)
        .map(String::from)
        .unwrap_or_default()
}

fn versions(results: &[RunResult]) -> String {
    let versions: BTreeSet<String> = results
        .iter()
        .map(|result| brief(&result.siospec_version, 40))
        .collect();
    versions.into_iter().collect::<Vec<_>>().join(", ")
}

fn withheld(results: &[RunResult]) -> Option<String> {
    let trials = withheld_trials(results);
    (trials > 0).then(|| count(trials, "trial is", "trials are"))
}

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "the rule holds",
        Verdict::Lenient => "a rule that is no must is broken, or a tolerated answer came",
        Verdict::Fail => "a must or security rule is broken",
        Verdict::Known => "a failure that the target's list expects",
        Verdict::Flaky => "failed, then passed when played alone",
        Verdict::Skip => "the target lacks what the case needs",
        Verdict::Blocked => "a precondition does not hold",
        Verdict::Crashed => "the target's process ended",
        Verdict::Hung => "the target no longer answers",
        Verdict::Broken => "siospec itself failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(web_link("https://socket.io"), "https://socket.io/");
        for no in [
            "javascript:alert(1)",
            "data:text/html,x",
            " java\nscript:alert(1)",
            "//x",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(web_link(no), "", "{no}");
        }
        assert!(!web_link("https://x/\"><img onerror=x>").contains(['"', '<', '>']));
    }

    #[test]
    fn a_link_into_the_page_holds_whatever_a_name_holds() {
        assert_eq!(href(&[("target", "a&b=\"#<")]), "#target=a%26b%3D%22%23%3C");
    }
}
