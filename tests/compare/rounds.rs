//! What is measured, in which order.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tests::harness::{Scratch, machine};

use crate::contestant::{Contestant, Flush, Running};
use crate::figures::{Better, Figures};
use crate::loads::{self, Load, PULLED_TOPIC};
use crate::plan::{Group, Plan};
use crate::progress;

/// How long a broker that was just started is left alone before it is watched.
const REST: Duration = Duration::from_secs(5);

/// Starts both in turn, on empty stores: time and CPU time until a send succeeds, then memory and CPU time at rest.
pub fn starts(plan: &Plan, scratch: &Scratch, figures: &mut Figures) {
    if !plan.has(Group::Start) {
        return;
    }
    // The first start of each reads its program from disk.
    for round in 0..=plan.rounds {
        progress(&format!("start, round {round}"));
        for contestant in Contestant::ALL {
            let home = home(scratch, contestant);
            let broker = Running::launch(contestant, Flush::Async, &home);
            let (time, cpu) = broker.first_send();
            if round > 0 {
                let mut add = |name, value| figures.add(name, Better::Less, contestant, value);
                add("start to first accepted send, ms", time.as_secs_f64() * 1e3);
                add("start to first accepted send: CPU ms", cpu.as_secs_f64() * 1e3);
                std::thread::sleep(REST);
                let idle_percent = idle_cpu_percent(&broker, Duration::from_secs(plan.seconds.into()));
                add("at rest: RSS, MiB", machine::rss_mib(broker.pid()));
                add("at rest: CPU, % of a core", idle_percent);
            }
            broker.stop();
            let _ = fs::remove_dir_all(home);
        }
    }
}

fn idle_cpu_percent(broker: &Running, watched: Duration) -> f64 {
    let (before, start) = (machine::cpu_time(broker.pid()), Instant::now());
    std::thread::sleep(watched);
    let used = machine::cpu_time(broker.pid()).saturating_sub(before);
    used.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0
}

/// Loads both in turn while both run.
pub fn loads(plan: &Plan, scratch: &Scratch, figures: &mut Figures) {
    for flush in [Flush::Async, Flush::Sync] {
        let mut loads = loads::of(plan);
        loads.retain(|load| load.flush == flush);
        if loads.is_empty() {
            continue;
        }
        let brokers = Contestant::ALL.map(|contestant| {
            let broker = Running::launch(contestant, flush, &home(scratch, contestant));
            broker.first_send();
            progress(&format!("{} with {flush:?} flush warms up", contestant.name()));
            let run = |load: &Load, topic: &str| broker.bench(&load.arguments, topic);
            run(&loads::warming(plan, flush), "warmup");
            if loads.iter().any(|load| load.group == Group::Pull) {
                run(&loads::filling(plan), PULLED_TOPIC);
            }
            (contestant, broker)
        });
        // Round 0 warms up what the above has not: it is not counted.
        for round in 0..=plan.rounds {
            progress(&format!("{flush:?} flush, round {round}"));
            for load in &loads {
                for (contestant, broker) in &brokers {
                    measure(load, round, *contestant, broker, figures);
                }
            }
        }
        for (contestant, broker) in brokers {
            broker.stop();
            let _ = fs::remove_dir_all(home(scratch, contestant));
        }
    }
}

fn measure(load: &Load, round: usize, contestant: Contestant, broker: &Running, figures: &mut Figures) {
    let topic = match load.group {
        Group::Pull => PULLED_TOPIC.to_owned(),
        group => format!("{group:?}"),
    };
    let report = broker.bench(&load.arguments, &topic);
    if round > 0 {
        for row in &load.rows {
            figures.add(row.name, row.better, contestant, row.value(&report));
        }
    }
}

fn home(scratch: &Scratch, contestant: Contestant) -> PathBuf {
    scratch.dir(match contestant {
        Contestant::Java => "java",
        Contestant::Ours => "ours",
    })
}
