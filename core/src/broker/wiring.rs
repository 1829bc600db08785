//! Puts the operations together and behind their processors. No rule.

use std::sync::Arc;

use super::admin::maintenance::Cleaning;
use super::admin::{self, Admin};
use super::clients::Joining;
use super::consume::Consume;
use super::delay::DelayService;
use super::hold::PullHold;
use super::host::StoreHost;
use super::lanes::Lanes;
use super::notify::ClientNotifier;
use super::operations::Operations;
use super::processor::admin::AdminProcessor;
use super::processor::client::ClientProcessor;
use super::processor::end_transaction::EndTransactionProcessor;
use super::processor::lock::LockProcessor;
use super::processor::offset::OffsetProcessor;
use super::processor::pull::PullProcessor;
use super::processor::query::QueryProcessor;
use super::processor::reply::ReplyProcessor;
use super::processor::send::SendProcessor;
use super::processor::send_back::SendBackProcessor;
use super::produce::Produce;
use super::reply::Replies;
use super::retry::SendBack;
use super::routes::Processors;
use super::runtime_info::RequestLanes;
use super::transaction::check;
use super::transaction::end::EndTransaction;
use super::transaction::op::OpQueue;
use super::watch::Watch;
use super::{BrokerParts, Tables};
use crate::net::RemotingServer;
use crate::store::MessageStore;
use crate::store::options::Tuning;

/// What the operations are made of.
pub(super) struct Wires<'a> {
    pub parts: &'a BrokerParts,
    pub store: &'a Arc<MessageStore>,
    pub tables: &'a Tables,
    pub hold: &'a Arc<PullHold>,
    pub delay: &'a Arc<DelayService>,
    pub lanes: &'a Lanes,
    pub store_host: &'a StoreHost,
}

/// What they became.
pub(super) struct Wired {
    pub processors: Processors,
    pub admin: Arc<Admin>,
    pub admin_processor: Arc<AdminProcessor>,
    pub transaction_check: check::Parts,
    pub produce: Arc<Produce>,
    pub consume: Arc<Consume>,
    pub send_back: Arc<SendBack>,
}

pub(super) fn wire(wires: &Wires<'_>) -> Wired {
    let (parts, store, tables) = (wires.parts, wires.store, wires.tables);
    let config = &parts.config;
    let admin = Arc::new(admin(wires));
    let admin_processor = Arc::new(AdminProcessor::new(admin.clone(), config.clone()));
    let send_back = Arc::new(SendBack::new(
        store.clone(),
        tables.topics.clone(),
        tables.groups.clone(),
        tables.stats.clone(),
        config.clone(),
    ));
    let client = ClientProcessor {
        joining: Joining {
            topics: tables.topics.clone(),
            groups: tables.groups.clone(),
            consumers: tables.consumers.clone(),
        },
        producers: tables.producers.clone(),
        config: config.clone(),
    };
    let produce = Arc::new(produce(wires));
    let send = SendProcessor::new(produce.clone(), config.clone(), wires.store_host.clone());
    let reply = reply(wires, produce.clone());
    let consume = Arc::new(consume(wires));
    let pull = pull(wires, consume.clone());
    let processors = Processors {
        send: Arc::new(Arc::new(send)),
        reply: Arc::new(reply),
        send_back: Arc::new(SendBackProcessor::new(send_back.clone())),
        pull: Arc::new(Arc::new(pull)),
        query: Arc::new(QueryProcessor::new(store.clone(), config.clone())),
        client: Arc::new(client),
        offset: Arc::new(OffsetProcessor::new(tables.offsets.clone(), store.clone())),
        lock: Arc::new(LockProcessor { locks: tables.locks.clone() }),
        end_transaction: Arc::new(end_transaction(wires)),
        admin: admin_processor.clone(),
    };
    let transaction_check = check::Parts {
        store: store.clone(),
        topics: tables.topics.clone(),
        offsets: tables.offsets.clone(),
        producers: tables.producers.clone(),
        notifier: ClientNotifier::new(config.clone()),
        config: config.clone(),
        clock: parts.clock.clone(),
    };
    Wired { processors, admin, admin_processor, transaction_check, produce, consume, send_back }
}

