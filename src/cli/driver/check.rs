//! The course of the check: the driver is started, looked at step by step, and started again where a step ended it.

use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::scene::{Stage, Trouble};
use super::step::Step;
use super::{Check, client, codec};
use crate::suite::Codec;
use crate::target::{
    ClientTarget, CodecTarget, DriverError, FILE_NAME, Hello, Limits, Manifest, StartError, Target,
};
use futures_util::FutureExt as _;
use std::io::Write as _;
use std::path::Path;

/// How often a driver that a step has ended is started again.
const RESTARTS: usize = 2;
/// What to do where a driver is of no further use.
const LOST: &str = "keep standard output for messages alone, answer in the order of the requests, and go on whatever the library does";

pub(super) fn check(arguments: &Check, out: &mut Output) -> Result<Exit, Failure> {
    let drivers = drivers(arguments)?;
    let limits = Limits {
        start: arguments.start_timeout,
        ..Limits::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut course = Course {
        out,
        limits,
        arguments,
        held: 0,
        missing: 0,
        skipped: 0,
    };
    let took = runtime.block_on(async {
        for driver in &drivers {
            course.look_at(driver).await?;
        }
        course.sum_up()
    });
    runtime.shutdown_background();
    took
}

/// A driver, as a codec that it may be and as a client that it may be.
struct Driver {
    as_codec: CodecTarget,
    as_client: Option<ClientTarget>,
}

fn drivers(arguments: &Check) -> Result<Vec<Driver>, Failure> {
    let Some(target) = &arguments.target else {
        let command = || arguments.command.clone();
        return Ok(vec![Driver {
            as_codec: CodecTarget::command(command()),
            as_client: Some(ClientTarget::command(command())),
        }]);
    };
    let manifest = Manifest::load(Path::new(target)).map_err(Failure::usage)?;
    let mut drivers = Vec::new();
    if let Some(as_client) = ClientTarget::manifest(manifest.clone(), target) {
        let mut as_codec = manifest.clone();
        as_codec.codec = as_codec.client.clone();
        drivers.extend(CodecTarget::manifest(as_codec, target).map(|as_codec| Driver {
            as_codec,
            as_client: Some(as_client),
        }));
    }
    drivers.extend(CodecTarget::manifest(manifest, target).map(|as_codec| Driver {
        as_codec,
        as_client: None,
    }));
    if drivers.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!(
            "{target} has no driver: its {FILE_NAME} has neither [client] nor [codec]"
        )));
    }
    Ok(drivers)
}

struct Course<'a> {
    out: &'a mut Output,
    limits: Limits,
    arguments: &'a Check,
    held: usize,
    missing: usize,
    skipped: usize,
}

