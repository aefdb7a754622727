//! The JSON Schema of the saved result, made from the types that write it.

use crate::outcome::RunResult;
use schemars::generate::SchemaSettings;

/// The schema as JSON, ending in a line break.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn schema() -> Result<Vec<u8>, serde_json::Error> {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<RunResult>();
    schema.insert("title".to_owned(), "The result of a siospec run".into());
    let mut bytes = serde_json::to_vec_pretty(&schema)?;
    bytes.push(b'\n');
    Ok(bytes)
}
