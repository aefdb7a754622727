//! The published schema of the result is that of the types.

use std::path::Path;

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/result.schema.json");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    let made = String::from_utf8(siospec::report::schema::schema().unwrap()).unwrap();
    assert!(
        published == made,
        "the types have changed: write it anew with `siospec report schema > reports/result.schema.json`"
    );
}
