//! `siospec bench`: what the suite costs on a target, beside a plain loop of handshakes on the same server.
//!
//! Both are measured in one run on one machine, so that their ratio means something where the milliseconds do not.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::run::{Prepared, Run};
use crate::outcome::RunResult;
use crate::wire::http_client;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// How many handshakes the loop makes.
const HANDSHAKES: u32 = 300;

/// The arguments of `siospec bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Bench {
    #[command(flatten)]
    run: Run,
}

/// Wall and processor time of this process, of something that was done a number of times.
struct Cost {
    wall: Duration,
    processor: Duration,
    times: usize,
}

impl Cost {
    fn each_ms(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0 / f64::from(u32::try_from(self.times.max(1)).unwrap_or(u32::MAX))
    }
}

pub(super) fn bench(arguments: &Bench, out: &mut Output) -> Result<Exit, Failure> {
    let prepared = Prepared::one(&arguments.run)?;
    let plain = handshakes(&prepared)?;
    let (before, began) = (processor_time()?, Instant::now());
    let mut quiet = Output::new(anstream::ColorChoice::Never).silenced();
    let result = prepared.play(&mut quiet)?;
    let wall = began.elapsed();
    let played = played(&result);
    let suite = Cost {
        wall,
        processor: processor_time()?.saturating_sub(before),
        times: played,
    };
    writeln!(out, "{} {}", result.target.name, result.target.version)?;
    writeln!(
        out,
        "{:<22}{:>8}{:>12}{:>16}{:>18}",
        "", "times", "wall ms", "wall ms each", "processor ms each"
    )?;
    for (name, cost) in [("plain handshakes", &plain), ("trials of the suite", &suite)] {
        writeln!(
            out,
            "{name:<22}{:>8}{:>12.0}{:>16.2}{:>18.2}",
            cost.times,
            cost.wall.as_secs_f64() * 1000.0,
            cost.each_ms(cost.wall),
            cost.each_ms(cost.processor)
        )?;
    }
    let ratio =
        |of: fn(&Cost) -> Duration| suite.each_ms(of(&suite)) / plain.each_ms(of(&plain)).max(f64::EPSILON);
    writeln!(
        out,
        "a trial costs {:.1} times the wall time and {:.1} times the processor time of a handshake",
        ratio(|cost| cost.wall),
        ratio(|cost| cost.processor)
    )?;
    let longest = result.cases.iter().max_by(|a, b| a.wall_ms.total_cmp(&b.wall_ms));
    if let Some(longest) = longest {
        writeln!(
            out,
            "the longest trial took {:.0} ms: {} over {}",
            longest.wall_ms, longest.id, longest.over
        )?;
    }
    Ok(Exit::Success)
}

/// A polling handshake after the other, on one connection where the server keeps it.
fn handshakes(prepared: &Prepared) -> Result<Cost, Failure> {
    let no_server = || {
        Failure::usage(anyhow::anyhow!(
            "only a server is asked for handshakes: expected --role server"
        ))
    };
    let target = prepared.server().ok_or_else(no_server)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let cost = runtime.block_on(async {
        let instance = target
            .start("")
            .await
            .map_err(|error| Failure::target(anyhow::Error::new(error)))?;
        let client = http_client(false);
        let url = instance.endpoint.url("?EIO=4&transport=polling");
        let (before, began) = (processor_time()?, Instant::now());
        for _ in 0..HANDSHAKES {
            client.get(&url).send().await?.bytes().await?;
        }
        let cost = Cost {
            wall: began.elapsed(),
            processor: processor_time()?.saturating_sub(before),
            times: HANDSHAKES as usize,
        };
        instance.stop().await;
        Ok::<_, Failure>(cost)
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    cost
}

/// How many trials were really played.
fn played(result: &RunResult) -> usize {
    result.cases.iter().filter(|case| case.wall_ms > 0.0).count()
}

/// The processor time that this process has used, its threads included.
fn processor_time() -> Result<Duration, anyhow::Error> {
    let pid = sysinfo::get_current_pid().map_err(|error| anyhow::anyhow!(error))?;
    let mut system = sysinfo::System::new();
    system.refresh_processes_specifics(
        sysinfo::ProcessesToUpdate::Some(&[pid]),
        true,
        sysinfo::ProcessRefreshKind::nothing().with_cpu(),
    );
    let process = system
        .process(pid)
        .ok_or_else(|| anyhow::anyhow!("this process cannot be looked at"))?;
    Ok(Duration::from_millis(process.accumulated_cpu_time()))
}
