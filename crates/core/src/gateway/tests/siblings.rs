//! Gateways of one region whose brokers are not one cluster.

use super::*;
use crate::Beacon;

/// `eu-1`, linked to `eu-2`, both with a broker.
fn with_sibling() -> Bench {
    let mut bench = Bench::unlinked(config("eu", "eu-1"));
    bench.link("eu-2", "eu");
    bench
}

/// The sibling's beacon of this moment of its clock is heard.
fn hear(bench: &mut Bench, made: Duration) -> Vec<Action> {
    bench.handle(Event::BeaconHeard(Beacon {
        region: "eu".parse().unwrap(),
        gateway: "eu-2".parse().unwrap(),
        incarnation: Incarnation(5),
        state: GatewayState::Active,
        joined: true,
        regions: 1,
        made,
    }))
}

/// The alarms of so many seconds, in which the sibling is heard or not: whether each is raised.
fn alarms(bench: &mut Bench, seconds: u64, heard: bool) -> Vec<bool> {
    let mut found = Vec::new();
    for _ in 0..seconds {
        let mut actions = bench.wait(1);
        if heard {
            let now = at(bench.seconds).unix;
            actions.extend(hear(bench, now));
        }
        found.extend(actions.iter().filter_map(|action| match action {
            Action::Alarm { alarm: Alarm::TwoClusters { gateway }, raised } => {
                assert_eq!(gateway.as_str(), "eu-2");
                Some(*raised)
            }
            _ => None,
        }));
    }
    found
}

#[test]
fn a_sibling_that_is_linked_and_not_heard_is_an_alarm_until_it_is_heard() {
    let mut bench = with_sibling();
    assert_eq!(alarms(&mut bench, 19, false), [] as [bool; 0], "it may have just started");
    assert_eq!(alarms(&mut bench, 2, false), [true]);
    assert_eq!(alarms(&mut bench, 5, false), [] as [bool; 0], "once is enough");
    assert_eq!(alarms(&mut bench, 1, true), [false]);
    assert_eq!(alarms(&mut bench, 12, true), [] as [bool; 0]);
    assert_eq!(alarms(&mut bench, 12, false), [] as [bool; 0]);
    assert_eq!(alarms(&mut bench, 12, false), [true]);
}

#[test]
fn who_was_stopped_right_after_the_link_came_listens_before_it_complains() {
    let mut bench = with_sibling();
    bench.seconds += 11;
    assert_eq!(alarms(&mut bench, 9, false), [] as [bool; 0]);
    assert_eq!(alarms(&mut bench, 30, true), [] as [bool; 0]);
}

#[test]
fn one_without_a_broker_or_a_link_is_not_missed() {
    let mut bench = with_sibling();
    let mut advert = topology_of("eu-2", "eu", "eu-1");
    advert.draft.stamp.version = 2;
    let topology = place_of(&mut advert);
    topology.broker = false;
    let message = Control::Adverts { adverts: vec![advert], answered: false };
    bench.handle(Event::FromPeer { link: LINK, message });
    assert_eq!(alarms(&mut bench, 40, false), [] as [bool; 0]);

    let mut bench = with_sibling();
    assert_eq!(alarms(&mut bench, 25, false), [true]);
    let actions = bench.handle(Event::LinkDown { link: LINK, reason: String::new() });
    assert!(actions.iter().any(|one| matches!(
        one,
        Action::Alarm { alarm: Alarm::TwoClusters { .. }, raised: false }
    )));

    let mut bench = with_sibling();
    bench.handle(Event::BrokerDown);
    assert_eq!(alarms(&mut bench, 40, false), [] as [bool; 0]);
}

#[test]
fn a_clock_that_is_off_is_no_second_cluster() {
    let mut bench = with_sibling();
    for _ in 0..15 {
        assert_eq!(alarms(&mut bench, 3, false), [] as [bool; 0]);
        hear(&mut bench, at(0).unix - Duration::from_secs(3600));
    }
}
