//! The `install` key of a manifest: one command, or several.

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// One command (a list of words), or several (a list of such lists).
#[derive(Default)]
pub(super) struct Commands(pub(super) Vec<Vec<String>>);

impl<'de> Deserialize<'de> for Commands {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Commands;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command such as [\"npm\", \"ci\"], or a list of such commands")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Commands, A::Error> {
                let mut words = Vec::new();
                let mut commands = Vec::new();
                while let Some(part) = seq.next_element()? {
                    match part {
                        Part::Word(word) => words.push(word),
                        Part::Command(command) => commands.push(command),
                    }
                }
                if words.is_empty() == commands.is_empty() {
                    return Err(de::Error::custom(
                        "expected a command such as [\"npm\", \"ci\"], or a list of such commands, not a mixture",
                    ));
                }
                if !words.is_empty() {
                    commands.push(words);
                }
                if commands.iter().all(|words| is_command(words)) {
                    Ok(Commands(commands))
                } else {
                    Err(de::Error::custom("a command of install is empty"))
                }
            }
        }
        deserializer.deserialize_seq(List)
    }
}

enum Part {
    Word(String),
    Command(Vec<String>),
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Part;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word of a command, or a command")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Part, E> {
                Ok(Part::Word(word.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Part, A::Error> {
                let mut command = Vec::new();
                while let Some(word) = seq.next_element()? {
                    command.push(word);
                }
                Ok(Part::Command(command))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Whether words are a command.
pub(super) fn is_command(words: &[String]) -> bool {
    words.first().is_some_and(|program| !program.is_empty())
}
