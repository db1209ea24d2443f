mod backup;
mod kept;
mod next_hops;
mod plan;
mod stale;
mod ways;
