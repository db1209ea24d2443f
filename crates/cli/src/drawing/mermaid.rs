//! For Markdown pages that draw Mermaid.

use std::fmt::Write as _;

use super::{LinkState, Mark, Topology, dot::label};

/// The topology as a Mermaid flowchart. Names are validated tokens; numbers stand for them as ids,
/// since some would be keywords.
#[must_use]
pub fn mermaid(topology: &Topology) -> String {
    let mut text = String::from("flowchart LR\n");
    let mut ids = std::collections::BTreeMap::new();
    for (number, region) in topology.regions.iter().enumerate() {
        writeln!(text, "  subgraph r{number}[\"{}\"]", region.name).ok();
        for gateway in &region.gateways {
            let id = ids.len();
            ids.insert(&gateway.name, id);
            let class = class(gateway.mark);
            writeln!(text, "    g{id}[\"{}<br/>{}\"]:::{class}", gateway.name, gateway.state).ok();
        }
        text.push_str("  end\n");
    }
    for link in &topology.links {
        let [Some(one), Some(other)] = link.ends.each_ref().map(|end| ids.get(end)) else {
            continue;
        };
        let line = match link.state {
            LinkState::Up => "---",
            LinkState::OneSided | LinkState::Held => "-.-",
            LinkState::Down => "-.-x",
        };
        writeln!(text, "  g{one} {line}|{}| g{other}", label(link)).ok();
    }
    for (mark, colour) in
        [(Mark::Good, "#2e7d32"), (Mark::Warning, "#ef6c00"), (Mark::Problem, "#c62828")]
    {
        writeln!(text, "  classDef {} stroke:{colour}", class(mark)).ok();
    }
    text
}

const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Warning => "warning",
        Mark::Problem => "problem",
    }
}
