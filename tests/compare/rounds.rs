//! What is measured, in which order.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tests::harness::Scratch;

use crate::contestant::{Contestant, Flush, Running};
use crate::figures::Figures;
use crate::{Plan, machine, progress};

/// How long a broker that was just started is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);
/// Messages before the first measured round: enough for a JVM to have compiled what it will.
const WARMUP_MESSAGES: &str = "600000";

/// Starts both in turn, on empty stores: time and CPU time until a send succeeds, memory at rest.
pub fn starts(plan: &Plan, scratch: &Scratch, figures: &mut Figures) {
    // The first start of each reads its program from disk.
    for round in 0..=plan.rounds {
        for contestant in Contestant::ALL {
            let home = home(scratch, contestant);
            let broker = Running::launch(contestant, Flush::Async, &home);
            let (time, cpu) = broker.first_send();
            if round > 0 {
                std::thread::sleep(REST);
                figures.add("start to first accepted send, ms", contestant, time.as_secs_f64() * 1e3);
                figures.add("CPU until then, ms", contestant, cpu.as_secs_f64() * 1e3);
                figures.add("RSS at rest, MiB", contestant, machine::rss_mib(broker.pid()));
            }
            broker.stop();
            let _ = fs::remove_dir_all(home);
        }
    }
}

/// Loads both in turn while both run.
pub fn loads(plan: &Plan, scratch: &Scratch, figures: &mut Figures) {
    for flush in [Flush::Async, Flush::Sync] {
        let start = |contestant| {
            let broker = Running::launch(contestant, flush, &home(scratch, contestant));
            broker.first_send();
            progress(&format!("{} with {flush:?} flush warms up", contestant.name()));
            let count = match flush {
                Flush::Async => WARMUP_MESSAGES.to_owned(),
                Flush::Sync => (plan.messages / 3).to_string(),
            };
            broker.bench(&["send", "--topic", "warmup", "--warmup", "0", "--count", &count]);
            broker.bench(&[
                "pull",
                "--topic",
                "warmup",
                "--warmup",
                "0",
                "--count",
                WARMUP_MESSAGES,
                "--window",
                "8",
            ]);
            (contestant, broker)
        };
        let brokers = Contestant::ALL.map(start);
        for round in 1..=plan.rounds {
            progress(&format!("{flush:?} flush, round {round}"));
            for (contestant, broker) in &brokers {
                match flush {
                    Flush::Async => async_round(plan, round, *contestant, broker, figures),
                    Flush::Sync => sync_round(plan, round, *contestant, broker, figures),
                }
            }
        }
        for (contestant, broker) in brokers {
            broker.stop();
            let _ = fs::remove_dir_all(home(scratch, contestant));
        }
    }
}

fn async_round(plan: &Plan, round: usize, contestant: Contestant, broker: &Running, figures: &mut Figures) {
    let topic = format!("async-{round}");
    let count = plan.messages.to_string();
    let sent = broker.bench(&["send", "--topic", &topic, "--count", &count, "--warmup", "1"]);
    figures.add("send, async flush: CPU µs per message", contestant, broker_cpu(&sent));
    figures.add("send, async flush: messages/s", contestant, float(&sent["messages_per_s"]));
    figures.add("send, async flush: 99% latency, ms", contestant, float(&sent["latency_us"]["p99"]) / 1e3);
    let binary = broker
        .bench(&["send", "--topic", &topic, "--count", &count, "--warmup", "1", "--header", "rocketmq"]);
    figures.add("the same with binary headers: CPU µs per message", contestant, broker_cpu(&binary));
    let pulled =
        broker.bench(&["pull", "--topic", &topic, "--seconds", "4", "--warmup", "1", "--window", "8"]);
    figures.add("pull of 32: CPU µs per message", contestant, broker_cpu(&pulled));
    figures.add("pull of 32: messages/s", contestant, float(&pulled["messages_per_s"]));
}

fn sync_round(plan: &Plan, round: usize, contestant: Contestant, broker: &Running, figures: &mut Figures) {
    let topic = format!("sync-{round}");
    let count = (plan.messages / 3).to_string();
    let sent = broker.bench(&["send", "--topic", &topic, "--count", &count, "--warmup", "1"]);
    figures.add("send, sync flush: CPU µs per message", contestant, broker_cpu(&sent));
    figures.add("send, sync flush: messages/s", contestant, float(&sent["messages_per_s"]));
    figures.add("send, sync flush: 99% latency, ms", contestant, float(&sent["latency_us"]["p99"]) / 1e3);
}

fn home(scratch: &Scratch, contestant: Contestant) -> PathBuf {
    scratch.dir(match contestant {
        Contestant::Java => "java",
        Contestant::Ours => "ours",
    })
}

fn broker_cpu(figures: &Value) -> f64 {
    float(&figures["broker"]["cpu_us_per_message"])
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
