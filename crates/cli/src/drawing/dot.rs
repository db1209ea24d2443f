//! For Graphviz: `antiphon topology -o dot | dot -Tsvg`.

use std::fmt::Write as _;

use super::{Link, Mark, Topology};

const fn colour(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "#2e7d32",
        Mark::Warning => "#ef6c00",
        Mark::Problem => "#c62828",
    }
}

/// The topology in the DOT language. Names are validated tokens: nothing needs to be escaped.
#[must_use]
pub fn dot(topology: &Topology) -> String {
    let mut text = format!("graph \"{}\" {{\n", topology.fabric);
    text.push_str("  node [shape=box, style=rounded];\n");
    for (index, region) in topology.regions.iter().enumerate() {
        writeln!(text, "  subgraph \"cluster_{index}\" {{").ok();
        writeln!(text, "    label=\"{}\"; color=\"{}\";", region.name, colour(region.mark)).ok();
        for gateway in &region.gateways {
            let (name, colour) = (&gateway.name, colour(gateway.mark));
            let label = format!("{name}\\n{}", gateway.state);
            writeln!(text, "    \"{name}\" [label=\"{label}\", color=\"{colour}\"];").ok();
        }
        text.push_str("  }\n");
    }
    for link in &topology.links {
        let [one, other] = &link.ends;
        let colour = colour(link.state.mark());
        let style = if link.state.mark() == Mark::Good { "solid" } else { "dashed" };
        let label = label(link);
        writeln!(
            text,
            "  \"{one}\" -- \"{other}\" [label=\"{label}\", color=\"{colour}\", style={style}];"
        )
        .ok();
    }
    text.push_str("}\n");
    text
}

/// What a link costs; each way, where that differs.
pub(super) fn label(link: &Link) -> String {
    match link.costs {
        [Some(there), Some(back)] if there == back => there.to_string(),
        [Some(there), Some(back)] => format!("{there}/{back}"),
        [Some(_), None] | [None, Some(_)] | [None, None] => link.state.label().to_owned(),
    }
}
