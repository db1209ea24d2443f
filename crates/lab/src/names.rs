//! What things in a lab are called.

/// The fabric.
pub const FABRIC: &str = "lab";

/// The user whose certificate a lab makes, for protocol v1.
pub const USER: &str = "alice.mcollective";

/// The user whose token a lab makes, for protocol v2.
pub const TOKEN_USER: &str = "alice";

/// The collective of nodes that speak protocol v1: Choria's default.
pub const COLLECTIVE_V1: &str = "mcollective";

/// The collective of nodes that speak protocol v2: Choria's default.
pub const COLLECTIVE_V2: &str = "choria";

/// The collectives that every region exports.
pub const COLLECTIVES: [&str; 2] = [COLLECTIVE_V1, COLLECTIVE_V2];

/// The first regions' names; later ones are `r7`, `r8` and so on.
const REGIONS: [&str; 6] = ["eu", "us", "ap", "sa", "af", "oc"];

/// The name of a region, counted from 0.
#[must_use]
pub fn region(index: usize) -> String {
    REGIONS.get(index).map_or_else(|| format!("r{}", index + 1), |name| (*name).to_owned())
}

/// The name of a gateway, counted from 1: `eu-1`.
#[must_use]
pub fn gateway(region: &str, number: usize) -> String {
    format!("{region}-{number}")
}

/// The identity of a node, counted from 1: `n1.eu.example.net`.
#[must_use]
pub fn node(region: &str, number: usize) -> String {
    format!("n{number}.{region}.example.net")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_names_without_end() {
        let names: Vec<_> = (0..8).map(region).collect();
        assert_eq!(names, ["eu", "us", "ap", "sa", "af", "oc", "r7", "r8"]);
    }
}
