use std::time::Duration;

use antiphon_core::{
    Body, Creator, EndToEnd, Hop, Incarnation, Limits, Periods, ReplyBody, UnitId,
};
use futures_util::{FutureExt as _, StreamExt as _};

use super::*;

const MIB: usize = 1 << 20;

fn frame(number: u64, payload: usize) -> DataItem {
    let creator = Creator {
        region: "eu".parse().unwrap(),
        gateway: "eu-1".parse().unwrap(),
        incarnation: Incarnation(1),
    };
    let body = Body::Reply(ReplyBody {
        request: String::new(),
        subject: String::new(),
        federated: None,
        payload: vec![0; payload].into(),
    });
    let end = EndToEnd {
        creator,
        unit: UnitId(1),
        to: "us".parse().unwrap(),
        prefer: None,
        flow: 0,
        lifetime: Duration::from_secs(1),
        body,
    };
    let hop = Hop { limit: 8, visited: Vec::new(), age: Duration::ZERO };
    let frame = Arc::new(Frame { hop, end, verbatim: None });
    DataItem::Frame { epoch: Epoch(1), number, weight: 0, frame }
}

/// What the connection writes if all of this was queued before it was ready: numbers of frames, or
/// the word for a ping.
fn written(items: Vec<DataItem>) -> Vec<Result<Vec<u64>, &'static str>> {
    let (queue, receiver) = mpsc::channel(2048);
    for item in items {
        queue.try_send(item).unwrap();
    }
    let config = LinkConfig::new(&Limits::default(), &Periods::default());
    let greeting = data_message::Body::Welcome(v1::DataWelcome {});
    let mut outbox = DataOutbox::new(greeting, receiver, &config, Compression::Off, Arc::default());
    assert!(outbox.next().now_or_never().flatten().is_some(), "the greeting comes first");
    let mut written = Vec::new();
    while let Some(message) = outbox.next().now_or_never() {
        written.push(match message.unwrap().body.unwrap() {
            data_message::Body::Batch(batch) => {
                Ok(batch.frames.iter().map(|frame| frame.number).collect())
            }
            data_message::Body::Ping(_) => Err("ping"),
            data_message::Body::Pong(_) => Err("pong"),
            data_message::Body::Hello(_)
            | data_message::Body::Welcome(_)
            | data_message::Body::Refusal(_) => Err("greeting"),
        });
    }
    written
}

#[test]
fn what_is_queued_goes_out_as_one_batch() {
    let frames = (1..=100).map(|number| frame(number, 10)).collect();
    assert_eq!(written(frames), [Ok((1..=100).collect())]);
}

#[test]
fn a_batch_is_bounded_in_frames() {
    let frames = (1..=600).map(|number| frame(number, 10)).collect();
    let batches = written(frames);
    let lengths: Vec<usize> = batches.iter().map(|batch| batch.as_ref().unwrap().len()).collect();
    assert_eq!(lengths, [256, 256, 88]);
    assert!(batches.into_iter().flat_map(Result::unwrap).eq(1..=600));
}

#[test]
fn a_batch_is_bounded_in_bytes_and_a_larger_frame_goes_alone() {
    let frames = vec![
        frame(1, MIB / 2),
        frame(2, MIB / 3),
        frame(3, MIB / 2),
        frame(4, 8 * MIB),
        frame(5, 1),
    ];
    assert_eq!(written(frames), [Ok(vec![1, 2]), Ok(vec![3]), Ok(vec![4]), Ok(vec![5])]);
}

#[test]
fn pings_keep_their_place_among_frames() {
    let items =
        vec![DataItem::Ping(1), frame(1, MIB / 2), frame(2, MIB), DataItem::Pong(2), frame(3, 1)];
    let expected = [Err("ping"), Ok(vec![1]), Ok(vec![2]), Err("pong"), Ok(vec![3])];
    assert_eq!(written(items), expected);
}

#[test]
fn a_closed_control_queue_ends_after_what_was_queued() {
    let (queue, receiver) = mpsc::channel(8);
    for item in [ControlItem::Message(Control::Goodbye), ControlItem::Close, ControlItem::Ping(1)] {
        queue.try_send(item).unwrap();
    }
    let greeting = control_message::Body::Hello(v1::Hello::default());
    let outbox = ControlOutbox::new(greeting, receiver);
    let written = outbox.collect::<Vec<_>>().now_or_never().unwrap();
    assert_eq!(written.len(), 2, "hello and goodbye");
}
