//! Every expectation can fail: what the reference sent is changed before it is judged, and no change goes unnoticed.

use assert_cmd::Command;

#[test]
fn no_mutation_survives() {
    let output = Command::cargo_bin("siospec")
        .unwrap()
        .arg("selftest")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tried: usize = text
        .lines()
        .last()
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default();
    assert!(tried > 10_000, "only {tried} mutations: {text}");
}
