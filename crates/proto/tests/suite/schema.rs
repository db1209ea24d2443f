//! The schema, field by field, against the text that was committed: a shipped field never moves.
//!
//! `UPDATE=1` rewrites the text. Lines may be added; a line that changes or goes breaks peers.

use std::path::{Path, PathBuf};

use protox::prost_reflect::{DescriptorPool, EnumDescriptor, MessageDescriptor, ServiceDescriptor};

#[test]
fn the_schema_of_the_link_is_the_one_that_was_committed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = protox::compile(["antiphon/link/v1/link.proto"], [root.join("../../proto")]);
    let pool = DescriptorPool::from_file_descriptor_set(files.unwrap()).unwrap();
    let text = describe(&pool);

    let snapshot: PathBuf = root.join("tests/suite/schema.link.v1.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&snapshot, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&snapshot).unwrap();
    for line in committed.lines() {
        assert!(text.lines().any(|now| now == line), "moved or removed: {line}");
    }
    assert_eq!(text, committed, "fields were added; record them with UPDATE=1");
}

fn describe(pool: &DescriptorPool) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(pool.services().flat_map(|service| service_lines(&service)));
    lines.extend(pool.all_messages().flat_map(|message| message_lines(&message)));
    lines.extend(pool.all_enums().flat_map(|numbers| enum_lines(&numbers)));
    lines.sort();
    lines.join("\n") + "\n"
}

fn service_lines(service: &ServiceDescriptor) -> Vec<String> {
    let method = |method: protox::prost_reflect::MethodDescriptor| {
        let stream = |yes| if yes { "stream " } else { "" };
        format!(
            "rpc {}({}{}) returns ({}{})",
            method.full_name(),
            stream(method.is_client_streaming()),
            method.input().full_name(),
            stream(method.is_server_streaming()),
            method.output().full_name(),
        )
    };
    service.methods().map(method).collect()
}

fn message_lines(message: &MessageDescriptor) -> Vec<String> {
    let mut lines = vec![format!("message {}", message.full_name())];
    for field in message.fields() {
        let label = format!("{:?}", field.cardinality()).to_lowercase();
        let presence = if field.supports_presence() { " present-or-not" } else { "" };
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        let group = oneof.map(|oneof| format!(" of {}", oneof.name())).unwrap_or_default();
        let (name, number) = (message.full_name(), field.number());
        let (kind, field) = (field.kind(), field.name());
        lines.push(format!("field {name}#{number:02} {field}: {label} {kind:?}{group}{presence}"));
    }
    lines
}

fn enum_lines(numbers: &EnumDescriptor) -> Vec<String> {
    let name = numbers.full_name();
    numbers
        .values()
        .map(|value| format!("value {name}#{} {}", value.number(), value.name()))
        .collect()
}
