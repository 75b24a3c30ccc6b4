#!/bin/sh
# Usage: scripts/schemas.sh
# Updates the JSON Schemas of CTRF and SARIF, which tests check regreen's output against,
# from npm's packages. They are committed without their descriptions.
set -eu
cd "$(dirname "$0")/.."
to="$PWD/internal/report/testdata/schemas"
ctrf=ctrf@0.3.0
sarif=@microsoft/sarif-multitool-linux@5.7.0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

# take PACKAGE FILE NAME
take() {
	tar -xzf "$(npm pack --silent "$1")"
	node -e '
		const fs = require("fs");
		const prune = (node, names) => {
			if (node === null || typeof node !== "object") return node;
			if (Array.isArray(node)) return node.map((item) => prune(item, false));
			return Object.fromEntries(Object.entries(node)
				.filter(([key, value]) => names || key !== "description" || typeof value !== "string")
				.map(([key, value]) => [key, prune(value, !names && (key === "properties" || key === "definitions"))]));
		};
		const schema = JSON.parse(fs.readFileSync(process.argv[1], "utf8").replace(/^\uFEFF/, ""));
		fs.writeFileSync(process.argv[2], JSON.stringify(prune(schema, false), null, 1) + "\n");
	' "package/$2" "$to/$3"
	rm -rf package
}
take "$ctrf" dist/ctrf-schema-0.0.json ctrf.json
take "$sarif" sarif-2.1.0.json sarif.json
