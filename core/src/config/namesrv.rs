//! Rows of Java's `NamesrvConfig`, and the port of the NameServer that runs inside a broker.

use std::path::PathBuf;

use super::table::{computed, fixed, live, section};
use super::value::KeyList;

section! {
/// The NameServer, alone or inside the broker.
Namesrv namesrv NamesrvConfig {
    /// Installation directory; where it is set, the ACL files are looked up in its `conf/`. Not needed.
    rocketmq_home: Option<PathBuf> = "rocketmqHome",
        computed("environment ROCKETMQ_HOME", |machine| machine.rocketmq_home.clone());
    /// File of the key-value table. The NameServer inside `mqbroker` keeps it below the store root instead.
    kv_config_path: PathBuf = "kvConfigPath",
        computed("$HOME/namesrv/kvConfig.json", |machine| machine.under_home("namesrv/kvConfig.json"));
    /// Where remote configuration updates of `mqnamesrv` are written when it has no `-c` file.
    config_store_path: PathBuf = "configStorePath",
        computed("$HOME/namesrv/namesrv.properties", |machine| machine.under_home("namesrv/namesrv.properties"));
    /// Environment name for the cluster test mode.
    product_env_name: String = "productEnvName", fixed("center").accepted("read only with clusterTest");
    /// Unknown topics are looked up through an admin client of the product environment.
    cluster_test: bool = "clusterTest",
        fixed("false").only(&["false"], "lookups are not forwarded to another environment");
    /// Adds orderTopicConf to route answers.
    order_message_enable: bool = "orderMessageEnable", live("false");
    /// Keys that remote updates may not contain, split by `;`.
    config_black_list: KeyList = "configBlackList", fixed("configBlackList;configStorePath;kvConfigPath");
    /// Port of the NameServer inside `mqbroker`; 0 takes a free one. `mqnamesrv` listens on `listenPort`.
    namesrv_listen_port: u16 = "namesrvListenPort", fixed("9876").embedded("0").addition();
}
}
