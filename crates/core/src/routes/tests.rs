mod backup;
mod next_hops;
mod plan;
mod stale;
mod ways;
