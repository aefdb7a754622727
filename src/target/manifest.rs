//! `target.toml`: how to install and start an implementation, and what it is known to fail.
//!
//! Owns the form of the file and of known-failure lists, and the errors that point into them. The format is described
//! for its authors in `targets/README.md`.

use super::install_commands::{Commands, is_command};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The file that makes a folder a target.
pub const FILE_NAME: &str = "target.toml";

/// A checked manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The folder it lies in: where its commands run.
    pub folder: PathBuf,
    /// The name of the implementation, made of letters, digits and `.`, `-`, `_`, `+`.
    pub name: String,
    /// The version of the implementation.
    pub version: String,
    /// The language it is written in.
    pub language: String,
    /// Where it comes from; may be empty.
    pub homepage: String,
    /// The commands that make it ready to start, in order.
    pub install: Vec<Vec<String>>,
    /// How its server is started.
    pub server: Option<Program>,
    /// How the driver of its client is started.
    pub client: Option<Program>,
    /// How the driver of its codec is started.
    pub codec: Option<Program>,
    /// What changes for a variant of the options.
    pub variants: BTreeMap<String, Variant>,
    /// What it is known to fail.
    pub known: Vec<KnownEntry>,
    /// What campaigns are known to find in it.
    pub fuzz: Vec<FuzzEntry>,
}

/// A program of the target.
#[derive(Clone, Debug)]
pub struct Program {
    /// The command and its arguments, at least one word.
    pub command: Vec<String>,
    /// The path that a server serves Socket.IO at.
    pub path: String,
    /// The connect timeout in milliseconds; `None` where the server has none.
    pub connect_timeout_ms: Option<f64>,
    /// How many trials it can take side by side at most, where it says so.
    pub jobs: Option<usize>,
    /// Environment variables on top of siospec's own.
    pub env: BTreeMap<String, String>,
}

/// What changes for a variant.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// Environment variables on top of the program's.
    pub env: BTreeMap<String, String>,
    /// The command, where it is another one.
    pub command: Option<Vec<String>>,
}

/// Something that a target is known to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEntry {
    /// The id of a case, with or without its `each` value; `*` stands for any text.
    pub case: String,
    /// The transports that are meant; empty for all.
    pub over: Vec<String>,
    /// A part of the message with which it fails.
    pub fails: String,
    /// Why it is known.
    pub why: String,
    /// Where it is tracked; may be empty.
    pub link: String,
    /// Whether the target ends or hangs over it.
    pub ends: bool,
}

/// A class of findings that campaigns are known to come upon in a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuzzEntry {
    /// The name of the class; `*` stands for any text.
    pub class: String,
    /// Why it is known.
    pub why: String,
    /// Where it is tracked; may be empty.
    pub link: String,
}

/// What a known failure may be narrowed to.
const TRANSPORTS: [&str; 5] = ["websocket", "polling", "upgraded", "wire", "vector"];

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{0}")]
    Content(Box<Located>),
}

/// A place in a file, and what is wrong there.
#[derive(Clone, Debug)]
pub struct Located {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The bytes that are wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.text.len();
        let span = self.span.start.min(end)..self.span.end.clamp(self.span.start.min(end), end);
        let snippet = Snippet::source(self.text.as_str())
            .path(self.path.display().to_string())
            .annotation(AnnotationKind::Primary.span(span));
        let mut report = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(help.as_str()));
        }
        f.write_str(&Renderer::plain().render(&[report]))
    }
}

