//! The HTML page: its size, that it is the same for the same results, and that nothing in a result gets out of its place.

use crate::samples::{Sample, hostile, kept, sample, target_names};
use siospec::outcome::RunResult;
use siospec::report::html;

const THREE_MB: usize = 3_000_000;

fn page(name: &str, results: &[RunResult]) -> String {
    let bytes = html::page(results, html::LIMIT).unwrap();
    std::fs::write(kept().join(format!("{name}.html")), &bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn targets(trouble: u64) -> Vec<RunResult> {
    let server = |(seed, target)| Sample {
        target,
        role: "server",
        trouble,
        seed: seed as u64,
    };
    target_names()
        .into_iter()
        .enumerate()
        .map(server)
        .map(sample)
        .collect()
}

#[test]
fn ten_targets_fit_into_three_megabytes() {
    let results = targets(15);
    let trials = results[0].cases.len();
    assert!(trials > 500, "the samples have {trials} trials");
    let page = page("ten", &results);
    assert!(page.len() < THREE_MB, "{} bytes", page.len());
    assert!(
        page.contains("\"shortened\":false"),
        "an ordinary page has its transcripts whole"
    );
}

#[test]
fn ten_targets_that_fail_everything_fit_as_well() {
    let page = page("all-failing", &targets(100));
    assert!(page.len() < THREE_MB, "{} bytes", page.len());
}

#[test]
fn three_roles_stand_in_one_page() {
    let mut results: Vec<RunResult> = targets(20).into_iter().take(3).collect();
    results.push(sample(Sample {
        target: "socket.io-client",
        role: "client",
        trouble: 20,
        seed: 3,
    }));
    let page = page("roles", &results);
    for heading in ["Servers", "Clients"] {
        assert!(page.contains(&format!("{heading}</h3>")), "{heading}");
    }
}

#[test]
fn the_same_results_give_the_same_page() {
    let results = targets(15);
    assert!(
        html::page(&results[..2], html::LIMIT).unwrap() == html::page(&results[..2], html::LIMIT).unwrap()
    );
}

#[test]
fn hostile_texts_stay_texts() {
    let page = page("hostile", &[hostile("evil", 5_000_000), hostile("evil", 0)]);
    assert!(page.len() < THREE_MB, "{} bytes", page.len());
    for breakout in [
        "<script>window",
        "<img",
        "<h1 id=broken",
        "href=\"javascript:",
        "<svg onload",
        "\0",
        "\u{1b}",
    ] {
        assert!(!page.contains(breakout), "{breakout:?} stands in the page");
    }
    assert_eq!(
        page.matches("<script").count(),
        2,
        "one element of data, one script"
    );
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("</style").count(), 1);
}
