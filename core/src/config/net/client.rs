//! Rows of Java's `NettyClientConfig`.

use crate::config::table::{computed, fixed, section};

/// Largest Java `int`.
const INT_MAX: i64 = i32::MAX as i64;

section! {
/// Outgoing connections.
Client client ClientConfig {
    /// Codec and handler threads of outgoing connections.
    client_worker_threads: u32 = "clientWorkerThreads",
       fixed("4").within(1, 10_000).accepted("outgoing calls share the I/O threads (serverSelectorThreads)");
    /// Callback threads of outgoing calls; 0 or less means 4.
    client_callback_executor_threads: i32 = "clientCallbackExecutorThreads",
        computed("cpus", |machine| Some(machine.cpus.to_string()))
            .accepted("answers complete on the thread that waits for them");
    /// Concurrent outgoing oneway requests.
    client_oneway_semaphore_value: u32 = "clientOnewaySemaphoreValue", fixed("65535").within(1, INT_MAX).accepted("what waits for a connection is bounded in bytes");
    /// Concurrent outgoing async requests.
    client_async_semaphore_value: u32 = "clientAsyncSemaphoreValue", fixed("65535").within(1, INT_MAX).accepted("what waits for a connection is bounded in bytes");
    /// TCP connect timeout.
    connect_timeout_millis: u32 = "connectTimeoutMillis", fixed("3000").within(1, INT_MAX);
    /// Unused.
    channel_not_active_interval: u64 = "channelNotActiveInterval",
       fixed("60000").accepted("nothing reads it in 4.9.8 either");
    /// Idle close of outgoing connections.
    client_channel_max_idle_time_seconds: u32 = "clientChannelMaxIdleTimeSeconds",
       fixed("120").within(1, INT_MAX).accepted("connections to NameServers have the system's settings");
    /// SO_SNDBUF of outgoing connections.
    client_socket_snd_buf_size: u32 = "clientSocketSndBufSize", fixed("0").accepted("connections to NameServers have the system's settings");
    /// SO_RCVBUF of outgoing connections.
    client_socket_rcv_buf_size: u32 = "clientSocketRcvBufSize", fixed("0").accepted("connections to NameServers have the system's settings");
    /// Unused.
    client_pooled_byte_buf_allocator_enable: bool = "clientPooledByteBufAllocatorEnable",
       fixed("false").accepted("nothing reads it in 4.9.8 either");
    /// Closes the connection when a sync call times out.
    client_close_socket_if_timeout: bool = "clientCloseSocketIfTimeout", fixed("true").accepted("the connection is always closed");
    /// TLS for outgoing connections.
    use_tls: bool = "useTLS", fixed("false").only(&["false"], "TLS is not part of this version");
    /// Bytes waiting to be written at which a connection counts as full; both marks must be positive to
    /// apply.
    write_buffer_high_water_mark: u32 = "writeBufferHighWaterMark", fixed("0").accepted("the bound of what waits for a connection is built in");
    /// Bytes waiting to be written below which a full connection is writable again.
    write_buffer_low_water_mark: u32 = "writeBufferLowWaterMark", fixed("0").accepted("the bound of what waits for a connection is built in");
}
}