/// What a host program can do with the broker.
pub(super) fn operations(
    wires: &Wires<'_>,
    wired: &Wired,
    servers: &Arc<Vec<RemotingServer>>,
    watch: Watch,
) -> Operations {
    let (parts, tables) = (wires.parts, wires.tables);
    Operations {
        produce: wired.produce.clone(),
        consume: wired.consume.clone(),
        send_back: wired.send_back.clone(),
        admin: wired.admin.clone(),
        store: wires.store.clone(),
        topics: tables.topics.clone(),
        groups: tables.groups.clone(),
        offsets: tables.offsets.clone(),
        consumers: tables.consumers.clone(),
        producers: tables.producers.clone(),
        store_host: wires.store_host.clone(),
        config: parts.config.clone(),
        clock: parts.clock.clone(),
        watch,
        faults: parts.faults.clone(),
        hold: wires.hold.clone(),
        delay: wires.delay.clone(),
        servers: servers.clone(),
        tables: tables.clone(),
    }
}

fn end_transaction(wires: &Wires<'_>) -> EndTransactionProcessor {
    let ops = OpQueue::new(wires.store.clone(), wires.store_host.clone(), wires.parts.clock.clone());
    let transactions = Arc::new(EndTransaction::new(wires.store.clone(), ops));
    EndTransactionProcessor::new(transactions, wires.lanes.transaction.clone(), wires.parts.config.clone())
}

fn produce(wires: &Wires<'_>) -> Produce {
    let (parts, tables) = (wires.parts, wires.tables);
    Produce::new(
        wires.store.clone(),
        tables.topics.clone(),
        tables.groups.clone(),
        tables.stats.clone(),
        parts.config.clone(),
        parts.clock.clone(),
    )
}

fn reply(wires: &Wires<'_>, produce: Arc<Produce>) -> ReplyProcessor {
    let config = &wires.parts.config;
    let replies = Replies {
        produce,
        producers: wires.tables.producers.clone(),
        notifier: ClientNotifier::new(config.clone()),
        config: config.clone(),
        clock: wires.parts.clock.clone(),
    };
    ReplyProcessor::new(replies, config.clone(), wires.store_host.clone())
}

fn consume(wires: &Wires<'_>) -> Consume {
    let (parts, tables) = (wires.parts, wires.tables);
    Consume {
        store: wires.store.clone(),
        topics: tables.topics.clone(),
        groups: tables.groups.clone(),
        consumers: tables.consumers.clone(),
        filters: tables.filters.clone(),
        offsets: tables.offsets.clone(),
        stats: tables.stats.clone(),
        config: parts.config.clone(),
        clock: parts.clock.clone(),
    }
}

fn pull(wires: &Wires<'_>, consume: Arc<Consume>) -> PullProcessor {
    PullProcessor::new(consume, wires.hold.clone(), wires.parts.config.clone(), wires.store_host.clone())
}

fn admin(wires: &Wires<'_>) -> Admin {
    let (parts, store, tables, lanes) = (wires.parts, wires.store, wires.tables, wires.lanes);
    let (tuned, config, delay) = (store.clone(), parts.config.clone(), wires.delay.clone());
    Admin::new(admin::Parts {
        store: store.clone(),
        topics: tables.topics.clone(),
        groups: tables.groups.clone(),
        offsets: tables.offsets.clone(),
        consumers: tables.consumers.clone(),
        filters: tables.filters.clone(),
        producers: tables.producers.clone(),
        notifier: ClientNotifier::new(parts.config.clone()),
        stats: tables.stats.clone(),
        config: parts.config.clone(),
        on_config_change: Box::new(move |_update| tuned.retune(Tuning::from(&config.load().store))),
        delay_offsets: Arc::new(move || delay.offsets()),
        cleaning: store.clone(),
        lanes: RequestLanes {
            // Sends and pulls run on the I/O threads and never queue.
            send: None,
            pull: None,
            query: Some(lanes.query.clone()),
            transaction: Some(lanes.transaction.clone()),
        },
        disk: parts.disk.clone(),
        clock: parts.clock.clone(),
    })
}

impl Cleaning for MessageStore {
    fn clean_expired_queues(&self) {
        MessageStore::clean_expired_queues(self);
    }

    fn clean_topics(&self, is_wanted: &dyn Fn(&str) -> bool) {
        for topic in self.topics_with_queues() {
            if !is_wanted(&topic)
                && let Err(error) = self.delete_topic(&topic)
            {
                tracing::error!(target: "broker", topic = &*topic, %error, "queues could not be removed");
            }
        }
    }

    fn delete_expired_files(&self) {
        MessageStore::delete_expired_files(self);
    }
}
