//! Every way, for people.

use proptest::prelude::*;

use super::plan::{REGIONS, name, plans, region};
use crate::{
    GatewayId, WayUse,
    routes::{Table, ways::ways},
};

proptest! {
    /// What is called best and backup is what frames are sent over, at that cost.
    #[test]
    fn ways_say_what_the_table_says(plan in plans(), from in 0..12usize, origin in 0..REGIONS) {
        let from = from % plan.count();
        let graph = plan.graph();
        let origin = graph.origin(&region(origin));
        let table = Table::new(&graph, &name(from), origin);
        for ways in ways(&graph, &name(from), origin) {
            let of = |usage| ways.ways.iter().filter(move |way| way.usage == usage);
            let names = |usage| of(usage).map(|way| way.via.clone()).collect::<Vec<GatewayId>>();
            let route = table.region(&ways.region);
            let next_hops: Vec<_> = route.iter().flat_map(|one| one.next_hops.clone()).collect();
            prop_assert_eq!(names(WayUse::Best), next_hops);
            let backup = route.and_then(|one| one.backup.clone());
            let backup: Vec<_> = backup.into_iter().map(|one| one.next_hop).collect();
            prop_assert_eq!(names(WayUse::Backup), backup);
            for way in of(WayUse::Best) {
                prop_assert_eq!(way.cost(), route.map(|one| one.cost));
            }
            for way in of(WayUse::Dearer).chain(of(WayUse::Backup)) {
                prop_assert!(way.cost() > route.map(|one| one.cost), "{:?}", way);
            }
            prop_assert!(of(WayUse::NoWay).all(|way| way.rest.is_none()));
        }
    }
}
