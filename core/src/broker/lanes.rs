//! The lanes of a broker, sized by the Java keys.
//!
//! What cannot block runs on the I/O thread that read it (sends, pulls, offsets): a hand-over to a pool costs more than the work
//! itself. What writes files, walks whole tables or waits for clients runs on a lane.

use std::sync::Arc;

use crate::config::BrokerConfig;
use crate::net::LaneChoice;
use crate::runtime::lanes::Lane;

/// All lanes. Workers start with the first request and end when idle.
#[derive(Debug)]
pub struct Lanes {
    /// Send-backs: they may create topics.
    pub send: Arc<Lane>,
    /// Queries by key and views.
    pub query: Arc<Lane>,
    /// Administration, and everything without a lane of its own.
    pub admin: Arc<Lane>,
    /// Unregistering and checks of clients.
    pub client: Arc<Lane>,
    /// Heartbeats: they may create retry topics.
    pub heartbeat: Arc<Lane>,
    /// Member lists.
    pub consumer: Arc<Lane>,
    /// Ends of transactions.
    pub transaction: Arc<Lane>,
    /// Reply messages.
    pub reply: Arc<Lane>,
}

impl Lanes {
    /// With the sizes of the configuration. The age limits are those of fast failure, where it is on.
    pub fn new(config: &BrokerConfig) -> Self {
        let age = |ms: u64| config.broker_fast_failure_enable.then_some(ms);
        let lane = |name: &str, threads: u32, queue: u32, age: Option<u64>| {
            Lane::new(name, threads as usize, queue as usize, age)
        };
        Self {
            send: lane(
                "send",
                config.send_message_thread_pool_nums,
                config.send_thread_pool_queue_capacity,
                age(config.wait_time_mills_in_send_queue),
            ),
            query: lane(
                "query",
                config.query_message_thread_pool_nums,
                config.query_thread_pool_queue_capacity,
                None,
            ),
            admin: lane("admin", config.admin_broker_thread_pool_nums, ADMIN_QUEUE_MAX, None),
            client: lane(
                "client",
                config.client_manage_thread_pool_nums,
                config.client_manager_thread_pool_queue_capacity,
                None,
            ),
            heartbeat: lane(
                "heartbeat",
                config.heartbeat_thread_pool_nums,
                config.heartbeat_thread_pool_queue_capacity,
                age(config.wait_time_mills_in_heartbeat_queue),
            ),
            consumer: lane(
                "consumer",
                config.consumer_manage_thread_pool_nums,
                config.consumer_manager_thread_pool_queue_capacity,
                None,
            ),
            transaction: lane(
                "transaction",
                config.end_transaction_thread_pool_nums,
                config.end_transaction_pool_queue_capacity,
                age(config.wait_time_mills_in_transaction_queue),
            ),
            reply: lane(
                "reply",
                config.process_reply_message_thread_pool_nums,
                config.reply_thread_pool_queue_capacity,
                None,
            ),
        }
    }

    /// Ends every worker. Idempotent.
    pub fn stop(&self) {
        let all = [
            &self.send,
            &self.query,
            &self.admin,
            &self.client,
            &self.heartbeat,
            &self.consumer,
            &self.transaction,
            &self.reply,
        ];
        all.into_iter().for_each(|lane| lane.stop());
    }

    /// For a route.
    pub fn on(lane: &Arc<Lane>) -> LaneChoice {
        LaneChoice::Workers(lane.clone())
    }
}

/// The reference does not bound this queue; memory has to be bounded.
const ADMIN_QUEUE_MAX: u32 = 100_000;
