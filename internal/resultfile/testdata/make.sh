#!/bin/sh
# Usage: internal/resultfile/testdata/make.sh
# Records the result files of real tools again: runs the same few tests with go test,
# gotestsum, pytest, node, Vitest, Jest and Perl. Needs go, node with npm, perl, and python3
# (or $PYTHON) with pytest. Replaces the directory of the run with /src/m, and keeps times.
set -u
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
gotestsum=gotest.tools/gotestsum@v1.13.0

# keep FILE NAME copies a tool's file here.
keep() {
	sed -e "s|$work|/src/m|g" -e "s|hostname=\"[^\"]*\"|hostname=\"host\"|g" "$1" >"$here/$2"
}

cp -r "$here/src/." "$work"
cd "$work" || exit 1
export NO_COLOR=1 CI=1

(cd go && go test -json ./... >../go.jsonl 2>../go.err)
keep go.jsonl go.jsonl
(cd go && rm -f flaky/.ran && go run "$gotestsum" --rerun-fails --packages=./flaky --jsonfile ../rerun.jsonl --junitfile ../rerun.xml >../rerun.err 2>&1)
keep rerun.jsonl gotestsum-rerun.jsonl
keep rerun.xml gotestsum-rerun.xml
(cd go && go run "$gotestsum" --junitfile ../sum.xml -- . ./crash ./broken >../sum.err 2>&1)
keep sum.xml gotestsum.xml

(cd python && "${PYTHON:-python3}" -m pytest -q --continue-on-collection-errors -p no:cacheprovider --junitxml ../pytest.xml >../pytest.err 2>&1)
keep pytest.xml pytest.xml
(cd python && "${PYTHON:-python3}" -m pytest -q --continue-on-collection-errors -p no:cacheprovider -o junit_family=xunit1 --junitxml ../pytest1.xml >../pytest1.err 2>&1)
keep pytest1.xml pytest-xunit1.xml

(cd node && node --test --test-reporter=tap sample.test.mjs >../node.tap 2>../node.err; node --test --test-reporter=junit sample.test.mjs >../node.xml 2>>../node.err)
keep node.tap node.tap
keep node.xml node.xml

mkdir js && cd js && npm init -y >/dev/null && npm install --silent --no-audit --no-fund vitest@5.1.1 jest@30.5.2 jest-junit@17.0.0 jest-ctrf-json-reporter@0.0.11 >../npm.err 2>&1
cp ../vitest/* ../jest/* .
npx vitest run --reporter=junit --outputFile=../vitest.xml vitest.test.mjs >../vitest.err 2>&1
npx vitest run --reporter=tap vitest.test.mjs >../vitest.tap 2>>../vitest.err
npx jest --reporters=jest-junit --reporters=jest-ctrf-json-reporter -- jest.test.js >../jest.err 2>&1
cd ..
keep vitest.xml vitest.xml
keep vitest.tap vitest.tap
keep js/junit.xml jest-junit.xml
keep js/ctrf/ctrf-report.json jest.ctrf.json

(cd perl && perl sample.t >../perl.tap 2>&1)
keep perl.tap perl.tap
(cd perl && prove -v --merge t >../prove-v.tap 2>&1; prove --merge t >../prove.tap 2>&1)
keep prove-v.tap prove-v.tap
keep prove.tap prove.tap

cat ./*.err >"${LOG:-/dev/null}"
cd "$here" && ls -l -- *.jsonl *.xml *.tap *.json