impl Course<'_> {
    async fn look_at(&mut self, driver: &Driver) -> Result<(), Failure> {
        let Some(hello) = self.look_at_hello(driver).await? else {
            return Ok(());
        };
        for word in &hello.codecs {
            self.look_at_codec(driver, word).await?;
        }
        if let Some(target) = driver.as_client.as_ref().filter(|_| !hello.client.is_empty()) {
            self.look_at_client(target).await?;
        }
        Ok(())
    }

    async fn look_at_hello(&mut self, driver: &Driver) -> Result<Option<Hello>, Failure> {
        let title = "introduces itself, and owns up to a command that it does not know";
        let target = driver_codec(&driver.as_codec, self);
        let instance = match target.start().await {
            Ok(instance) => instance,
            Err(StartError::Driver { error, .. }) if spoke(&error) => {
                let advice = "write {\"hello\":1,\"name\":…,\"version\":…,\"language\":…} as the first line, answer every request with its `id`, and an unknown command with `unsupported`";
                self.not_ok(title, &error.to_string(), advice)?;
                return Ok(None);
            }
            Err(error) => return Err(Failure::target(error)),
        };
        let hello = instance.hello().cloned().unwrap_or_default();
        instance.stop().await;
        let named =
            ["name", "version", "language"]
                .into_iter()
                .zip([&hello.name, &hello.version, &hello.language]);
        let empty: Vec<&str> = named
            .filter(|(_, text)| text.is_empty())
            .map(|(key, _)| key)
            .collect();
        if empty.is_empty() && !(hello.codecs.is_empty() && hello.client.is_empty()) {
            self.ok(title)?;
        } else if empty.is_empty() {
            let advice = "name what it drives: `codecs` for codecs, `client` for what a client can do";
            self.not_ok(title, "the hello has neither `codecs` nor `client`", advice)?;
        } else {
            let what = format!("the hello has no {}", empty.join(" and no "));
            self.not_ok(
                title,
                &what,
                "say of which library, version and language it is: reports show it",
            )?;
        }
        Ok(Some(hello))
    }

    async fn look_at_codec(&mut self, driver: &Driver, word: &str) -> Result<(), Failure> {
        let title = format!("decodes and encodes as {word}");
        let Some(codec) = Codec::ALL.into_iter().find(|codec| codec.word() == word) else {
            let advice = "the codecs are engine-packet, engine-payload and socket-packet";
            return self.not_ok(&title, "there is no such codec", advice);
        };
        let target = driver_codec(&driver.as_codec, self);
        let mut instance = target.start().await.map_err(Failure::target)?;
        let found = codec::look_at(codec, &mut instance).await;
        instance.stop().await;
        let advice = "each input has one list of outcomes, and each frame of it one outcome: see Outcomes in docs/driver.md";
        match found {
            Ok(None) => self.ok(&title),
            Ok(Some(what)) => self.not_ok(&title, &what, advice),
            Err(error) => self.not_ok(&title, &error.to_string(), advice),
        }
    }

    async fn look_at_client(&mut self, target: &ClientTarget) -> Result<(), Failure> {
        // Its heartbeat is so slow that it disturbs nobody.
        let server = Target::builtin(None).map_err(Failure::target)?;
        let server = server.start("slow-heartbeat").await.map_err(Failure::target)?;
        let (host, port) = (&server.endpoint.host, server.endpoint.port);
        let url = format!("http://{host}:{port}");
        let mut restarts = 0;
        let mut running: Option<Stage> = None;
        for step in Step::ALL {
            let stage = match running.take() {
                Some(stage) => stage,
                None => Stage {
                    client: target
                        .start(self.limits, self.arguments.timeout)
                        .await
                        .map_err(Failure::target)?,
                    url: url.clone(),
                    patience: self.arguments.timeout,
                },
            };
            let needs = step.needs();
            if !needs.iter().any(|words| stage.can(words)) {
                let absent = |words: &&[&'static str]| {
                    let absent = words.iter().copied().filter(|word| !stage.can(&[word]));
                    absent.collect::<Vec<_>>().join(", ")
                };
                let wanted = needs.iter().map(absent).collect::<Vec<_>>().join(" or ");
                self.skip(step.title(), &format!("`client` has no {wanted}"))?;
                running = Some(stage);
                continue;
            }
            let taken = client::take(step, &stage).await;
            // Who writes on when its case is closed is lost for the next ones too.
            let taken = match (taken, stage.client.lost().now_or_never()) {
                (Err(Trouble::Missing(_)), Some(error)) => Err(Trouble::Lost(error)),
                (taken, _) => taken,
            };
            match taken {
                Ok(()) => self.ok(step.title())?,
                Err(Trouble::Missing(what)) => self.not_ok(step.title(), &what, step.advice())?,
                Err(Trouble::Unable(why)) => {
                    let what = format!("it is announced, but answered with `unsupported`: {why}");
                    self.not_ok(step.title(), &what, step.advice())?;
                }
                Err(Trouble::Lost(error)) => {
                    self.not_ok(step.title(), &error.to_string(), LOST)?;
                    stage.client.stop().await;
                    restarts += 1;
                    if restarts > RESTARTS {
                        writeln!(
                            self.out,
                            "The driver has ended too often: the rest is not looked at."
                        )?;
                        break;
                    }
                    continue;
                }
            }
            running = Some(stage);
        }
        if let Some(stage) = running {
            stage.client.stop().await;
        }
        server.stop().await;
        Ok(())
    }

    fn ok(&mut self, title: &str) -> Result<(), Failure> {
        self.held += 1;
        Ok(writeln!(self.out, "ok      {title}")?)
    }

    fn skip(&mut self, title: &str, why: &str) -> Result<(), Failure> {
        self.skipped += 1;
        Ok(writeln!(self.out, "skipped {title}: {why}")?)
    }

    fn not_ok(&mut self, title: &str, what: &str, advice: &str) -> Result<(), Failure> {
        self.missing += 1;
        writeln!(self.out, "not ok  {title}")?;
        for line in what.lines() {
            writeln!(self.out, "        {line}")?;
        }
        Ok(writeln!(self.out, "        to do: {advice}")?)
    }

    fn sum_up(&mut self) -> Result<Exit, Failure> {
        let (held, missing, skipped) = (self.held, self.missing, self.skipped);
        writeln!(self.out, "{held} ok, {missing} not ok, {skipped} skipped")?;
        Ok(if missing == 0 { Exit::Success } else { Exit::Gate })
    }
}

fn driver_codec(target: &CodecTarget, course: &Course<'_>) -> CodecTarget {
    target
        .clone()
        .with_limits(course.limits, course.arguments.timeout)
}

/// Whether there is a driver at all, which said something or should have.
fn spoke(error: &DriverError) -> bool {
    !matches!(error, DriverError::Launch(_) | DriverError::Ended { .. })
}
