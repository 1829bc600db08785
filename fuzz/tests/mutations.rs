//! The fuzz targets without a fuzzer: seeds, and random mutations of seeds. `FUZZ_ROUNDS` makes it run longer.

use std::path::Path;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn mutate(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut fastrand::Rng) {
    const TELLING: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b'{', b'}', b',', b'u', 0xe2];
    for _ in 0..random.usize(1..6) {
        let at = random.usize(0..=data.len());
        match random.u8(0..7) {
            0 if at < data.len() => data[at] ^= 1 << random.u8(0..8),
            1 if at < data.len() => data[at] = TELLING[random.usize(0..TELLING.len())],
            2 => data.truncate(at),
            3 => data.insert(at, TELLING[random.usize(0..TELLING.len())]),
            4 => {
                let end = (at + random.usize(0..20)).min(data.len());
                data.drain(at..end);
            }
            5 => {
                let other = &seeds[random.usize(0..seeds.len())];
                let from = random.usize(0..=other.len());
                let tail = &other[from..(from + random.usize(0..60)).min(other.len())];
                data.splice(at..at, tail.iter().copied());
            }
            6 if data.len() >= at + 4 => {
                let number = [0, 1, 3, 4, 8, 255, 65_535, 0x7fff_ffff, -1][random.usize(0..9)];
                data[at..at + 4].copy_from_slice(&i32::to_be_bytes(number));
            }
            _ => {}
        }
    }
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    assert!(seeds.len() >= 10, "no seeds for {target}");
    seeds.iter().for_each(|seed| body(seed));
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(50_000);
    let mut random = fastrand::Rng::with_seed(498);
    for round in 0..rounds {
        let mut data = seeds[random.usize(0..seeds.len())].clone();
        mutate(&mut data, &seeds, &mut random);
        if let Err(panic) = std::panic::catch_unwind(|| body(&data)) {
            eprintln!("{target}, round {round}: {:?}", String::from_utf8_lossy(&data));
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn frame() {
    run("frame", libbroker_fuzz::frame);
}

#[test]
fn header_json() {
    run("header_json", libbroker_fuzz::header_json);
}

#[test]
fn header_binary() {
    run("header_binary", libbroker_fuzz::header_binary);
}

#[test]
fn sql() {
    run("sql", libbroker_fuzz::sql);
}
