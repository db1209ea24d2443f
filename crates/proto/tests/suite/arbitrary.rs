//! Any value of each core type that crosses a link, within its bounds.

use std::{sync::Arc, time::Duration};

use antiphon_core::{
    Accept, Ack, AdvertContent, AdvertDraft, AdvertKey, AdvertKind, Answer, AnswerPart, Asked,
    Beacon, Body, Called, CollectiveHints, Control, Creator, DropReason, EndToEnd, Endpoint, Epoch,
    Filter, Frame, GatewayId, GatewayState, HINT_PARTS_MAX, Hello, Hints, HintsPart, Hop,
    IdentityHash, Incarnation, Member, NameList, Offer, Open, Order, Orders, Outcome, PARTS_MAX,
    Probe, ProbeEnd, ProbeHop, Question, Receipt, Receipts, RegionId, ReplyBody, RequestBody,
    RollCall, Slice, Stamp, Stop, Target, Topology, UnitId,
};
use antiphon_proto::Greeting;
use antiphon_wire::{Agent, Collective, RequestId};
use bytes::Bytes;
use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
    sample::select,
};

pub(crate) fn region() -> impl Strategy<Value = RegionId> {
    "[A-Za-z0-9_-]{1,63}".prop_map(|text| text.parse().unwrap())
}

pub(crate) fn gateway() -> impl Strategy<Value = GatewayId> {
    "[A-Za-z0-9_-]{1,63}".prop_map(|text| text.parse().unwrap())
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    any::<u64>().prop_map(Incarnation)
}

fn micros() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_micros)
}

fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..64).prop_map(Bytes::from)
}

fn state() -> impl Strategy<Value = GatewayState> {
    use GatewayState::{Active, Draining, Left, Starting};
    select(vec![Starting, Active, Draining, Left])
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    ("[a-z0-9][a-z0-9.-]{0,30}", 1..=u16::MAX)
        .prop_map(|(host, port)| format!("{host}:{port}").parse().unwrap())
}

pub(crate) fn frame() -> impl Strategy<Value = Frame> {
    let hop = (any::<u8>(), vec(gateway(), 0..5), micros()).prop_map(|(limit, visited, age)| Hop {
        limit,
        visited,
        age,
    });
    (hop, end()).prop_map(|(hop, end)| Frame { hop, end, verbatim: None })
}

pub(crate) fn end() -> impl Strategy<Value = EndToEnd> {
    let head = (creator(), any::<u64>(), region(), option::of(gateway()), any::<u64>(), micros());
    (head, body()).prop_map(|((creator, unit, to, prefer, flow, lifetime), body)| EndToEnd {
        creator,
        unit: UnitId(unit),
        to,
        prefer,
        flow,
        lifetime,
        body,
    })
}

fn creator() -> impl Strategy<Value = Creator> {
    (region(), gateway(), incarnation()).prop_map(|(region, gateway, incarnation)| Creator {
        region,
        gateway,
        incarnation,
    })
}

fn body() -> impl Strategy<Value = Body> {
    let federated = || option::of("[a-z:/.0-9]{0,40}");
    let request = ("[a-f0-9]{32}", ".{0,20}", target(), ".{0,60}", federated(), payload())
        .prop_map(|(request, collective, target, reply_to, federated, payload)| {
            let request = RequestId::try_from(request).unwrap();
            Body::Request(RequestBody { request, collective, target, reply_to, federated, payload })
        });
    let reply = (".{0,32}", ".{0,60}", federated(), payload()).prop_map(
        |(request, subject, federated, payload)| {
            Body::Reply(ReplyBody { request, subject, federated, payload })
        },
    );
    prop_oneof![request, reply]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        ".{0,20}".prop_map(|agent| Target::Broadcast { agent }),
        ".{0,20}".prop_map(|agent| Target::Service { agent }),
        vec(".{0,20}", 1..6).prop_map(|identities| Target::Directed { identities }),
    ]
}

/// Every control message but adverts, whose content only a verifier may read.
pub(crate) fn control() -> impl Strategy<Value = Control> {
    let epoch = || any::<u64>().prop_map(Epoch);
    let number = any::<u64>;
    prop_oneof![
        (epoch(), number(), any::<bool>()).prop_map(|(epoch, base, fresh)| Control::Open(Open {
            epoch,
            base,
            fresh
        })),
        (epoch(), option::of(number()), number())
            .prop_map(|(epoch, next, granted)| Control::Accept(Accept { epoch, next, granted })),
        (epoch(), number(), number()).prop_map(|(epoch, next, granted)| Control::Ack(Ack {
            epoch,
            next,
            granted
        })),
        vec((key(), stamp()), 0..5).prop_map(Control::Digest),
        receipts().prop_map(Control::Receipts),
        Just(Control::DrainRequest),
        (epoch(), number()).prop_map(|(epoch, next)| Control::LastFrame { epoch, next }),
        Just(Control::Goodbye),
        Just(Control::Undrain),
        probe().prop_map(|probe| Control::Probe(Box::new(probe))),
        question().prop_map(Control::Question),
        answer().prop_map(Control::Answer),
        roll_call().prop_map(Control::RollCall),
        roll_call().prop_map(Control::RollAnswer),
    ]
}

