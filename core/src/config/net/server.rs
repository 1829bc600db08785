//! Rows of Java's `NettyServerConfig`.

use crate::config::address::Host;
use crate::config::table::{computed, fixed, section, unset};

/// Largest Java `int`.
const INT_MAX: i64 = i32::MAX as i64;

section! {
/// Listening ports and accepted connections.
Server server ServerConfig {
    /// TCP port; 0 takes a free one. The second port for clients that use the VIP channel is
    /// `listenPort`-2.
    listen_port: u16 = "listenPort",
        computed("10911; mqnamesrv 9876", |_| Some("10911".to_owned())).embedded("0").important();
    /// Codec and handler threads.
    server_worker_threads: u32 = "serverWorkerThreads",
       fixed("8")
            .within(1, 10_000)
            .accepted("frames are read and decoded on the I/O threads (serverSelectorThreads)");
    /// Threads of the pool for request codes without one; 0 or less means 4.
    server_callback_executor_threads: i32 = "serverCallbackExecutorThreads",
       fixed("0").accepted("every request code has a lane of its own");
    /// IO threads.
    server_selector_threads: u32 = "serverSelectorThreads", fixed("3").within(1, 256).embedded("2");
    /// Concurrent server initiated oneway requests.
    server_oneway_semaphore_value: u32 = "serverOnewaySemaphoreValue", fixed("256").within(1, INT_MAX);
    /// Concurrent server initiated async requests.
    server_async_semaphore_value: u32 = "serverAsyncSemaphoreValue", fixed("64").within(1, INT_MAX).accepted("what waits for a connection is bounded in bytes");
    /// Connection is closed after this time with neither read nor write.
    server_channel_max_idle_time_seconds: u32 = "serverChannelMaxIdleTimeSeconds",
        fixed("120").within(1, INT_MAX);
    /// SO_SNDBUF of accepted connections; 0 leaves the system default.
    server_socket_snd_buf_size: u32 = "serverSocketSndBufSize", fixed("0");
    /// SO_RCVBUF of accepted connections; 0 leaves the system default.
    server_socket_rcv_buf_size: u32 = "serverSocketRcvBufSize", fixed("0");
    /// Bytes waiting to be written at which a connection counts as full; both marks must be positive to
    /// apply.
    write_buffer_high_water_mark: u32 = "writeBufferHighWaterMark", fixed("0").accepted("the bound of what waits for a connection is built in");
    /// Bytes waiting to be written below which a full connection is writable again.
    write_buffer_low_water_mark: u32 = "writeBufferLowWaterMark", fixed("0").accepted("the bound of what waits for a connection is built in");
    /// Listen backlog.
    server_socket_backlog: u32 = "serverSocketBacklog", fixed("1024").within(1, 65_535);
    /// Pooled buffers.
    server_pooled_byte_buf_allocator_enable: bool = "serverPooledByteBufAllocatorEnable",
       fixed("true").accepted("buffers are always pooled");
    /// Native epoll on Linux.
    use_epoll_native_selector: bool = "useEpollNativeSelector",
       fixed("false").accepted("epoll is always used on Linux");
    /// Address to listen on, as in 5.x; unset follows `brokerIP1`, and without that the loopback. 0.0.0.0 is every address.
    bind_address: Option<Host> = "bindAddress", unset().important().addition();
}
}
