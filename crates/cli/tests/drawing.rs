//! The topology, drawn: as recorded for the fixed report, and readable for 3, 10 and 30 regions.
//!
//! `UPDATE=1` rewrites the recorded files. The pictures of made-up fabrics are left in
//! `target/tmp/topology-*.svg`, to be looked at.

use std::{fs, path::PathBuf};

use antiphon_cli::{
    drawing::{self, Gateway, Link, LinkState, Mark, Region, Topology},
    noun, render,
    screen::Screen,
};
use antiphon_gateway::shell::Report;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn recorded(name: &str, actual: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, actual).expect("golden files can be written");
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(actual, text, "{name}");
}

#[test]
fn every_drawing_is_as_recorded() {
    let text = fs::read(folder().join("report.json")).expect("the report is there");
    let report: Report = serde_json::from_slice(&text).expect("the report is readable");
    let topology = Topology::new([&report.core]);
    for width in [80, 160] {
        let screen = Screen { width: Some(width), colour: false };
        let tables = drawing::tables(&topology);
        let drawn: Vec<String> = tables.iter().map(|table| render::table(table, screen)).collect();
        recorded(&format!("topology.{width}.txt"), &drawn.join("\n"));
    }
    recorded("topology.dot", &drawing::dot(&topology));
    recorded("topology.mmd", &drawing::mermaid(&topology));
    recorded("topology.svg", &drawing::svg(&topology));
    let document = noun::document("topology", &report, topology.json());
    recorded("topology.json", &format!("{document:#}\n"));
}

/// Every region linked with every other, two gateways each; some links and a gateway in trouble.
fn fabric(regions: usize) -> Topology {
    let name = |region: usize| format!("region-{region:02}");
    let gateway = |region: usize, number: usize| format!("r{region:02}-gw{number}");
    let made = (0..regions).map(|region| {
        let gateways = (1..=2).map(|number| {
            let broken = region == 1 && number == 2;
            let (mark, state) =
                if broken { (Mark::Warning, "draining") } else { (Mark::Good, "active") };
            Gateway { name: gateway(region, number).parse().expect("a name"), mark, state }
        });
        let name = name(region).parse().expect("a name");
        Region { name, mark: Mark::Good, gateways: gateways.collect() }
    });
    let mut links = Vec::new();
    for one in 0..regions {
        for other in one + 1..regions {
            for (from, to) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
                let state = match (one, other, from, to) {
                    (0, 2, ..) => LinkState::Down,
                    (0, 1, 1, 2) => LinkState::OneSided,
                    _ => LinkState::Up,
                };
                let cost = u32::try_from(10 + (one * 37 + other * 13) % 240).expect("small");
                let up = (state == LinkState::Up).then_some(cost);
                links.push(Link {
                    ends: [gateway(one, from), gateway(other, to)]
                        .map(|end| end.parse().expect("a name")),
                    regions: [name(one), name(other)].map(|region| region.parse().expect("a name")),
                    costs: [up, up],
                    state,
                });
            }
        }
    }
    Topology { fabric: "acme".to_owned(), regions: made.collect(), links }
}

/// The numbers of an attribute, of every element of a class.
fn numbers(svg: &str, class: &str, attribute: &str) -> Vec<f64> {
    let elements = svg.split('<').filter(|element| element.contains(&format!("class=\"{class}")));
    let value = |element: &str| {
        let (_, rest) = element.split_once(&format!(" {attribute}=\""))?;
        rest.split('"').next()?.parse().ok()
    };
    elements.filter_map(value).collect()
}

#[test]
fn a_picture_is_whole_and_no_region_hides_another() {
    for regions in [1, 2, 3, 10, 30] {
        let svg = drawing::svg(&fabric(regions));
        let file = format!("topology-{regions}.svg");
        fs::write(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&file), &svg).expect(&file);
        for tag in ["g", "text", "svg", "path", "title"] {
            let opened =
                svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag} of {file}");
        }
        let boxes: Vec<[f64; 4]> = (0..regions)
            .map(|index| ["x", "y", "width", "height"].map(|one| numbers(&svg, "box", one)[index]))
            .collect();
        for (index, one) in boxes.iter().enumerate() {
            assert!(one[0] >= 0.0 && one[1] >= 0.0, "{one:?} of {file} is out of sight");
            for other in &boxes[index + 1..] {
                let beside = one[0] + one[2] <= other[0] || other[0] + other[2] <= one[0];
                let above = one[1] + one[3] <= other[1] || other[1] + other[3] <= one[1];
                assert!(beside || above, "{one:?} and {other:?} of {file} overlap");
            }
        }
    }
}

#[test]
fn what_is_broken_is_seen_in_every_kind_of_drawing() {
    let topology = fabric(3);
    let bundles = topology.bundles();
    let marks: Vec<Mark> = bundles.iter().map(drawing::Bundle::mark).collect();
    assert_eq!(marks, [Mark::Warning, Mark::Problem, Mark::Good]);
    assert!(drawing::dot(&topology).contains("style=dashed"));
    assert!(drawing::mermaid(&topology).contains("-.-x|down|"));
    assert!(drawing::svg(&topology).contains("class=\"link problem\""));
}
