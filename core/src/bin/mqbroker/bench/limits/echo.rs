//! The cheapest conceivable server under the load of `send`: what reading requests and writing answers costs by itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use libbroker::Error;
use libbroker::clock::Clock;
use serde::Serialize;

use super::super::args::Limits;
use super::super::measure::joined;
use super::super::report::us_per_message;
use super::super::server::Server;
use super::echo_server::Whole;

const WARMUP: Duration = Duration::from_millis(500);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const READ_SIZE: usize = 256 * 1024;

/// What the echo came to.
#[derive(Debug, Serialize)]
pub struct EchoFigures {
    pub connections: u32,
    pub window: u32,
    pub request_bytes: u32,
    pub answer_bytes: u32,
    pub requests: u64,
    pub requests_per_s: f64,
    /// Of the server.
    pub cpu_us_per_request: f64,
    pub user_us_per_request: f64,
    pub system_us_per_request: f64,
    pub generator_cpu_us_per_request: f64,
}

/// A child that does not outlive us.
struct EchoServer(Child);

impl Drop for EchoServer {
    fn drop(&mut self) {
        // It ends with its connections; this is for the case that we fail before it has them all.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the echo for `spent`.
pub fn measure(clock: &Clock, options: &Limits, spent: Duration) -> Result<EchoFigures, Error> {
    let failed = |cause| Error::io("echo", &cause);
    let (server, address) = start(options).map_err(failed)?;
    let connect = |_| {
        let stream = TcpStream::connect(&address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(stream)
    };
    let streams = (0..options.echo.connections).map(connect).collect::<std::io::Result<Vec<_>>>();
    let (process, own) = (Server::of(server.0.id()), Server::own());
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (answered, over) = (&answered, &over);
        let threads: Vec<_> = streams
            .map_err(failed)?
            .into_iter()
            .map(|stream| scope.spawn(move || drive(stream, options, answered, over).map_err(failed)))
            .collect();
        thread::sleep(WARMUP);
        let readings = || Ok::<_, Error>((process.cpu()?, own.cpu()?, answered.load(Ordering::Relaxed)));
        let (before, start) = (readings(), clock.moment());
        thread::sleep(spent);
        let (after, elapsed) = (readings(), clock.moment().since(start));
        over.store(true, Ordering::Relaxed);
        threads.into_iter().try_for_each(joined)?;
        let ((cpu_before, own_before, from), (cpu_after, own_after, to)) = (before?, after?);
        let (cpu, requests) = (cpu_before.until(&cpu_after), to - from);
        Ok(EchoFigures {
            connections: options.echo.connections,
            window: options.window,
            request_bytes: options.echo.request,
            answer_bytes: options.echo.answer,
            requests,
            requests_per_s: requests as f64 / elapsed.as_secs_f64(),
            cpu_us_per_request: us_per_message(cpu.total(), requests),
            user_us_per_request: us_per_message(cpu.user, requests),
            system_us_per_request: us_per_message(cpu.system, requests),
            generator_cpu_us_per_request: us_per_message(own_before.until(&own_after).total(), requests),
        })
    })
}

/// Starts this program again as the server. Gives its address too.
fn start(options: &Limits) -> std::io::Result<(EchoServer, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "echo-server"]);
    let echo = &options.echo;
    for (name, value) in
        [("--connections", echo.connections), ("--request", echo.request), ("--answer", echo.answer)]
    {
        command.args([name, &value.to_string()]);
    }
    let mut server = EchoServer(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    let mut address = String::new();
    if let Some(output) = server.0.stdout.take() {
        BufReader::new(output).read_line(&mut address)?;
    }
    address.truncate(address.trim_end().len());
    Ok((server, address))
}

/// Keeps a window of requests outstanding, as the loads do.
fn drive(
    mut stream: TcpStream,
    options: &Limits,
    answered: &AtomicU64,
    over: &AtomicBool,
) -> std::io::Result<()> {
    let window = options.window as usize;
    let request = options.echo.request as usize;
    let requests = vec![1; request * window];
    let mut incoming = vec![0; READ_SIZE];
    let mut whole = Whole::new(options.echo.answer as usize);
    stream.write_all(&requests)?;
    let mut outstanding = window;
    while outstanding > 0 {
        let answers = match stream.read(&mut incoming)? {
            0 => return Err(std::io::Error::other("the echo server has gone")),
            read => whole.take(read),
        };
        answered.fetch_add(answers as u64, Ordering::Relaxed);
        if over.load(Ordering::Relaxed) {
            outstanding = outstanding.saturating_sub(answers);
        } else {
            stream.write_all(requests.get(..answers * request).unwrap_or_default())?;
        }
    }
    Ok(())
}
