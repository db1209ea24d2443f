//! A real federation on loopback: CA, nats-servers, gateways, nodes.
