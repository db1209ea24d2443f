//! Gateways of different releases on one link: what an older one does not say is not missed, what a
//! newer one says besides is not seen.
//!
//! Older is the schema of `schema.oldest.txt`: whatever is not in it is taken out of each message, at
//! every depth, as if it had been written, or read and passed on, by a gateway that does not know it.
//! Newer is today's schema with one more field in every message.

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use antiphon_core::{Control, Epoch};
use antiphon_proto::{
    ControlIn, Greeting, Problem, Statement, StatementBody, control, decode_end, decode_sequenced,
    sequenced, v1,
};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, ReflectMessage as _, Value,
    prost_types::FieldDescriptorProto,
};

use crate::arbitrary;

static OLDEST: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("schema.oldest.txt").lines().filter_map(field_of).collect());
static TODAY: LazyLock<DescriptorPool> = LazyLock::new(|| pool(|_| {}));
static TOMORROW: LazyLock<DescriptorPool> = LazyLock::new(|| {
    pool(|message| {
        message.field.push(FieldDescriptorProto {
            name: Some("tomorrow".to_owned()),
            number: Some(9999),
            label: Some(1),
            r#type: Some(9),
            ..FieldDescriptorProto::default()
        });
    })
});

type MessageProto = protox::prost_reflect::prost_types::DescriptorProto;

fn pool(change: impl Fn(&mut MessageProto)) -> DescriptorPool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut files = protox::compile(["antiphon/link/v1/link.proto"], [root]).unwrap();
    files.file.iter_mut().flat_map(|file| &mut file.message_type).for_each(change);
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

/// `antiphon.link.v1.Ack#02` of a line about it.
fn field_of(line: &str) -> Option<&str> {
    line.strip_prefix("field ")?.split(' ').next()
}

fn is_oldest(field: &FieldDescriptor) -> bool {
    let name = format!("{}#{:02}", field.parent_message().full_name(), field.number());
    OLDEST.contains(name.as_str())
}

/// The messages in a field.
fn inner(value: &mut Value) -> Vec<&mut DynamicMessage> {
    if let Value::Message(message) = value {
        return vec![message];
    }
    let Value::List(list) = value else { return Vec::new() };
    list.iter_mut().flat_map(inner).collect()
}

fn set_fields(message: &DynamicMessage) -> Vec<FieldDescriptor> {
    message.descriptor().fields().filter(|field| message.has_field(field)).collect()
}

fn forget_what_is_newer(message: &mut DynamicMessage) {
    for field in set_fields(message) {
        if is_oldest(&field) {
            inner(message.get_field_mut(&field)).into_iter().for_each(forget_what_is_newer);
        } else {
            message.clear_field(&field);
        }
    }
}

fn add_what_is_newer(message: &mut DynamicMessage) {
    for field in set_fields(message) {
        inner(message.get_field_mut(&field)).into_iter().for_each(add_what_is_newer);
    }
    message.set_field_by_name("tomorrow", Value::String("and after".to_owned()));
}

fn through(
    pool: &DescriptorPool,
    name: &str,
    bytes: &[u8],
    change: fn(&mut DynamicMessage),
) -> Bytes {
    let name = format!("antiphon.link.v1.{name}");
    let descriptor = pool.get_message_by_name(&name).unwrap();
    let mut message = DynamicMessage::decode(descriptor, bytes).unwrap();
    change(&mut message);
    message.encode_to_vec().into()
}

/// As an older gateway writes it.
fn older(name: &str, bytes: &[u8]) -> Bytes {
    through(&TODAY, name, bytes, forget_what_is_newer)
}

/// As a newer gateway writes it.
fn newer(name: &str, bytes: &[u8]) -> Bytes {
    through(&TOMORROW, name, bytes, add_what_is_newer)
}

fn control_in(bytes: Bytes) -> ControlIn {
    ControlIn::try_from(v1::ControlMessage::decode(bytes).unwrap()).unwrap()
}

fn is_known(message: &v1::ControlMessage) -> bool {
    !older("ControlMessage", &message.encode_to_vec()).is_empty()
}

fn statement(body: StatementBody) -> Bytes {
    Statement { fabric: "acme".parse().unwrap(), body }.encode()
}

