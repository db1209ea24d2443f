# The only door: people and CI call the same targets. Nothing here needs more than Rust, a C
# compiler and make; nats-server is fetched if it is missing (.ci/nats-server).

CARGO ?= cargo
# More arguments for `cargo test`, for example --no-fail-fast.
TEST_FLAGS ?=
# Tests at a time. Those on real servers wait more than they work, on few cores too.
TEST_THREADS ?= 4
# More arguments for bench-fabric, for example --quick or --delay 40ms.
FABRIC_FLAGS ?=
# More arguments for the benches' harness, for example --quick or a part of a name.
BENCH_FLAGS ?=
# How the package is built: release, or dev.
PROFILE ?= release
# More arguments for bench-growth, for example --quick.
GROWTH_FLAGS ?=
# The command, in one build with what measures it (--bin NAME), so that both have the same features.
PROGRAMS = -p antiphon-cli -p antiphon-tests --bin antiphon
# Real brokers for tests and demonstrations.
WITH_NATS = NATS_SERVER="$$(.ci/nats-server)" && export NATS_SERVER

.PHONY: help build demo test check sim sim-speed soak replay outages bench bench-fabric bench-growth bench-nodes bench-commands nats-server

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

build: ## Build the antiphon command: target/debug/antiphon
	$(CARGO) build --locked -p antiphon-cli

demo: ## Show a fabric of three regions at work and in trouble
	$(WITH_NATS) && $(CARGO) build --locked -p antiphon-cli && target/debug/antiphon lab demo

test: ## Run all tests, those with real brokers too
	$(WITH_NATS) && $(CARGO) build --locked -p antiphon-cli \
	  && RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --workspace --locked $(TEST_FLAGS)

.PHONY: image-root test-image deb test-package
# Static with the C library of this machine: resolvers for files and DNS are in it since 2.34. Only the last step of the
# build differs, so the binary in target is this one until the next build.
image-root: ## Lay out the files of the container: target/image
	$(CARGO) rustc --locked --profile $(PROFILE) -p antiphon-cli --bin antiphon \
	  -- -C target-feature=+crt-static
	deploy/container/root target/$(PROFILE:dev=debug)/antiphon target/image

test-image: ## Run a gateway of a lab from the files of the container (root)
	$(WITH_NATS) && $(CARGO) build --locked -p antiphon-cli && $(MAKE) image-root PROFILE=$(PROFILE) \
	  && { tests/package/image target/image target/debug/antiphon || [ $$? = 77 ]; }

deb: ## Build the Debian package into target/deb (PROFILE=dev: sooner, slower)
	$(CARGO) build --locked --profile $(PROFILE) -p antiphon-cli
	deploy/debian/build target/$(PROFILE:dev=debug)/antiphon target/deb

test-package: ## Install, upgrade and remove the package on a systemd of its own (root)
	$(WITH_NATS) && $(CARGO) build --locked -p antiphon-cli \
	  && export DEB_COMPRESS="-Zgzip -z1" && binary=target/debug/antiphon folder=target/deb/test \
	  && old="$$(DEB_VERSION=0.1.0~test1 deploy/debian/build $$binary $$folder)" \
	  && new="$$(DEB_VERSION=0.1.0~test2 deploy/debian/build $$binary $$folder)" \
	  && tests/package/run "$$old" "$$new" || [ $$? = 77 ]

.PHONY: test-upgrade
# From a package: dpkg-deb --fsys-tarfile antiphon_OLD.deb | tar -x ./usr/bin/antiphon
test-upgrade: ## Upgrade a fabric from PREVIOUS, a program of the release before, under load, and go back
	$(if $(PREVIOUS),,$(error PREVIOUS names the program of the release before))
	$(WITH_NATS) && $(CARGO) build --locked -p antiphon-cli \
	  && PREVIOUS="$(abspath $(PREVIOUS))" $(CARGO) test --locked -p antiphon-tests --test real -- --ignored upgrade --nocapture

.PHONY: test-rules test-deploy test-vault deploy-readme
test-rules: ## Test the alert rules for Prometheus
	promtool="$$(.ci/promtool)" && cd deploy/prometheus \
	  && "$$promtool" check rules antiphon.rules.yaml && "$$promtool" test rules antiphon.tests.yaml

