//! One page of metrics under construction.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The first word of every name, those of any process apart.
const PREFIX: &str = "antiphon";

type Labels = Vec<(&'static str, String)>;

/// One page of metrics under construction.
pub(super) struct Sheet {
    registry: Registry,
    /// What every process has, under the names that it has everywhere.
    process: Registry,
}

/// One value and its labels.
pub(super) struct Row<T> {
    labels: Labels,
    value: T,
}

impl<T> Row<T> {
    pub(super) fn new(labels: impl IntoIterator<Item = (&'static str, String)>, value: T) -> Self {
        Self { labels: labels.into_iter().collect(), value }
    }
}

impl Sheet {
    pub(super) fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), process: Registry::with_prefix("process") }
    }

    /// A gauge that any process has, under its usual name: `process_` is put before it.
    pub(super) fn process(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.process.register(name, help, gauge);
    }

    /// A gauge without labels.
    pub(super) fn single(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.registry.register(name, help, gauge);
    }

    /// A counter without labels; `_total` is appended to its name.
    pub(super) fn total(&mut self, name: &str, help: &str, count: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        self.registry.register(name, help, counter);
    }

    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = Row<f64>>,
    ) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for Row { labels, value } in rows {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    /// A counter; `_total` is appended to its name.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = Row<u64>>,
    ) {
        let family = Family::<Labels, Counter>::default();
        for Row { labels, value } in rows {
            // Two links to one peer, while one replaces the other, are one row.
            family.get_or_create(&labels).inc_by(value);
        }
        self.registry.register(name, help, family);
    }

    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: Histogram) {
        self.registry.register(name, help, histogram);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &self.process))
            .and_then(|()| encode_eof(&mut text))
            .expect("writing to a string does not fail");
        text
    }
}