/// The parts of a frame are read apart: a relay passes the second on as bytes.
fn frame(bend: fn(&str, &[u8]) -> Bytes, message: &v1::SequencedFrame) -> v1::SequencedFrame {
    let end = bend("EndToEnd", &message.end);
    let whole = v1::SequencedFrame { end, ..message.clone() }.encode_to_vec();
    v1::SequencedFrame::decode(bend("SequencedFrame", &whole)).unwrap()
}

proptest! {
    #[test]
    fn a_control_message_of_an_older_gateway_is_read(message in arbitrary::control()) {
        let today = control(&message);
        let old = older("ControlMessage", &today.encode_to_vec());
        match control_in(old.clone()) {
            ControlIn::Message(read) => {
                let again = older("ControlMessage", &control(&read).encode_to_vec());
                prop_assert_eq!(again, old, "nothing that it said is lost");
            }
            ControlIn::Adverts { .. } => {
                let adverts = matches!(message, Control::Adverts { .. });
                prop_assert!(adverts, "{message:?}");
            }
            ControlIn::Unknown => prop_assert!(!is_known(&today), "{today:?}"),
            ControlIn::Ping(_) | ControlIn::Pong(_) | ControlIn::Gossip(_) | ControlIn::Greeting => {
                prop_assert!(false, "{message:?} is none of these");
            }
        }
    }

    #[test]
    fn a_control_message_of_a_newer_gateway_is_read_as_without_what_is_new(
        message in arbitrary::control(),
    ) {
        let today: Bytes = control(&message).encode_to_vec().into();
        prop_assert_eq!(control_in(newer("ControlMessage", &today)), control_in(today));
    }

    #[test]
    fn frames_of_older_and_newer_gateways_are_read(one in arbitrary::frame()) {
        let today = sequenced(Epoch(1), 2, 3, &one);
        for bend in [older, newer] {
            let read = decode_sequenced(frame(bend, &today));
            prop_assert_eq!((read.epoch, read.number, read.weight), (Epoch(1), 2, 3));
            let read = read.frame.unwrap();
            prop_assert_eq!(&read.hop, &one.hop);
            let end = bend("EndToEnd", &today.end);
            prop_assert_eq!(read.verbatim, Some(end), "a relay passes on what it does not know");
        }
        let end = decode_end(newer("EndToEnd", &today.end)).unwrap();
        prop_assert_eq!(end, one.end);
    }

    #[test]
    fn greetings_of_older_and_newer_gateways_are_read(greeting in arbitrary::greeting()) {
        let today = v1::Hello::from(&greeting).encode_to_vec();
        for bend in [older, newer] {
            let read = v1::Hello::decode(bend("Hello", &today)).unwrap();
            prop_assert_eq!(Greeting::try_from(read).unwrap(), greeting.clone());
        }
    }

    #[test]
    fn adverts_of_older_and_newer_gateways_are_read(draft in arbitrary::draft()) {
        let today = statement(StatementBody::Advert(draft));
        prop_assert_eq!(Statement::decode(newer("Statement", &today)), Statement::decode(today.clone()));
        let old = older("Statement", &today);
        match Statement::decode(old.clone()) {
            Ok(read) => prop_assert_eq!(older("Statement", &read.encode()), old),
            Err(error) => prop_assert_eq!(error.problem, Problem::Newer, "of a kind that came later"),
        }
    }

    #[test]
    fn records_and_beacons_of_older_and_newer_gateways_are_read(
        member in arbitrary::member(),
        beacon in arbitrary::beacon(),
    ) {
        for body in [StatementBody::Endpoint(member), StatementBody::Beacon(beacon)] {
            let today = statement(body);
            let read = Statement::decode(newer("Statement", &today));
            prop_assert_eq!(read, Statement::decode(today.clone()));
            prop_assert!(Statement::decode(older("Statement", &today)).is_ok());
        }
    }
}

#[test]
fn older_and_newer_differ_from_today() {
    let today = control(&Control::Goodbye).encode_to_vec();
    assert_eq!(older("ControlMessage", &today), today, "a goodbye has always been known");
    assert_ne!(newer("ControlMessage", &today), today);
    let undrain = control(&Control::Undrain).encode_to_vec();
    assert!(older("ControlMessage", &undrain).is_empty(), "an undrain has not");
}

#[test]
fn nothing_that_the_oldest_gateways_know_is_gone() {
    let today = include_str!("schema.link.v1.txt");
    let oldest = include_str!("schema.oldest.txt").lines().filter(|line| !line.starts_with('#'));
    for line in oldest {
        assert!(today.lines().any(|now| now == line), "moved or removed: {line}");
    }
}