impl Manifest {
    /// Reads the manifest of a folder, or the file itself.
    ///
    /// # Errors
    /// Where it cannot be read or says something that it must not.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let file = if path.is_dir() {
            path.join(FILE_NAME)
        } else {
            path.to_owned()
        };
        let text = read(&file)?;
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Self::parse(&file, folder, text)
    }

    fn parse(file: &Path, folder: PathBuf, text: String) -> Result<Self, ManifestError> {
        let source = Source {
            path: file,
            text: &text,
        };
        let raw: RawManifest = source.read_toml()?;
        let name = source.checked(raw.name, "a name of letters, digits and . - _ +", |name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-_+".contains(c))
        })?;
        if raw.server.is_none() && raw.client.is_none() && raw.codec.is_none() {
            return Err(source.error(
                0..0,
                "the manifest has no role",
                Some("add a [server], [client] or [codec] table"),
            ));
        }
        Ok(Self {
            folder,
            name,
            version: raw.version,
            language: raw.language,
            homepage: raw.homepage,
            install: raw.install.0,
            server: raw.server.map(|program| source.program(program)).transpose()?,
            client: raw.client.map(|program| source.program(program)).transpose()?,
            codec: raw.codec.map(|program| source.program(program)).transpose()?,
            variants: source.variants(raw.variants)?,
            known: source.known(raw.known)?,
            fuzz: source.fuzz(raw.fuzz)?,
        })
    }
}

/// Reads a list of known failures of its own: a file of `[[known]]` tables.
///
/// # Errors
/// Where it cannot be read or says something that it must not.
pub fn load_known(path: &Path) -> Result<Vec<KnownEntry>, ManifestError> {
    let text = read(path)?;
    let source = Source { path, text: &text };
    let raw: RawKnownFile = source.read_toml()?;
    source.known(raw.known)
}

