//! The lines of a driver: each is JSON, and nothing but a line feed ends it.

use crate::cases::Player;
use crate::reports::tell_panics;
use crate::{Client, Refusal, unsupported};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};

/// Drives a library, of which `words` says what it can do, with spaces between.
pub fn drive<C: Client>(name: &str, version: &str, words: &str) -> std::io::Result<()> {
    tell_panics();
    let client: Vec<&str> = words.split_whitespace().collect();
    say(&json!({"hello": 1, "name": name, "version": version, "language": "Rust", "client": client}));
    let mut cases = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let request: Value = serde_json::from_str(&line)?;
        let id = request["id"].clone();
        say(&match take::<C>(&mut cases, request) {
            Ok(()) => json!({"id": id}),
            Err(Refusal::Unsupported(why)) => json!({"id": id, "unsupported": why}),
            Err(Refusal::Error(why)) => json!({"id": id, "error": why}),
        });
    }
    Ok(())
}

fn take<C: Client>(cases: &mut HashMap<String, Player>, request: Value) -> Result<(), Refusal> {
    let name = request["case"].as_str().unwrap_or_default().to_owned();
    match request["do"].as_str().unwrap_or_default() {
        "close" => {
            if let Some(player) = cases.remove(&name) {
                player.silence();
            }
            Ok(())
        }
        "connect" | "emit" | "disconnect" => {
            if !cases.contains_key(&name) {
                cases.insert(name.clone(), Player::start::<C>(&name)?);
            }
            cases[&name].ask(request)
        }
        other => Err(unsupported(other)),
    }
}

/// Writes a message.
pub fn say(message: &Value) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to tell when the output is closed.
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}
