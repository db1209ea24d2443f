"""The tests of deploy/: `make test-deploy`. Ends with a line 'N passed, N failed'."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

import address
import chart
import fabric
import pod
import readme
from chart import CHART, ROOT

HERE = Path(__file__).parent
ANTIPHON = Path(os.environ.get("ANTIPHON", ROOT / "target/debug/antiphon"))
counts = {"passed": 0, "failed": 0}


def check(what, problems):
    """Counts one test and prints its problems."""
    try:
        problems = list(problems)
    except Exception as error:  # a test that breaks has failed, and the others still run
        problems = [f"{type(error).__name__}: {error}"]
    counts["failed" if problems else "passed"] += 1
    for problem in problems:
        print(f"FAILED {what}: {problem}", flush=True)


def value_sets(folder):
    return sorted((HERE / folder).glob("*.yaml"))


def rendered_sets(authority):
    """Every value set is rendered, and every rendered object is looked at."""
    for values in value_sets("values"):
        name = values.stem
        check(f"{name} is good to helm lint", lint(values))
        try:
            objects = chart.render(values)
        except chart.Refused as error:
            check(f"{name} renders", [error])
            continue
        for what, problems in chart.CHECKS.items():
            check(f"{name} {what}", problems(objects))
        check(f"{name} lets metrics be read by whom it names", chart.metrics_problems(objects, values))
        check(f"{name} tells in its notes where gateways are", notes_problems(values, objects))
        check(f"{name} has configurations that pass config check", config_problems(objects, authority))


def lint(values):
    try:
        chart.helm("lint", "--strict", "--quiet", CHART, "-f", values)
    except chart.Refused as error:
        yield error


def notes_problems(values, objects):
    """The notes that Helm prints name each endpoint, or how to see it, and leave no gaps in lists."""
    notes = chart.helm("install", "antiphon", CHART, "-n", chart.NAMESPACE, "-f", values, "--dry-run=client")
    notes = notes.split("\nNOTES:\n")[1]
    for place in chart.places(objects):
        told = "get services" if place.startswith("address.pending:") else place.replace("[", "").replace("]", "")
        if told not in notes.replace("[", "").replace("]", ""):
            yield f"{told} is not in {notes}"
    for gap in (", ,", "[,", "<no value>", "%!"):
        if gap in notes:
            yield f"{gap!r} is in {notes}"


def config_problems(objects, authority):
    """`antiphon config check` on each gateway's file, in the folders that its pod mounts."""
    for name, workload in chart.gateways(objects).items():
        template = workload["spec"]["template"]["spec"]
        config = chart.of_kind(objects, "ConfigMap")[name]["data"]
        region = config[f"{name}-0.toml"].split('\nregion = "')[1].split('"')[0]
        made = pod.secrets(objects, authority, region)
        with tempfile.TemporaryDirectory() as folder:
            places = pod.lay_out(template, template["containers"][0], objects, authority, made, folder)
            files = [places["config"] / f"{name}-{one}.toml" for one in range(workload["spec"]["replicas"])]
            done = subprocess.run([ANTIPHON, "config", "check", *files], capture_output=True, text=True)
            if done.returncode != 0:
                yield done.stderr or done.stdout


def refused_sets():
    """Wrong values are refused, in words: the first line of each file says which."""
    for values in value_sets("refused"):
        expected = values.read_text().splitlines()[0].removeprefix("# says: ")
        try:
            chart.render(values)
            told = None
        except chart.Refused as error:
            told = str(error)
        missing = told is None or expected not in told
        check(f"{values.stem} is refused", [f"{expected!r} is not in {told!r}"] if missing else [])


def documents():
    check("README.md is made from the schema", readme.problems(CHART))
    check("values.yaml has the schema's defaults", default_problems())
    check("the package holds rules and dashboard", package_problems())
    for values in sorted((ROOT / "deploy/helm").glob("*-values.yaml")):
        check(f"{values.name} is YAML", [] if isinstance(yaml.safe_load(values.read_text()), dict) else ["no map"])


def default_problems():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path, value in readme.leaves(schema):
        found = values
        for part in path.split("."):
            found = found[part]
        if found != value.get("default"):
            yield f"{path} is {found!r}, the schema says {value.get('default')!r}"


def package_problems():
    """Links in the chart's folder are followed when it is packed."""
    with tempfile.TemporaryDirectory() as folder:
        chart.helm("package", CHART, "--destination", folder)
        packed = next(Path(folder).glob("*.tgz"))
        subprocess.run(["tar", "-xzf", packed, "-C", folder], check=True)
        for name in ("files/antiphon.rules.yaml", "dashboards/antiphon.json"):
            if (Path(folder) / "antiphon" / name).read_text() != (CHART / name).read_text():
                yield f"{name} differs"


def main():
    authority = pod.Authority()
    rendered_sets(authority)
    refused_sets()
    documents()
    for what, problems in address.TESTS.items():
        check(what, problems(ANTIPHON))
    for what, problems in fabric.tests(ANTIPHON):
        check(what, problems)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
