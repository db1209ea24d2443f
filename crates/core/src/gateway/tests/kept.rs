//! Routes that are kept up to date, against routes computed from all adverts.

use proptest::prelude::*;

use super::*;
use crate::routes::Graph;

/// One advert of a gateway, or time passing.
#[derive(Clone, Debug)]
enum Step {
    Says { gateway: usize, incarnation: u64, version: u64, topology: Topology },
    Wait(u64),
    OurLink(bool),
    OurBroker(bool),
}

const GATEWAYS: usize = 7;

fn name(index: usize) -> GatewayId {
    ["eu-1", "us-1", "us-2", "ap-1", "ap-2", "sa-1", "af-1"][index % GATEWAYS].parse().unwrap()
}

fn region(index: usize) -> RegionId {
    name(index).as_str().split('-').next().unwrap().parse().unwrap()
}

fn steps() -> impl Strategy<Value = Step> {
    let states = [GatewayState::Active, GatewayState::Starting, GatewayState::Draining];
    let topology = (
        prop::sample::select(states.to_vec()),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.8),
        prop::collection::btree_map(0..GATEWAYS, 1..6u32, 0..GATEWAYS),
    );
    let topology = topology.prop_map(|(state, broker, transit, links)| Topology {
        state,
        broker,
        transit,
        transit_ruled: false,
        adjacencies: links.into_iter().map(|(to, cost)| (name(to), cost)).collect(),
        native: [].into(),
    });
    prop_oneof![
        12 => (1..GATEWAYS, 5..7u64, 1..40u64, topology).prop_map(
            |(gateway, incarnation, version, topology)| {
                Step::Says { gateway, incarnation, version, topology }
            }
        ),
        2 => (1..20u64).prop_map(Step::Wait),
        1 => Just(Step::Wait(200)),
        1 => any::<bool>().prop_map(Step::OurLink),
        1 => any::<bool>().prop_map(Step::OurBroker),
    ]
}

fn take(bench: &mut Bench, step: Step) {
    match step {
        Step::Says { gateway, incarnation, version, topology } => {
            let (name, home) = (name(gateway), region(gateway));
            let content = AdvertContent::Topology(topology.into());
            let mut advert = advert(name.as_str(), home.as_str(), content);
            advert.draft.stamp = Stamp { incarnation: Incarnation(incarnation), version };
            let message = Control::Adverts { adverts: vec![advert], answered: false };
            bench.handle(Event::FromPeer { link: LINK, message });
        }
        Step::Wait(seconds) => drop(bench.wait(seconds)),
        Step::OurLink(true) => bench.link("us-1", "us"),
        Step::OurLink(false) => {
            bench.handle(Event::LinkDown { link: LINK, reason: String::new() });
        }
        Step::OurBroker(true) => drop(bench.handle(Event::BrokerUp(broker()))),
        Step::OurBroker(false) => drop(bench.handle(Event::BrokerDown)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn routes_are_at_all_times_those_of_all_adverts(
        steps in prop::collection::vec(steps(), 1..24),
    ) {
        let mut bench = Bench::new();
        for step in steps {
            take(&mut bench, step.clone());
            let gateway = &mut bench.gateway;
            let ours = gateway.topology();
            let me = gateway.me.clone();
            let others = gateway.database.topologies().filter(|(one, ..)| **one != me.gateway);
            let ours = std::iter::once((&me.gateway, &me.region, &ours));
            let scratch = Graph::new(&ours.chain(others).collect::<Vec<_>>());
            prop_assert_eq!(gateway.routes.graph(), &scratch, "{:?}", step);
            for origin in (0..GATEWAYS).map(region) {
                let kept = gateway.routes.table(&me.gateway, &origin).clone();
                prop_assert_eq!(kept, scratch.table(&me.gateway, &origin), "{:?}", step);
            }
        }
    }
}