fn read(path: &Path) -> Result<String, ManifestError> {
    std::fs::read_to_string(path).map_err(|source| ManifestError::Read {
        path: path.to_owned(),
        source,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    name: Spanned<String>,
    #[serde(default)]
    version: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    homepage: String,
    #[serde(default)]
    install: Commands,
    server: Option<RawProgram>,
    client: Option<RawProgram>,
    codec: Option<RawProgram>,
    #[serde(default)]
    variants: BTreeMap<Spanned<String>, RawVariant>,
    #[serde(default)]
    known: Vec<RawKnown>,
    #[serde(default)]
    fuzz: Vec<RawFuzz>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFuzz {
    class: Spanned<String>,
    why: Spanned<String>,
    #[serde(default)]
    link: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProgram {
    command: Spanned<Vec<String>>,
    path: Option<Spanned<String>>,
    connect_timeout_ms: Option<Spanned<f64>>,
    jobs: Option<Spanned<u16>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVariant {
    #[serde(default)]
    env: BTreeMap<String, String>,
    command: Option<Spanned<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnown {
    case: Spanned<String>,
    over: Option<Spanned<Transports>>,
    fails: Spanned<String>,
    why: Spanned<String>,
    #[serde(default)]
    link: String,
    #[serde(default)]
    ends: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnownFile {
    #[serde(default)]
    known: Vec<RawKnown>,
}

/// A file while it is checked.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn read_toml<T: de::DeserializeOwned>(&self) -> Result<T, ManifestError> {
        toml::from_str(self.text)
            .map_err(|error| self.error(error.span().unwrap_or(0..0), error.message(), None))
    }

    fn error(&self, span: Range<usize>, message: &str, help: Option<&str>) -> ManifestError {
        ManifestError::Content(Box::new(Located {
            path: self.path.to_owned(),
            text: self.text.to_owned(),
            span,
            message: message.to_owned(),
            help: help.map(str::to_owned),
        }))
    }

    fn checked<T>(
        &self,
        value: Spanned<T>,
        expected: &str,
        good: impl Fn(&T) -> bool,
    ) -> Result<T, ManifestError> {
        if good(value.get_ref()) {
            return Ok(value.into_inner());
        }
        Err(self.error(value.span(), &format!("expected {expected}"), None))
    }

    fn command(&self, command: Spanned<Vec<String>>) -> Result<Vec<String>, ManifestError> {
        self.checked(command, "a command: its name, then its arguments", |words| {
            is_command(words)
        })
    }

    fn program(&self, raw: RawProgram) -> Result<Program, ManifestError> {
        let path = match raw.path {
            None => super::DEFAULT_PATH.to_owned(),
            Some(path) => self.checked(path, "a path that begins and ends with /", |path| {
                path.starts_with('/') && path.ends_with('/')
            })?,
        };
        let connect_timeout_ms = match raw.connect_timeout_ms {
            None => Some(super::DEFAULT_CONNECT_TIMEOUT_MS),
            Some(value) => {
                let value = self.checked(value, "milliseconds, or 0 for no connect timeout", |ms| {
                    ms.is_finite() && *ms >= 0.0
                })?;
                (value > 0.0).then_some(value)
            }
        };
        let jobs = match raw.jobs {
            None => None,
            Some(jobs) => Some(self.checked(
                jobs,
                "how many cases are played side by side, at least 1",
                |jobs| *jobs > 0,
            )?),
        };
        Ok(Program {
            command: self.command(raw.command)?,
            path,
            connect_timeout_ms,
            jobs: jobs.map(usize::from),
            env: raw.env,
        })
    }

    fn variants(
        &self,
        raw: BTreeMap<Spanned<String>, RawVariant>,
    ) -> Result<BTreeMap<String, Variant>, ManifestError> {
        raw.into_iter()
            .map(|(name, raw)| {
                let name = self.checked(name, "the name of a variant, such as no-upgrades", |name| {
                    !name.is_empty()
                        && name
                            .chars()
                            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                })?;
                let command = raw.command.map(|command| self.command(command)).transpose()?;
                Ok((
                    name,
                    Variant {
                        env: raw.env,
                        command,
                    },
                ))
            })
            .collect()
    }

    fn fuzz(&self, raw: Vec<RawFuzz>) -> Result<Vec<FuzzEntry>, ManifestError> {
        let filled = |text: &String| !text.trim().is_empty();
        let entry = |raw: RawFuzz| {
            let class = self.checked(
                raw.class,
                "a class as campaigns name it: codec/direction/kind/aspect",
                |class| class.split('/').count() > 2 || class.contains('*'),
            )?;
            Ok(FuzzEntry {
                class,
                why: self.checked(raw.why, "why the finding is known", filled)?,
                link: raw.link,
            })
        };
        raw.into_iter().map(entry).collect()
    }

    fn known(&self, raw: Vec<RawKnown>) -> Result<Vec<KnownEntry>, ManifestError> {
        raw.into_iter()
            .map(|raw| {
                let filled = |text: &String| !text.trim().is_empty();
                let over = match raw.over {
                    None => Vec::new(),
                    Some(over) => {
                        let expected = "websocket, polling, upgraded, wire or vector, or a list of them";
                        self.checked(over, expected, |Transports(names)| {
                            !names.is_empty() && names.iter().all(|name| TRANSPORTS.contains(&name.as_str()))
                        })?
                        .0
                    }
                };
                Ok(KnownEntry {
                    case: self.checked(raw.case, "the id of a case", filled)?,
                    over,
                    fails: self.checked(
                        raw.fails,
                        "a part of the message with which the case fails",
                        filled,
                    )?,
                    why: self.checked(raw.why, "why the failure is known", filled)?,
                    link: raw.link,
                    ends: raw.ends,
                })
            })
            .collect()
    }
}

/// The name of one transport, or a list of such names.
struct Transports(Vec<String>);

impl<'de> Deserialize<'de> for Transports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Transports;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a transport such as \"polling\", or a list of transports")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Transports, E> {
                Ok(Transports(vec![name.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Transports, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(Transports(names))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(Path::new("x/target.toml"), PathBuf::from("x"), text.to_owned())
            .map_err(|error| error.to_string())
    }

    fn error(text: &str) -> String {
        parse(text).map(|_| ()).unwrap_err()
    }

    const SMALL: &str = "name = \"x\"\n[server]\ncommand = [\"./x\"]\n";

    #[test]
    fn the_smallest_manifest_has_the_documented_defaults() {
        let manifest = parse(SMALL).unwrap();
        let server = manifest.server.unwrap();
        assert_eq!(server.path, "/socket.io/");
        assert_eq!(server.connect_timeout_ms, Some(1000.0));
        assert!(manifest.install.is_empty());
    }

    #[test]
    fn install_is_one_command_or_several() {
        let one = parse(&format!("install = [\"npm\", \"ci\"]\n{SMALL}")).unwrap();
        assert_eq!(one.install, [["npm", "ci"]]);
        let two = parse(&format!("install = [[\"a\", \"b\"], [\"c\"]]\n{SMALL}")).unwrap();
        assert_eq!(two.install, [vec!["a", "b"], vec!["c"]]);
        assert!(error(&format!("install = [\"a\", [\"b\"]]\n{SMALL}")).contains("not a mixture"));
    }

    #[test]
    fn who_cannot_take_many_at_once_says_so() {
        let manifest = parse(&format!("{SMALL}jobs = 4\n")).unwrap();
        assert_eq!(manifest.server.unwrap().jobs, Some(4));
        assert_eq!(parse(SMALL).unwrap().server.unwrap().jobs, None);
        assert!(error(&format!("{SMALL}jobs = 0\n")).contains("at least 1"));
    }

    #[test]
    fn a_connect_timeout_of_zero_is_none() {
        let manifest = parse(&format!("{SMALL}connect_timeout_ms = 0\n")).unwrap();
        assert_eq!(manifest.server.unwrap().connect_timeout_ms, None);
        assert!(error(&format!("{SMALL}connect_timeout_ms = -1.0\n")).contains("milliseconds"));
    }

    #[test]
    fn an_unknown_key_is_underlined_where_it_stands() {
        let message = error(&format!("{SMALL}comand = 1\n"));
        assert!(message.contains("unknown field `comand`"), "{message}");
        assert!(message.contains("x/target.toml:4:1"), "{message}");
        assert!(message.contains("expected one of"), "{message}");
    }

    #[test]
    fn a_manifest_without_a_role_says_so() {
        assert!(error("name = \"x\"\n").contains("no role"));
    }

    #[test]
    fn a_known_failure_must_say_how_it_fails_and_why() {
        let known = "[[known]]\ncase = \"server/*\"\nfails = \"400\"\nwhy = \" \"\n";
        assert!(error(&format!("{SMALL}{known}")).contains("why the failure is known"));
        let good = known.replace("\" \"", "\"the framework answers first\"");
        assert_eq!(
            parse(&format!("{SMALL}{good}")).unwrap().known[0].case,
            "server/*"
        );
        assert!(error(&format!("{SMALL}{good}over = \"udp\"\n")).contains("websocket, polling"));
    }

    #[test]
    fn a_known_finding_has_a_class_and_a_reason() {
        let fuzz =
            |class: &str, why: &str| format!("{SMALL}[[fuzz]]\nclass = \"{class}\"\nwhy = \"{why}\"\n");
        let good = parse(&fuzz("socket-packet/decode/accepts/*", "it is lax")).unwrap();
        assert_eq!(good.fuzz[0].class, "socket-packet/decode/accepts/*");
        assert!(error(&fuzz("lax", "it is")).contains("codec/direction/kind/aspect"));
        assert!(error(&fuzz("a/b/c", " ")).contains("why the finding is known"));
    }

    #[test]
    fn a_known_failure_may_be_narrowed_to_one_transport_or_several() {
        let over = |over: &str| {
            format!("{SMALL}[[known]]\ncase = \"server/*\"\nfails = \"400\"\nwhy = \"old\"\nover = {over}\n")
        };
        assert_eq!(parse(&over("\"polling\"")).unwrap().known[0].over, ["polling"]);
        let several = parse(&over("[\"polling\", \"wire\"]")).unwrap();
        assert_eq!(several.known[0].over, ["polling", "wire"]);
        for wrong in ["[]", "\"http\"", "[\"polling\", \"http\"]"] {
            assert!(error(&over(wrong)).contains("or a list of them"), "{wrong}");
        }
    }
}
