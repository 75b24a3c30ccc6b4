package generic

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/regreen-ci/regreen/internal/lang"
	"github.com/regreen-ci/regreen/internal/testrun"
)

func TestTestCode(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		"test_x.py": true, "x_test.py": true, "conftest.py": true, "a/x.test.ts": true, "a/x.spec.js": true, "__tests__/x.js": true, "tests/x.rs": true,
		"test/x.c": true, "spec/x.rb": true, "x_spec.rb": true, "testdata/x": true, "fixtures/a/b.json": true, "a/__snapshots__/x.snap": true,
		"src/test/java/x/Helper.java": true, "a/CalcTest.java": true, "X.Tests/A.cs": true, "t/a.t": true, "Tests/XTests/A.swift": true,
		// Django, unittest, pytest and scripts.
		"shop/tests.py": true, "TESTS.PY": true, "model_tests.py": true, "Test_X.py": true, "run_tests.sh": true, "run-tests": true, "runtests.py": true, "test.sh": true,
		// JavaScript
		"test.js": true, "test.mjs": true, "test.cjs": true, "lib/test.ts": true, "test-calc.js": true, "spec.js": true, "a/calc-spec.js": true, "calc-test.mjs": true,
		"a/login.cy.js": true, "a/x.e2e-spec.ts": true, "a/x.test-d.ts": true, "e2e.js": true, "CalcSpec.js": true, "calcTest.js": true, "cypress/support/index.js": true,
		// C, Rust, Java, Kotlin, Haskell, Ruby, PHP, Perl
		"a/list_unittest.cc": true, "list_test.cpp": true, "src/tests.rs": true, "TestFoo.java": true, "FooTests.java": true, "FooTestCase.java": true,
		"FooIT.java": true, "ITFoo.java": true, "FooITCase.java": true, "FooSpec.kt": true, "test/FooSpec.hs": true, "FooSpec.hs": true, "Spec.hs": true, "spec_helper.rb": true,
		"CalcTest.php": true, "x.phpt": true, "a/x.t": true, "x_SUITE.erl": true, "suite.robot": true,
		// directories
		"testing/x.py": true, "unittests/x.cc": true, "UnitTests/x.cs": true, "features/login.rb": true, "a/features/steps/x.py": true, "src/it/java/A.java": true,
		"src/androidTest/A.kt": true, "integration-tests/a.rs": true, "test_data/x.json": true, "A.Tests/X.cs": true, "src/testFixtures/java/A.java": true,
		// configuration of test runners
		"pytest.ini": true, "jest.config.ts": true, "a/phpunit.xml": true,
		"contest.py": false, "testimony.py": false, "attestation.go": false, "src/Latest.java": false, "LATEST.js": false, "latest/index.js": false, "greatest.rs": false,
		"Testimony.java": false, "PodSpec.java": false, "spec.rs": false, "specification.js": false, "inspector.js": false, "ITEM.java": false, "src/features/login.tsx": false,
		"testify.js": false, "protest-march.js": false, "unit.py": false, "suite.py": false, "cy.js": false, "package.json": false, "Makefile": false, "setup.py": false,
		"calc.py": false, "src/latest.js": false, "contest/x.rb": false, "lib/attest.ts": false, "testing.md": false, "src/main/java/x/Calc.java": false,
	} {
		if testCode(file) != want {
			t.Errorf("%s: %t", file, !want)
		}
	}
}

// TestCommandFiles finds the scripts, makefiles and tests that commands name.
func TestCommandFiles(t *testing.T) {
	t.Parallel()
	const tree = "-- check.sh --\n-- Makefile --\n-- sub/Makefile --\n-- sub/all.py --\n-- calc.py --\n-- calc.c --\n-- checks/a.py --\n-- verify --\n-- justfile --\n-- rules.mk --\n"
	for command, want := range map[string]string{
		"make check":                       "Makefile sub/Makefile",
		"cd sub && make":                   "Makefile sub/Makefile",
		"make -f rules.mk check":           "Makefile rules.mk sub/Makefile",
		"sh check.sh":                      "check.sh",
		"CI=1 bash -e ./check.sh calc.py":  "check.sh",
		"./verify | tee log":               "verify",
		"env A=b timeout 5 ./verify":       "verify",
		"(cd sub; python3 all.py)":         "sub/all.py",
		"python3.11 -m pytest checks/a.py": "checks/a.py",
		"pytest 'checks/a.py' && just all": "checks/a.py justfile",
		"sh -c 'make check'":               "Makefile sub/Makefile",
		"gcc calc.c -o calc && ./calc":     "",
		"pytest":                           "",
		"sh -c \"unclosed":                 "",
		"":                                 "",
		"; | && ''":                        "",
	} {
		s := open(t, tree, "true")
		if got := strings.Join(slices.Sorted(maps.Keys(commandFiles(command, s.files))), " "); got != want {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}

// TestDeclared has test files that only the results and the command name.
func TestDeclared(t *testing.T) {
	t.Parallel()
	s := open(t, xml(`<testcase classname="c" name="x" file="checks/a.py" line="1"/>`)+"-- checks/a.py --\n1\n-- calc.py --\n1\n-- all.sh --\ncp r.xml.in r.xml\n", "sh all.sh", "r.xml")
	tools := Language.Prepare(t.Context(), lang.Task{Suite: s})
	if tools.TestCode("checks/a.py") {
		t.Error("checks/a.py is a test before any run")
	}
	s.expect(t, testrun.Request{}, "passed c.x\n")
	for file, want := range map[string]bool{"checks/a.py": true, "all.sh": true, "calc.py": false} {
		if tools.TestCode(file) != want {
			t.Errorf("%s: %t", file, !want)
		}
	}
}

// TestDeclaredByTAP takes Node's location of a test, and not the location of a failure.
func TestDeclaredByTAP(t *testing.T) {
	t.Parallel()
	s := open(t, "-- r.in --\n"+`TAP version 13
not ok 1 - one
  ---
  location: 'checks.mjs:1:1'
  error: 'no'
  ...
not ok 2 - two
  ---
  at:
    file: calc.mjs
    line: 1
  ...
1..2
-- checks.mjs --
1
-- calc.mjs --
1
`, "cat r.in; exit 1", "-")
	if _, err := s.Run(t.Context(), testrun.Request{}); err != nil {
		t.Fatal(err)
	}
	if !s.testCode("checks.mjs") || s.testCode("calc.mjs") {
		t.Errorf("%v", s.declared)
	}
}