fn roll_call() -> impl Strategy<Value = RollCall> {
    let called = (any::<u64>(), ".{0,20}", any::<bool>());
    let called =
        called.prop_map(|(hash, name, held)| Called { identity: IdentityHash(hash), name, held });
    let collective = "[a-z]{1,20}".prop_map(|text| Collective::try_from(text).unwrap());
    (gateway(), gateway(), any::<u8>(), collective, vec(called, 0..4)).prop_map(
        |(from, to, limit, collective, nodes)| RollCall { from, to, limit, collective, nodes },
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    (gateway(), incarnation(), any::<u64>()).prop_map(|(from, incarnation, number)| Asked {
        from,
        incarnation,
        number,
    })
}

fn probe() -> impl Strategy<Value = Probe> {
    let span = || (0..u64::MAX).prop_map(Duration::from_micros);
    let place = (gateway(), region(), "[0-9.]{0,8}", any::<bool>(), prop::option::of(gateway()));
    let times = (span(), span(), span(), prop::option::of(span()), prop::option::of(span()));
    let hop = (place, times, any::<u64>()).prop_map(
        |((gateway, region, version, back, next), (at, stayed, waited, rtt, broker), queued)| {
            ProbeHop {
                gateway,
                region,
                version,
                back,
                at,
                stayed,
                next,
                rtt,
                waited,
                queued,
                broker,
            }
        },
    );
    let ends = [None, Some(ProbeEnd::Arrived), Some(ProbeEnd::Turned), Some(ProbeEnd::NoWay)];
    let dropped = ProbeEnd::Dropped(DropReason::TransitRefused);
    let ended = prop::sample::select([&ends[..], &[Some(dropped)]].concat());
    let numbers = (any::<u64>(), any::<u64>(), any::<u8>());
    let names = (gateway(), incarnation(), region(), region());
    (names, numbers, ended, prop::collection::vec(hop, 0..5)).prop_map(
        |((creator, incarnation, origin, to), (id, flow, turn), ended, hops)| Probe {
            creator,
            incarnation,
            origin,
            id,
            to,
            flow,
            turn,
            ended,
            hops,
        },
    )
}

fn question() -> impl Strategy<Value = Question> {
    (asked(), gateway(), any::<u8>(), 0..PARTS_MAX, ".{0,20}", payload()).prop_map(
        |(asked, to, limit, part, topic, body)| Question { asked, to, limit, part, topic, body },
    )
}

fn answer() -> impl Strategy<Value = Answer> {
    let part = (1..=PARTS_MAX, payload()).prop_map(|(parts, body)| AnswerPart::Part {
        part: parts - 1,
        parts,
        body,
    });
    let content = prop_oneof![part, ".{0,20}".prop_map(AnswerPart::Refused)];
    (asked(), gateway(), any::<u8>(), content).prop_map(|(asked, from, limit, content)| Answer {
        asked,
        from,
        limit,
        content,
    })
}

fn receipts() -> impl Strategy<Value = Receipts> {
    let outcome = prop_oneof![
        Just(Outcome::Delivered),
        Just(Outcome::InDoubt),
        select(DropReason::ALL).prop_map(Outcome::Dropped),
    ];
    let receipt = (any::<u64>(), 1..=u64::MAX, outcome)
        .prop_map(|(unit, count, outcome)| Receipt { unit: UnitId(unit), count, outcome });
    (gateway(), incarnation(), any::<u8>(), vec(receipt, 0..8)).prop_map(
        |(to, incarnation, limit, receipts)| Receipts { to, incarnation, limit, receipts },
    )
}

fn key() -> impl Strategy<Value = AdvertKey> {
    (
        gateway(),
        prop_oneof![
            select(vec![
                AdvertKind::Topology,
                AdvertKind::Offer,
                AdvertKind::Hints,
                AdvertKind::Orders,
            ]),
            any::<u16>().prop_map(AdvertKind::HintsPart),
        ],
    )
        .prop_map(|(gateway, kind)| AdvertKey { gateway, kind })
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (incarnation(), any::<u64>()).prop_map(|(incarnation, version)| Stamp { incarnation, version })
}

pub(crate) fn draft() -> impl Strategy<Value = AdvertDraft> {
    let collective = "[a-z]{1,20}".prop_map(|text| Collective::try_from(text).unwrap());
    let content = prop_oneof![
        topology().prop_map(|topology| AdvertContent::Topology(topology.into())),
        btree_set(collective, 0..5)
            .prop_map(|collectives| AdvertContent::Offer(Offer { collectives })),
        hints().prop_map(|hints| AdvertContent::Hints(Arc::new(hints))),
        part().prop_map(|part| AdvertContent::HintsPart(Arc::new(part))),
        vec(order(), 0..4).prop_map(|orders| AdvertContent::Orders(Orders { orders })),
    ];
    (gateway(), region(), stamp(), content).prop_map(|(gateway, region, stamp, content)| {
        AdvertDraft { gateway, region, stamp, content }
    })
}

fn order() -> impl Strategy<Value = Order> {
    let stop = prop_oneof![
        "[a-z]{1,20}".prop_map(|text| Stop::Collective { collective: text.parse().unwrap() }),
        "[a-z*=.]{1,20}".prop_map(|text| Stop::Caller { caller: text.parse().unwrap() }),
        (region(), region()).prop_map(|(one, other)| Stop::pair(one, other)),
        region().prop_map(|with| Stop::Link { with }),
    ];
    (stop, any::<bool>(), "[ -~]{0,40}", "\\PC{0,20}", micros(), micros()).prop_map(
        |(stop, stands, by, reason, made, until)| Order { stop, stands, by, reason, made, until },
    )
}

fn hints() -> impl Strategy<Value = Hints> {
    let name = "[a-z]{1,20}".prop_map(|text| Agent::try_from(text).unwrap());
    let names = || vec(name.clone(), 0..5).prop_map(|names| NameList::new(&names));
    let said = (any::<bool>(), any::<u64>(), any::<u32>(), names(), names()).prop_map(
        |(complete, identities, read, agents, services)| CollectiveHints {
            complete,
            identities,
            read: Duration::from_secs(read.into()),
            agents,
            services,
        },
    );
    let collective = "[a-z]{1,20}".prop_map(|text| Collective::try_from(text).unwrap());
    (any::<bool>(), any::<u64>(), 0..=HINT_PARTS_MAX, btree_map(collective, said, 0..4)).prop_map(
        |(monitors, generation, parts, collectives)| Hints {
            monitors,
            generation,
            parts,
            collectives,
        },
    )
}

fn part() -> impl Strategy<Value = HintsPart> {
    let collective = "[a-z]{1,20}".prop_map(|text| Collective::try_from(text).unwrap());
    let slice = (collective, 0..1_u16 << 15, 0..=1_u16 << 15, payload()).prop_map(
        |(collective, shard, shards, filter)| Slice {
            collective,
            shard,
            shards,
            filter: Filter::from_bytes(filter),
        },
    );
    (0..HINT_PARTS_MAX, any::<u64>(), vec(slice, 0..4))
        .prop_map(|(index, generation, slices)| HintsPart { index, generation, slices })
}

fn topology() -> impl Strategy<Value = Topology> {
    let adjacencies = btree_map(gateway(), any::<u32>(), 0..5);
    (state(), any::<[bool; 3]>(), adjacencies, btree_set(region(), 0..3)).prop_map(
        |(state, [broker, transit, transit_ruled], adjacencies, native)| Topology {
            state,
            broker,
            transit,
            transit_ruled,
            adjacencies,
            native,
        },
    )
}

pub(crate) fn member() -> impl Strategy<Value = Member> {
    (gateway(), region(), incarnation(), endpoint(), state(), "[0-9.]{0,20}").prop_map(
        |(gateway, region, incarnation, endpoint, state, version)| Member {
            gateway,
            region,
            incarnation,
            endpoint,
            state,
            version,
        },
    )
}

pub(crate) fn beacon() -> impl Strategy<Value = Beacon> {
    (region(), gateway(), incarnation(), state(), any::<bool>(), any::<u32>(), micros()).prop_map(
        |(region, gateway, incarnation, state, joined, regions, made)| Beacon {
            region,
            gateway,
            incarnation,
            state,
            joined,
            regions,
            made,
        },
    )
}

pub(crate) fn greeting() -> impl Strategy<Value = Greeting> {
    let hello = (region(), gateway(), incarnation(), "[0-9.]{0,20}", endpoint()).prop_map(
        |(region, gateway, incarnation, version, endpoint)| Hello {
            region,
            gateway,
            incarnation,
            version,
            endpoint,
        },
    );
    let features = btree_set("[a-z]{1,64}", 0..5);
    (region(), hello, any::<u32>(), any::<u32>(), features).prop_map(
        |(fabric, hello, protocol, protocol_oldest, features)| Greeting {
            fabric,
            hello,
            protocol,
            protocol_oldest,
            features,
        },
    )
}
