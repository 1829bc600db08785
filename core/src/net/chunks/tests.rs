use std::cell::RefCell;

use bytes::BytesMut;

use super::*;
use crate::format::wire::command::RemotingCommand;
use crate::format::wire::frame::{FRAME_SIZE_MAX, next_frame};

/// Takes at most so many bytes per write, and nothing at all on every third.
struct Trickle {
    bytes_max: usize,
    writes: RefCell<usize>,
    slices_most: RefCell<usize>,
    taken: RefCell<BytesMut>,
}

impl Trickle {
    fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            writes: RefCell::default(),
            slices_most: RefCell::default(),
            taken: RefCell::default(),
        }
    }
}

impl Sink for Trickle {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        *self.writes.borrow_mut() += 1;
        if self.writes.borrow().is_multiple_of(3) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = slices.len().max(*self.slices_most.borrow());
        *self.slices_most.borrow_mut() = most;
        let mut room = self.bytes_max;
        for slice in slices {
            assert!(!slice.is_empty());
            let count = room.min(slice.len());
            self.taken.borrow_mut().extend_from_slice(&slice[..count]);
            room -= count;
        }
        Ok(self.bytes_max - room)
    }
}

/// A chunk of a length around what matters: empty, copied, by reference.
fn chunk(number: usize) -> Bytes {
    let lengths = [0, 1, 100, COPY_BYTES_MAX, COPY_BYTES_MAX + 1, 5_000];
    Bytes::from(vec![number as u8; lengths[number % lengths.len()]])
}

fn origin(opaque: i32) -> Origin {
    Origin { code: 10, opaque, serializer: Serializer::Rocketmq, oneway: false }
}

fn responses(count: usize) -> (Chunks, Vec<Vec<u8>>) {
    let mut chunks = Chunks::default();
    let mut bodies = Vec::new();
    for number in 0..count {
        let body: Body = (0..number % 5).map(|part| chunk(number + part)).collect();
        bodies.push(body.concat());
        let mut response = Response { body, ..Response::success() };
        chunks.push_response(&mut response, &origin(number as i32));
    }
    (chunks, bodies)
}

fn write_all(chunks: &mut Chunks, sink: &Trickle) {
    while let Err(error) = chunks.write_to(sink) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!chunks.is_empty());
    }
    assert!(chunks.is_empty());
}

#[test]
fn frames_survive_writes_of_any_size() {
    for bytes_max in [1, 3, 999, 1 << 20] {
        let (mut chunks, bodies) = responses(40);
        let expected = chunks.len();
        let sink = Trickle::new(bytes_max);
        write_all(&mut chunks, &sink);
        let mut taken = sink.taken.into_inner();
        assert_eq!(taken.len(), expected);
        for (number, body) in bodies.iter().enumerate() {
            let command: RemotingCommand = next_frame(&mut taken, FRAME_SIZE_MAX).unwrap().unwrap();
            assert_eq!((command.opaque, &command.body[..]), (number as i32, &body[..]));
        }
        assert!(taken.is_empty());
    }
}

#[test]
fn a_body_of_thousands_of_chunks_stays_below_the_limit_of_slices() {
    let mut chunks = Chunks::default();
    let body: Body = (0..5_000).map(|number| Bytes::from(vec![number as u8; 2_000])).collect();
    let whole = body.concat();
    chunks.push_response(&mut Response { body, ..Response::success() }, &origin(1));
    let sink = Trickle::new(70_001);
    write_all(&mut chunks, &sink);
    assert!(*sink.slices_most.borrow() <= SLICES_MAX);
    let command = next_frame(&mut sink.taken.into_inner(), FRAME_SIZE_MAX).unwrap().unwrap();
    assert!(command.body == whole);
}

#[test]
fn a_written_buffer_is_used_again_unless_it_has_grown_large() {
    let (mut chunks, _) = responses(5);
    write_all(&mut chunks, &Trickle::new(1 << 20));
    chunks.clear();
    let kept = chunks.small.capacity();
    assert!(kept > 0 && kept <= KEPT_BYTES_MAX);
    let (mut chunks, _) = responses(400);
    write_all(&mut chunks, &Trickle::new(1 << 20));
    assert!(chunks.small.capacity() > KEPT_BYTES_MAX);
    chunks.clear();
    assert_eq!(chunks.small.capacity(), 0);
}
