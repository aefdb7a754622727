//! The JSON Schema of both directions of the driver protocol, made from the types of its messages.

use super::message::Message;
use super::request::Request;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema as JSON, ending in a line break. A line of siospec fits `#/$defs/request`, one of a driver `#/$defs/message`.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn driver_schema() -> Result<Vec<u8>, serde_json::Error> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let message = generator.subschema_for::<Message>();
    let command = generator.subschema_for::<Request>();
    let mut definitions = generator.take_definitions(true);
    definitions.insert("request".to_owned(), numbered(command.to_value()));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the driver protocol",
        "description": "Version 1, described in docs/driver.md. Keys that are not named here are ignored.",
        "anyOf": [{ "$ref": "#/$defs/request" }, message],
        "$defs": definitions,
    });
    let mut bytes = serde_json::to_vec_pretty(&schema)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A request as it is sent: with an id, and where it is for a client with a case.
fn numbered(command: Value) -> Value {
    json!({
        "allOf": [command],
        "properties": { "id": { "type": "integer", "minimum": 1 }, "case": { "type": "string" } },
        "required": ["id", "do"],
    })
}
