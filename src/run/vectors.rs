//! A run of vectors against a codec: batches, judging, and finding the input that a driver cannot bear.
//!
//! Where the driver does not answer a batch properly the input to blame is found, and no other vector loses its verdict.

use super::Options;
use super::conduct::{Listener, begun, conclude};
use super::known;
use crate::outcome::{CaseResult, Failure, RunEvent, RunResult, TargetInfo, Verdict};
use crate::suite::compare::{self, Judged};
use crate::suite::{Codec, Frame, Operation, Outcome, Rules, Vector};
use crate::target::quoted;
use crate::target::{Asked, Asker, Batch, CodecTarget, DriverError, End, KnownEntry, StartError};
use crate::transcript::{Entry, Event, Transcript, Wire, as_recorded};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// How many inputs a request has.
const BATCH: usize = 64;
/// After how many inputs the memory of a driver is looked at that is given the same one again and again.
const LOOKS: u32 = 16_384;
/// How often a driver is started again in one run.
const RESTARTS: u32 = 100;
/// The longest line of a transcript, in characters.
const SHOWN: usize = 4_000;

/// Runs these vectors against a codec. `interrupted` turns true when what is done so far must do.
///
/// # Errors
/// Where the driver cannot be started.
pub async fn run_vectors(
    target: &CodecTarget,
    rules: &Rules,
    vectors: &[Arc<Vector>],
    options: &Options,
    interrupted: watch::Receiver<bool>,
    listener: Listener<'_>,
) -> Result<RunResult, StartError> {
    let began = Instant::now();
    let mut result = begun(options, target.info());
    let mut stop = interrupted.clone();
    let started = tokio::select! {
        instance = target.start() => Some(instance?),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    if let Some(instance) = started {
        let offered = Codec::ALL.map(|codec| (codec.word().to_owned(), instance.drives(codec)));
        result.target = instance.info(target);
        result.capabilities = BTreeMap::from(offered.clone());
        listener(RunEvent::Started {
            target: result.target.clone(),
            role: result.role.clone(),
            planned: vectors.len(),
            capabilities: offered.to_vec(),
        });
        let mut bench = Bench {
            target,
            asker: Asker::new(target, Some(instance), RESTARTS),
            rules,
            known: &options.known,
            cases_from: options.cases.as_deref(),
            began,
            listener,
            cases: Vec::new(),
        };
        for batch in batches(vectors) {
            if *interrupted.borrow() {
                break;
            }
            tokio::select! {
                () = bench.play(batch) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        bench.asker.stop().await;
        result.cases = bench.cases;
    }
    result.interrupted = *interrupted.borrow();
    conclude(&mut result, options, Vec::new());
    result.wall_ms = began.elapsed().as_secs_f64() * 1000.0;
    Ok(result)
}

/// Vectors that can be asked about in one request, in order.
fn batches(vectors: &[Arc<Vector>]) -> Vec<Vec<Arc<Vector>>> {
    let mut groups: BTreeMap<_, Vec<Arc<Vector>>> = BTreeMap::new();
    for vector in vectors {
        let (kind, repeat) = match &vector.operation {
            Operation::Decode(_) => (0, 1),
            Operation::Encode(_, repeat) => (1, *repeat),
            Operation::RoundTrip(_) => (2, 1),
        };
        let alone = (vector.times > 1).then_some(&vector.id);
        let key = (vector.codec, kind, repeat, vector.without_data, alone);
        groups.entry(key).or_default().push(Arc::clone(vector));
    }
    let chunks = groups.into_values().flat_map(|group| {
        let chunks: Vec<_> = group.chunks(BATCH).map(<[_]>::to_vec).collect();
        chunks
    });
    chunks.collect()
}

struct Bench<'a> {
    target: &'a CodecTarget,
    asker: Asker<'a>,
    rules: &'a Rules,
    known: &'a [KnownEntry],
    /// Where the vectors come from, if they are not the built-in ones.
    cases_from: Option<&'a str>,
    began: Instant,
    listener: Listener<'a>,
    cases: Vec<CaseResult>,
}

/// What came of one vector: the requests and answers as inputs and outcomes, or what went wrong.
struct Answered {
    exchanges: Vec<(Value, Vec<Outcome>)>,
    error: Option<DriverError>,
    wall_ms: f64,
}

impl Bench<'_> {
    /// Plays vectors of one kind, and tells their verdicts.
    async fn play(&mut self, vectors: Vec<Arc<Vector>>) {
        let Some(first) = vectors.first() else { return };
        let batch = Batch {
            codec: first.codec,
            encode: !matches!(first.operation, Operation::Decode(_)),
            without_data: first.without_data,
            repeat: match first.operation {
                Operation::Encode(_, repeat) => repeat,
                _ => 1,
            },
            inputs: vectors.iter().map(|vector| input(vector)).collect(),
        };
        let mut answered = match first.times {
            1 => self.ask(&batch).await,
            times => self.ask_often(&batch, times).await,
        };
        if matches!(first.operation, Operation::RoundTrip(_)) {
            self.ask_back(&batch, &mut answered).await;
        }
        for (vector, answered) in vectors.iter().zip(answered) {
            self.finish(vector, answered);
        }
    }

    async fn ask(&mut self, batch: &Batch) -> Vec<Answered> {
        let asked = self.asker.ask_each(batch).await;
        let answered = |(input, asked): (&Value, Asked)| {
            let (outcomes, error) = match asked.outcomes {
                Ok(outcomes) => (outcomes, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            Answered {
                exchanges: vec![(input.clone(), outcomes)],
                error,
                wall_ms: asked.took.as_secs_f64() * 1000.0,
            }
        };
        batch.inputs.iter().zip(asked).map(answered).collect()
    }

    /// Asks about the same input again and again, unless that ends the driver. What came of it the last time counts.
    async fn ask_often(&mut self, batch: &Batch, times: u32) -> Vec<Answered> {
        let before = Instant::now();
        let Some(input) = batch.inputs.first() else {
            return Vec::new();
        };
        let mut asked = 0;
        let (mut outcomes, mut error) = (Vec::new(), None);
        while asked < times && error.is_none() {
            let many = BATCH.min((times - asked) as usize);
            match self.asker.ask(&batch.of(vec![input.clone(); many])).await {
                Ok(mut all) => outcomes = all.pop().unwrap_or_default(),
                Err(failed) => error = Some(failed),
            }
            asked += many as u32;
            // The watch over the process looks rarely.
            if error.is_none() && (asked >= times || asked % LOOKS < many as u32) {
                error = self.asker.fullness().map(|end| DriverError::Ended {
                    end,
                    tail: String::new(),
                });
            }
        }
        vec![Answered {
            exchanges: vec![(input.clone(), outcomes)],
            error,
            wall_ms: before.elapsed().as_secs_f64() * 1000.0,
        }]
    }

    /// The second half of round trips: what was encoded is decoded.
    async fn ask_back(&mut self, batch: &Batch, answered: &mut [Answered]) {
        let mut well: Vec<&mut Answered> = answered.iter_mut().filter(|done| done.error.is_none()).collect();
        let frames = well.iter().map(|done| encoded(&done.exchanges[0].1)).collect();
        let back = Batch {
            encode: false,
            ..batch.of(frames)
        };
        for (done, more) in well.iter_mut().zip(self.ask(&back).await) {
            done.exchanges.extend(more.exchanges);
            done.error = more.error;
            done.wall_ms += more.wall_ms;
        }
    }

    fn finish(&mut self, vector: &Vector, answered: Answered) {
        let (id, over) = (vector.id.clone(), "vector".to_owned());
        (self.listener)(RunEvent::TrialStarted { id, over });
        let mut case = describe(vector, self.rules, self.target.info(), self.cases_from);
        let judged = match &answered.error {
            Some(error) => lost(error),
            None => {
                let last = answered
                    .exchanges
                    .last()
                    .map_or(&[][..], |(_, outcomes)| outcomes);
                compare::judge(vector, last)
            }
        };
        case.record = record(self.began.elapsed().as_secs_f64() * 1000.0, &answered.exchanges);
        case.transcript = as_recorded(&case.record);
        case.wall_ms = answered.wall_ms;
        case.verdict = judged.verdict;
        case.deviation = judged.deviation;
        if let Some((expected, came)) = &judged.difference {
            case.message = format!("expected {expected}, but came {came}");
            let (line, script_line) = accused(&vector.text);
            case.failure = Some(Failure {
                line,
                script_line: script_line.to_owned(),
                entry: case.record.entries.len().checked_sub(1),
                expected: expected.clone(),
                came: came.clone(),
                allowed: vector.also.iter().map(compare::say).collect(),
                ..Failure::default()
            });
        } else {
            case.message = judged.message;
        }
        let mut shown = [case.clone()];
        self.cases.push(case);
        // The list is judged at the end; here it only colours what is shown.
        known::apply(self.known, &mut shown, None);
        let [shown] = shown;
        (self.listener)(RunEvent::TrialFinished(Box::new(shown)));
    }
}

/// The line of a vector, from 1, that says what must come of it, and its text.
fn accused(text: &str) -> (u32, &str) {
    let says = |line: &str| line.starts_with("expect") || line.starts_with("roundtrip");
    let numbered = (1..).zip(text.lines());
    let found = numbered.clone().find(|(_, line)| says(line));
    found.or_else(|| numbered.clone().next()).unwrap_or((0, ""))
}

/// The frames of an encoder as the input of a decoder; nothing where it refused.
fn encoded(outcomes: &[Outcome]) -> Value {
    let frames = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Frames(frames) => Some(frames.iter().map(Frame::to_json).collect()),
        _ => None,
    });
    Value::Array(frames.unwrap_or_default())
}

/// What a driver that gave no proper answer means for the vector that it was asked about.
fn lost(error: &DriverError) -> Judged {
    let verdict = match error {
        DriverError::Ended {
            end: End::Stopped, ..
        } => Verdict::Broken,
        DriverError::Ended { .. } => Verdict::Crashed,
        DriverError::Silent { .. } | DriverError::Flood => Verdict::Hung,
        DriverError::Unsupported(_) => Verdict::Skip,
        // The driver is at fault, not the codec that it drives.
        _ => Verdict::Broken,
    };
    Judged {
        message: error.to_string(),
        ..Judged::of(verdict)
    }
}

fn input(vector: &Vector) -> Value {
    match &vector.operation {
        Operation::Decode(frames) => Value::Array(frames.iter().map(Frame::to_json).collect()),
        Operation::Encode(packet, _) | Operation::RoundTrip(packet) => packet.clone(),
    }
}

/// A result without a verdict.
fn describe(vector: &Vector, rules: &Rules, target: &TargetInfo, cases: Option<&str>) -> CaseResult {
    let from = cases.map_or_else(String::new, |folder| format!(" --cases {}", quoted(folder)));
    let target_words = match target.argument.strip_prefix("-- ") {
        Some(command) => (String::new(), format!(" -- {command}")),
        None if target.argument.is_empty() => (String::new(), String::new()),
        None => (format!(" {}", target.argument), String::new()),
    };
    let mut case = CaseResult {
        id: vector.id.clone(),
        over: "vector".to_owned(),
        area: vector.area.clone(),
        title: vector.title.clone(),
        rule: vector.rule.clone(),
        level: vector.level.word().to_owned(),
        script: vector.text.clone(),
        replay: format!(
            "siospec run --role codec{} {}{from}{}",
            target_words.0,
            quoted(&vector.id),
            target_words.1
        ),
        ..CaseResult::default()
    };
    if let Some(rule) = rules.get(&vector.rule) {
        case.rule_text.clone_from(&rule.text);
        case.source.clone_from(&rule.source);
        case.link = rule.link.clone().unwrap_or_default();
        case.impact.clone_from(&rule.impact);
    }
    case
}

/// The exchanges as a transcript; long lines are cut, the vector has them whole.
fn record(at: f64, exchanges: &[(Value, Vec<Outcome>)]) -> Transcript {
    let cut = |text: String| {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    };
    let entry = |event| Entry {
        at,
        label: String::new(),
        event,
        cause: None,
    };
    let mut entries = Vec::new();
    for (input, outcomes) in exchanges {
        entries.push(entry(Event::Sent(Wire::Driver(cut(input.to_string())))));
        for outcome in outcomes {
            entries.push(entry(Event::Received(Wire::Driver(cut(compare::came(outcome))))));
        }
    }
    Transcript {
        entries,
        ..Transcript::default()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::outcome::Gate;
    use crate::suite::{Allowed, Expected, Level, load_builtin};

    /// Refuses everything, and does not survive one input.
    const DRIVER: &str = r#"
import json, os, sys
def say(value): print(json.dumps(value), flush=True)
say({"hello": 1, "name": "frail", "version": "3", "language": "Python", "codecs": ["socket-packet"]})
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] not in ("decode", "encode"): say({"id": request["id"], "unsupported": "what?"}); continue
    if ["2[]"] in request["inputs"]: os._exit(9)
    say({"id": request["id"], "results": [[{"error": "no"}] for _ in request["inputs"]]})
"#;

    fn options() -> Options {
        Options::new("codec")
    }

    async fn run(target: &CodecTarget) -> RunResult {
        let corpus = load_builtin();
        let (_keep, interrupted) = watch::channel(false);
        run_vectors(
            target,
            &corpus.rules,
            &corpus.vectors,
            &options(),
            interrupted,
            &mut |_| {},
        )
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn the_reference_fails_no_vector() {
        let result = run(&CodecTarget::builtin()).await;
        let wrong: Vec<_> = result
            .cases
            .iter()
            .filter(|case| !matches!(case.verdict, Verdict::Pass | Verdict::Skip))
            .map(|case| format!("{}: {} {}", case.id, case.verdict.word(), case.message))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(
            result.totals["skip"] < result.totals["pass"] / 5,
            "{:?}",
            result.totals
        );
    }

    #[tokio::test]
    async fn the_input_that_ends_a_driver_is_found_and_no_other_is_lost() {
        let command = ["python3", "-c", DRIVER].map(str::to_owned).to_vec();
        let result = run(&CodecTarget::command(command)).await;
        assert_eq!(result.target.name, "frail");
        assert_eq!(result.cases.len(), load_builtin().vectors.len());
        let crashed: Vec<_> = result
            .cases
            .iter()
            .filter(|c| c.verdict == Verdict::Crashed)
            .collect();
        assert!(
            crashed.iter().all(|case| case.script.contains("'2[]'")),
            "{crashed:#?}"
        );
        assert_eq!(crashed.len(), 1);
        assert!(crashed[0].message.contains("exit status: 9"));
        assert_eq!(result.gate, Gate::Fail);
        let passes = result.cases.iter().filter(|case| case.verdict == Verdict::Pass);
        assert!(passes.clone().count() > 50);
        assert!(
            passes
                .into_iter()
                .all(|case| case.script.contains("error") || case.script.contains("any"))
        );
    }

    /// Whether anything at all is allowed, which proves only that the codec goes on.
    fn is_free(allowed: &Allowed) -> bool {
        matches!(allowed, Allowed::Outcomes(outcomes) if outcomes.iter().all(|o| *o == Expected::Any))
    }

    #[test]
    fn a_vector_that_allows_everything_is_no_vector_of_a_binding_rule() {
        for vector in &load_builtin().vectors {
            let binding = vector.level == Level::Must;
            assert!(!(binding && is_free(&vector.expect)), "{}", vector.id);
        }
    }
}