test-deploy: build ## Test the Helm chart: rendered, validated, configurations checked, a fabric run from it
	$(WITH_NATS) && DEPLOY_TOOLS="$$(.ci/deploy-tools)" && export DEPLOY_TOOLS \
	  && "$$DEPLOY_TOOLS/bin/python" -B tests/deploy/run.py

.PHONY: test-kubernetes
# Not part of .ci/run: it needs Go 1.24 or later, and building the server takes some ten minutes on two cores, once.
test-kubernetes: ## Give the rendered charts to a real Kubernetes API server, which is built by Go the first time
	DEPLOY_TOOLS="$$(.ci/deploy-tools)" && export DEPLOY_TOOLS && KUBERNETES="$$(.ci/kubernetes)" && export KUBERNETES \
	  && "$$DEPLOY_TOOLS/bin/python" -B tests/deploy/kubernetes.py

# With the features of the whole workspace, so that nothing is built twice.
test-vault: build ## Test certificates from Vault against a real OpenBao
	$(WITH_NATS) && OPENBAO="$$(.ci/openbao)" && export OPENBAO \
	  && RUST_TEST_THREADS=$(TEST_THREADS) $(CARGO) test --workspace --locked --test vault $(TEST_FLAGS)

.PHONY: soak-vault
# Not part of .ci/run: the two tests run beside each other, in real time.
soak-vault: build ## Keep certificates from a real OpenBao for a quarter of an hour, ten minutes of it sealed
	$(WITH_NATS) && OPENBAO="$$(.ci/openbao)" && export OPENBAO \
	  && $(CARGO) test --workspace --locked --test vault -- --ignored --nocapture lasting

deploy-readme: ## Make the chart's README.md from its schema
	python3 -B tests/deploy/readme.py

check: ## Check format, lints, documentation and dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) test --locked -p antiphon-tests --test architecture --test dependencies

sim: ## Run the long simulations: planted defects must be caught
	$(CARGO) test --locked --release -p antiphon-sim --test mutants -- --nocapture

sim-speed: ## Measure simulated seconds per wall second: 30 gateways, all linked
	$(CARGO) bench --locked -p antiphon-sim --bench speed

soak: ## Simulate worlds that nobody has seen: SOAK_SEEDS of them, from SOAK_FROM on
	$(CARGO) build --locked --release -p antiphon-cli
	from=$${SOAK_FROM:-$$(date +%s)} && target/release/antiphon sim swarm \
	  --seeds $$from..$$((from + $${SOAK_SEEDS:-2000} - 1)) --minimise target/soak

replay: ## Replay the golden traces; UPDATE=1 records them anew
	$(CARGO) build --locked -p antiphon-cli
	$(CARGO) test --locked -p antiphon-tests --test traces

outages: ## Measure how long outages last on a real fabric of three regions
	$(WITH_NATS) && $(CARGO) build --locked -p antiphon-cli -p antiphon-tests && target/debug/outages

bench: ## Measure the parts: messages, events, routes, filters, batches (BENCH_FLAGS=--quick)
	$(CARGO) bench --locked -p antiphon-wire -p antiphon-core -p antiphon-gateway -- $(BENCH_FLAGS)

bench-fabric: ## Compare the fabric with a flat broker, NATS gateways and a leaf node (FABRIC_FLAGS=--quick)
	$(WITH_NATS) && $(CARGO) build --locked --release $(PROGRAMS) --bin bench-fabric \
	  && target/release/bench-fabric $(FABRIC_FLAGS)

bench-growth: ## Measure cost against nodes, regions, collectives and identities
	$(CARGO) build --locked --release $(PROGRAMS) --bin bench-growth && target/release/bench-growth $(GROWTH_FLAGS)

bench-nodes: ## Measure 2,000 emulated nodes on one broker
	$(WITH_NATS) && $(CARGO) build --locked --release $(PROGRAMS) --bin bench-nodes \
	  && target/release/bench-nodes

bench-commands: ## Measure the operator's reading commands on six gateways
	$(WITH_NATS) && $(CARGO) build --locked --release $(PROGRAMS) --bin bench-commands \
	  && target/release/bench-commands

nats-server: ## Say where nats-server is; get one if it is missing
	@.ci/nats-server
