//! Java system properties. There is no `-D` here, so those that have no other key are keys of the same file.
//!
//! The others are in [`ELSEWHERE`]: giving one is refused with the key that does the same.

use std::path::PathBuf;

use super::table::{computed, fixed, section, unset};
use super::value::{ClientAuth, Ratio, Secret, SerializeType, TlsMode};

/// Why a TLS key is not taken yet.
const NO_TLS: &str = "TLS is not part of this version";

section! {
/// What Java takes from system properties.
System system SystemConfig {
    /// Largest accepted frame in bytes, its length word included.
    frame_max_length: u32 = "com.rocketmq.remoting.frameMaxLength", fixed("16777216").within(1024, 1 << 30);
    /// Header form of requests that this process creates.
    serialize_type: SerializeType = "rocketmq.serialize.type",
        computed("environment ROCKETMQ_SERIALIZE_TYPE, else JSON", |machine| {
            machine.serialize_type.clone().or_else(|| Some("JSON".to_owned()))
        });
    /// Milliseconds a queue lock lives without renewal.
    lock_max_live_time: u64 = "rocketmq.broker.rebalance.lockMaxLiveTime", fixed("60000").within(1, i64::MAX);
    /// Share of the disk in use at which puts are refused.
    disk_space_warning_level_ratio: Ratio = "rocketmq.broker.diskSpaceWarningLevelRatio", fixed("0.90").embedded("1.00");
    /// Share of the disk in use at which files are deleted regardless of their age.
    disk_space_clean_forcibly_ratio: Ratio = "rocketmq.broker.diskSpaceCleanForciblyRatio", fixed("0.85").embedded("1.00");
    /// ACL file, relative to the home directory.
    acl_plain_file: PathBuf = "rocketmq.acl.plain.file", fixed("conf/plain_acl.yml").accepted("access control is not part of this version");
    /// Whether ports speak TLS. `permissive`, Java's default, answers plain text and would answer TLS too.
    tls_server_mode: TlsMode = "tls.server.mode", fixed("permissive").only(&["permissive", "disabled"], NO_TLS);
    /// TLS for outgoing calls.
    tls_enable: bool = "tls.enable", fixed("false").only(&["false"], NO_TLS);
    /// Properties file that overrides the TLS keys below.
    tls_config_file: Option<PathBuf> = "tls.config.file",
       fixed("/etc/rocketmq/tls.properties").accepted(NO_TLS);
    /// A certificate made at start instead of one from a file.
    tls_test_mode_enable: bool = "tls.test.mode.enable", fixed("true").accepted(NO_TLS);
    /// Whether clients must show a certificate.
    tls_server_need_client_auth: ClientAuth = "tls.server.need.client.auth", fixed("none").only(&["none"], NO_TLS);
    /// PEM file of the server's key.
    tls_server_key_path: Option<PathBuf> = "tls.server.keyPath", unset().accepted(NO_TLS);
    /// Password of the server's key.
    tls_server_key_password: Option<Secret> = "tls.server.keyPassword", unset().secret().accepted(NO_TLS);
    /// PEM file of the server's certificate chain.
    tls_server_cert_path: Option<PathBuf> = "tls.server.certPath", unset().accepted(NO_TLS);
    /// Whether client certificates are verified.
    tls_server_auth_client: bool = "tls.server.authClient", fixed("false").only(&["false"], NO_TLS);
    /// PEM file of the certificates that vouch for clients.
    tls_server_trust_cert_path: Option<PathBuf> = "tls.server.trustCertPath", unset().accepted(NO_TLS);
    /// PEM file of the key for outgoing connections.
    tls_client_key_path: Option<PathBuf> = "tls.client.keyPath", unset().accepted(NO_TLS);
    /// Password of the key for outgoing connections.
    tls_client_key_password: Option<Secret> = "tls.client.keyPassword", unset().secret().accepted(NO_TLS);
    /// PEM file of the certificate for outgoing connections.
    tls_client_cert_path: Option<PathBuf> = "tls.client.certPath", unset().accepted(NO_TLS);
    /// Whether certificates of other servers are verified.
    tls_client_auth_server: bool = "tls.client.authServer", fixed("false").only(&["false"], NO_TLS);
    /// PEM file of the certificates that vouch for other servers.
    tls_client_trust_cert_path: Option<PathBuf> = "tls.client.trustCertPath", unset().accepted(NO_TLS);
}
}

/// A system property of Java that has a key of its own here, or no counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// Java's name.
    pub key: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

/// System properties that are not keys here.
pub const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere { key: "rocketmq.remoting.version", instead: "nothing; the version sent is that of 4.9.8" },
    Elsewhere {
        key: "com.rocketmq.remoting.nettyPooledByteBufAllocatorEnable",
        instead: "nothing; Java does not read it",
    },
    Elsewhere {
        key: "com.rocketmq.remoting.socket.sndbuf.size",
        instead: "serverSocketSndBufSize and clientSocketSndBufSize",
    },
    Elsewhere {
        key: "com.rocketmq.remoting.socket.rcvbuf.size",
        instead: "serverSocketRcvBufSize and clientSocketRcvBufSize",
    },
    Elsewhere { key: "com.rocketmq.remoting.socket.backlog", instead: "serverSocketBacklog" },
    Elsewhere {
        key: "com.rocketmq.remoting.clientAsyncSemaphoreValue",
        instead: "clientAsyncSemaphoreValue",
    },
    Elsewhere {
        key: "com.rocketmq.remoting.clientOnewaySemaphoreValue",
        instead: "clientOnewaySemaphoreValue",
    },
    Elsewhere { key: "com.rocketmq.remoting.client.worker.size", instead: "clientWorkerThreads" },
    Elsewhere { key: "com.rocketmq.remoting.client.connect.timeout", instead: "connectTimeoutMillis" },
    Elsewhere {
        key: "com.rocketmq.remoting.client.channel.maxIdleTimeSeconds",
        instead: "clientChannelMaxIdleTimeSeconds",
    },
    Elsewhere {
        key: "com.rocketmq.remoting.client.closeSocketIfTimeout",
        instead: "clientCloseSocketIfTimeout",
    },
    Elsewhere {
        key: "com.rocketmq.remoting.write.buffer.high.water.mark",
        instead: "writeBufferHighWaterMark",
    },
    Elsewhere {
        key: "com.rocketmq.remoting.write.buffer.low.water.mark",
        instead: "writeBufferLowWaterMark",
    },
    Elsewhere {
        key: "rocketmq.broker.multiPathSplitter",
        instead: "nothing; the commit log has one directory",
    },
    Elsewhere { key: "rocketmq.home.dir", instead: "rocketmqHome" },
    Elsewhere { key: "rocketmq.namesrv.addr", instead: "namesrvAddr" },
    Elsewhere { key: "rocketmq.namesrv.domain", instead: "rmqAddressServerDomain" },
    Elsewhere { key: "rocketmq.namesrv.domain.subgroup", instead: "rmqAddressServerSubGroup" },
    Elsewhere {
        key: "user.home",
        instead: "the environment variable HOME, or storePathRootDir and kvConfigPath",
    },
    Elsewhere { key: "brokerLogDir", instead: "nothing; logs go to standard error" },
];
