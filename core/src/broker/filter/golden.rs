//! The store that Java 4.9.8 wrote with consume queue extensions and filter bit maps: read, and written again from its log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::registry::ConsumerFilters;
use super::wanted::WantedMessages;
use crate::clock::Clock;
use crate::config::{Config, LiveConfig, Profile};
use crate::format::names::file;
use crate::format::wire::body::Subscription;
use crate::mmap::disk::Disk;
use crate::store::options::StoreOptions;
use crate::store::{GetStatus, MatchAll, MessageStore};

const TOPIC: &str = "StExt";

struct Golden {
    store: Arc<MessageStore>,
    filters: Arc<ConsumerFilters>,
    manifest: serde_json::Value,
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Golden {
    fn unpack() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let archive = fs::File::open(golden("store.tar.zst")).unwrap();
        tar::Archive::new(zstd::Decoder::new(archive).unwrap()).unpack(folder.path()).unwrap();
        let root = folder.path().join("store");
        (folder, root)
    }

    fn open((folder, root): (tempfile::TempDir, PathBuf)) -> Self {
        let properties = [
            ("storePathRootDir", root.to_str().unwrap()),
            ("mappedFileSizeCommitLog", "65536"),
            ("mappedFileSizeConsumeQueue", "6000"),
            ("mappedFileSizeConsumeQueueExt", "65536"),
            ("enableConsumeQueueExt", "true"),
            ("enableCalcFilterBitMap", "true"),
            ("enableLmq", "true"),
            ("enableMultiDispatch", "true"),
            ("maxHashSlotNum", "100"),
            ("maxIndexNum", "400"),
        ];
        let config =
            LiveConfig::with_file(Config::with_properties(Profile::Server, &properties).unwrap(), None);
        let clock = Clock::system();
        let filters = ConsumerFilters::open(Disk::real(), config.clone(), clock.clone()).unwrap();
        let filters = Arc::new(filters);
        let bit_maps = filters.clone();
        let options = {
            let config = config.load();
            StoreOptions::of(&config.store, &config.system)
        };
        let store =
            MessageStore::open_with_bit_maps(options, &clock, &Disk::real(), || Ok(Some(bit_maps))).unwrap();
        let manifest = serde_json::from_slice(&fs::read(golden("manifest.json")).unwrap()).unwrap();
        Self { store, filters, manifest, root, _folder: folder }
    }
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/store/ext").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn extension_units_are_read_as_java_reads_them() {
    let golden = Golden::open(Golden::unpack());
    let queues = golden.manifest["consumeQueues"].as_array().unwrap();
    let mut seen = 0;
    for queue in queues.iter().filter(|queue| queue["topic"] == TOPIC) {
        let queue_id = queue["queueId"].as_i64().unwrap() as i32;
        let units = golden.store.units(TOPIC, queue_id, 0, 100);
        let entries = queue["entries"].as_array().unwrap();
        assert_eq!(units.len(), entries.len());
        for (unit, entry) in units.iter().zip(entries) {
            let ext = unit.ext().unwrap();
            assert_eq!(unit.unit.tags_code, entry[3].as_i64().unwrap());
            assert_eq!(unit.tags_code(), entry[4]["tagsCode"].as_i64());
            assert_eq!(ext.store_timestamp_ms, entry[4]["msgStoreTime"].as_i64().unwrap());
            assert_eq!(hex(ext.bit_map), entry[4]["bitMap"].as_str().unwrap());
            seen += 1;
        }
    }
    assert_eq!(seen, 40);
}

#[test]
fn extension_units_are_written_as_java_writes_them() {
    let (folder, root) = Golden::unpack();
    let ordinary = ["StExt/0", "StExt/1", "StLmq/0"];
    let extensions = ordinary.map(|queue| format!("{}/{queue}", file::CONSUME_QUEUE_EXT));
    let light = ["%LMQ%one/0", "%LMQ%two/0"];
    let queues = ordinary.into_iter().chain(light).map(|queue| format!("{}/{queue}", file::CONSUME_QUEUE));
    let files: Vec<String> = extensions.into_iter().chain(queues).collect();
    let read = |root: &Path| -> Vec<Vec<u8>> {
        files.iter().map(|queue| fs::read(root.join(queue).join("0".repeat(20))).unwrap()).collect()
    };
    let by_java = read(&root);
    for folder in [file::CONSUME_QUEUE, file::CONSUME_QUEUE_EXT] {
        fs::remove_dir_all(root.join(folder)).unwrap();
    }
    let golden = Golden::open((folder, root));
    golden.store.close().unwrap();
    assert!(read(&golden.root) == by_java, "queues and extensions differ from Java's");
    let extended = fs::read_dir(golden.root.join(file::CONSUME_QUEUE_EXT)).unwrap();
    assert_eq!(extended.count(), 2, "light queues have none");
}

#[test]
fn bit_maps_spare_the_records_that_do_not_match() {
    let golden = Golden::open(Golden::unpack());
    let filter = golden.filters.find(TOPIC, "CID_ext").unwrap();
    let subscription = Subscription { expression_type: "SQL92".to_owned(), ..Subscription::default() };
    let wanted = WantedMessages::of_group(Arc::new(subscription), Some(filter));
    let count = |wanted: &dyn crate::store::MessageFilter| -> usize {
        let outcomes = (0..2).map(|queue| golden.store.get(TOPIC, queue, 0, 32, wanted));
        outcomes
            .filter(|outcome| outcome.status == GetStatus::Found)
            .map(|outcome| outcome.message_count)
            .sum()
    };
    let expected = golden.manifest["messages"].as_array().unwrap().iter().filter(|message| {
        let property = |name: &str| message["properties"][name].as_str().unwrap_or_default();
        property("a").parse::<i32>().is_ok_and(|a| a > 10) && property("color") == "red"
    });
    let expected = expected.count();
    assert!(expected > 0);
    assert_eq!((count(&wanted), count(&MatchAll)), (expected, 40));
}
