//! Filters of identities: building one, and looking up who is and who is not in it.

use std::hint::black_box;

use antiphon_core::{Filter, IdentityHash};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Identities of one filter at most, and of a whole large region.
const SIZES: [usize; 2] = [8192, 1_000_000];
/// Look-ups in one measurement.
const LOOKUPS: usize = 1024;

fn identities(count: usize, domain: &str) -> Vec<IdentityHash> {
    (0..count).map(|number| IdentityHash::of(&format!("n{number}.{domain}.example.net"))).collect()
}

fn filters(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hints: by the identity");
    group.throughput(Throughput::Elements(1));
    group.bench_function("hash of a name", |timer| {
        timer.iter(|| IdentityHash::of(black_box("n12345.eu.example.net")));
    });
    for size in SIZES {
        let (inside, outside) = (identities(size, "eu"), identities(LOOKUPS, "us"));
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("build a filter of {size}"), |timer| {
            timer.iter(|| Filter::build(black_box(&inside).iter().copied(), size));
        });
        let filter = Filter::build(inside.iter().copied(), size);
        // Far apart, so that each look-up meets memory as it would.
        let inside: Vec<_> = inside.iter().step_by(size / LOOKUPS).take(LOOKUPS).copied().collect();
        group.throughput(Throughput::Elements(LOOKUPS as u64));
        for (who, asked) in [("is", &inside), ("is not", &outside)] {
            group.bench_function(format!("look up who {who} in a filter of {size}"), |timer| {
                timer.iter(|| asked.iter().filter(|one| filter.may_hold(**one)).count());
            });
        }
    }
}

criterion_group!(benches, filters);
criterion_main!(benches);
