//! `siospec serve`: the reference server with the test application, to look at or to test against.

use super::exit::{Exit, Failure};
use super::interruptions::Interruptions;
use super::output::Output;
use reference_impl::{Options, Server};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The arguments of `siospec serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// The port to listen on, 0 for any that is free
    #[arg(long, env = "PORT", default_value_t = 3000)]
    port: u16,
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// A variant of the options, as in docs/server-app.md
    #[arg(long, env = "VARIANT", default_value = "")]
    variant: String,
    /// A deliberate fault: `siospec faults --list` lists them
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
}

pub(super) fn serve(arguments: &Serve, out: &mut Output) -> Result<Exit, Failure> {
    let options = options(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interruptions = Interruptions::listen()?;
        let address = SocketAddr::new(arguments.address, arguments.port);
        let path = options.path.clone();
        let bound = Server::bind(address, options).await;
        let server = bound.map_err(|error| {
            Failure::target(anyhow::Error::new(error).context(format!("{address} cannot be listened on")))
        })?;
        writeln!(out, "listening on http://{}{path}", server.local_addr())?;
        out.flush()?;
        interruptions.next().await;
        server.shutdown().await;
        Ok(Exit::Success)
    })
}

fn options(arguments: &Serve) -> Result<Options, Failure> {
    let unknown = || {
        Failure::usage(anyhow::anyhow!(
            "there is no variant `{}`: see docs/server-app.md",
            arguments.variant
        ))
    };
    let mut options = if arguments.variant.is_empty() {
        Options::default()
    } else {
        Options::with_variant(&arguments.variant).ok_or_else(unknown)?
    };
    if let Some(name) = &arguments.fault {
        let no_fault = || {
            Failure::usage(anyhow::anyhow!(
                "there is no fault `{name}`: `siospec faults --list` lists them"
            ))
        };
        options.fault = Some(reference_impl::faults::by_name(name).ok_or_else(no_fault)?);
    }
    Ok(options)
}
