//! NATS adapter: subscribe, publish, barrier, lossless leave.
