"""Makes the chart's README.md from README.md.in and values.schema.json: `python tests/deploy/readme.py`."""

import json
from pathlib import Path

MARK = "<!-- values -->"


def leaves(schema, path=""):
    """Dotted name and schema of every value that is no section."""
    for name, value in schema["properties"].items():
        below = f"{path}.{name}".lstrip(".")
        if name == "global":
            continue
        if "properties" in value:
            yield from leaves(value, below)
        else:
            yield below, value


def table(schema):
    lines = []
    for section, value in schema["properties"].items():
        if section == "global":
            continue
        if "properties" in value:
            if lines:
                lines.append("")
            lines += [f"**`{section}`**: {value['description']}", "", *head()]
            lines += [row(path, leaf) for path, leaf in leaves(value, section)] + [""]
        else:
            if not lines or not lines[-1].startswith("|"):
                lines += head()
            lines.append(row(section, value))
    return "\n".join(lines).replace("\n\n\n", "\n\n").strip()


def head():
    return ["| value | default | what it is |", "|---|---|---|"]


def row(path, value):
    default = json.dumps(value.get("default"), ensure_ascii=False)
    one_of = f" One of {', '.join(f'`{one}`' for one in value['enum'])}." if "enum" in value else ""
    cells = [f"`{path}`", f"`{default}`", value["description"] + one_of]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def made(chart):
    schema = json.loads((chart / "values.schema.json").read_text())
    return (chart / "README.md.in").read_text().replace(MARK, table(schema))


def problems(chart):
    if (chart / "README.md").read_text() != made(chart):
        yield "run: make deploy-readme"


if __name__ == "__main__":
    folder = Path(__file__).resolve().parents[2] / "deploy/helm/antiphon"
    (folder / "README.md").write_text(made(folder))
