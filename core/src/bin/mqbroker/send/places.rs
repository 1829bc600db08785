//! Where messages are sent to.

use libbroker::internals::format::flags::perm;
use libbroker::internals::format::names::AUTO_CREATE_TOPIC;
use libbroker::internals::format::wire::body::TopicRoute;
use libbroker::{Error, ErrorKind};

use super::{QUEUES_OF_NEW_TOPIC, Send};
use crate::remote::Node;
use crate::remote::target::masters;

/// A queue that can be sent to. A negative id leaves the choice to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Place of the broker in the list of brokers.
    pub node: usize,
    pub queue_id: i32,
}

/// The brokers of a topic and its queues; where it has no route, those of the topic that new ones are made after.
pub fn places(options: &Send) -> Result<(Vec<Node>, Vec<Place>), Error> {
    let (route, queues_max) = match options.target.route(&options.topic)? {
        Some(route) => (route, i32::MAX),
        None => {
            let template = options.target.route(AUTO_CREATE_TOPIC)?;
            (template.ok_or_else(|| options.target.no_route(&options.topic))?, QUEUES_OF_NEW_TOPIC)
        }
    };
    let nodes: Vec<Node> = masters(&route).collect();
    let places = writable(&route, &nodes, queues_max);
    if places.is_empty() { Err(no_queue(&options.topic)) } else { Ok((nodes, places)) }
}

fn writable(route: &TopicRoute, nodes: &[Node], queues_max: i32) -> Vec<Place> {
    let queues = route.queues.iter().filter(|queue| perm::is_writable(queue.perm));
    queues
        .filter_map(|queue| {
            let node = nodes.iter().position(|node| node.name == queue.broker_name)?;
            Some((0..queue.write_queue_nums.min(queues_max)).map(move |queue_id| Place { node, queue_id }))
        })
        .flatten()
        .collect()
}

/// The one queue that was asked for, on the first broker that has it.
pub fn on_one_queue(places: &[Place], queue_id: i32, topic: &str) -> Result<Vec<Place>, Error> {
    let found = places.iter().find(|place| place.queue_id == queue_id || place.queue_id < 0);
    let node = found.ok_or_else(|| {
        let highest = places.iter().map(|place| place.queue_id).max().unwrap_or_default();
        let text = format!("--queue {queue_id}: the queues of {topic} are 0 to {highest}");
        Error::new(ErrorKind::InvalidArgument, text)
    })?;
    Ok(vec![Place { node: node.node, queue_id }])
}

/// A topic that cannot be sent to.
pub fn no_queue(topic: &str) -> Error {
    let text = format!("topic {topic} has no queue that may be written to; see `mqbroker topics {topic}`");
    Error::new(ErrorKind::NotFound, text)
}

#[cfg(test)]
mod tests {
    use libbroker::internals::format::wire::body::{BrokerRoute, QueueRoute};

    use super::*;

    fn route() -> TopicRoute {
        let broker = |name: &str, id: i64| BrokerRoute {
            broker_addrs: [(id, format!("{name}:1"))].into(),
            broker_name: name.to_owned(),
            cluster: "C".to_owned(),
        };
        let queue = |name: &str, perm: i32| QueueRoute {
            broker_name: name.to_owned(),
            perm,
            write_queue_nums: 6,
            ..QueueRoute::default()
        };
        TopicRoute {
            brokers: vec![broker("a", 0), broker("b", 0), broker("slave-only", 1)],
            queues: vec![queue("a", 6), queue("b", 4), queue("slave-only", 6)],
            ..TopicRoute::default()
        }
    }

    #[test]
    fn only_writable_queues_of_masters_are_sent_to() {
        let nodes: Vec<Node> = masters(&route()).collect();
        let places = writable(&route(), &nodes, 4);
        assert_eq!(places, [0, 1, 2, 3].map(|queue_id| Place { node: 0, queue_id }));
        assert_eq!(on_one_queue(&places, 2, "T").unwrap(), [Place { node: 0, queue_id: 2 }]);
        let refused = on_one_queue(&places, 9, "T").unwrap_err();
        assert_eq!(refused.context(), "--queue 9: the queues of T are 0 to 3");
    }
}
