package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/regreen-ci/regreen/schema"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.ReportV1))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.v1.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(s *jsonschema.Schema, b []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestSchemaAcceptsWhatJSONWrites(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	for _, e := range examples {
		if e.name == "hostile" { // its steps and paths are hostile too
			continue
		}
		b, err := JSON(e.make())
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, b); err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
	}
	for _, v := range verdicts {
		r := &Report{ID: "r", Verdict: v, Environment: Environment{Mode: "development", Policy: "auto"}}
		if v == NotRun {
			r.Problem = &Problem{}
		}
		b, err := JSON(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, b); err != nil {
			t.Errorf("the smallest %s report: %v", v, err)
		}
		if _, err := Read(b); err != nil {
			t.Errorf("the smallest %s report: %v", v, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b, err := JSON(reports().Draw(t, "report"))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, b); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSchemaRefusesWhatReadRefuses(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	good, err := JSON(proposedReport())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range broken {
		if err := validate(s, []byte(strings.Replace(string(good), c.old, c.new, 1))); err == nil {
			t.Errorf("the schema accepts: %s", c.name)
		}
	}
}

// TestSchemaNamesEveryField compares the schema with the Go types, both ways.
func TestSchemaNamesEveryField(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	if err := json.Unmarshal(schema.ReportV1, &doc); err != nil {
		t.Fatal(err)
	}
	w := walker{t: t, defs: doc["$defs"].(map[string]any), seen: map[string]bool{}}
	w.compare("report", reflect.TypeFor[Report](), doc)
	for name := range w.defs {
		if name != "id" && !w.seen["#/$defs/"+name] {
			t.Errorf("nothing references %s", name)
		}
	}
}

type walker struct {
	t    *testing.T
	defs map[string]any
	seen map[string]bool
}

func (w walker) resolve(node map[string]any) map[string]any {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node
	}
	w.seen[ref] = true
	target, ok := w.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	if !ok {
		w.t.Fatalf("%s does not exist", ref)
	}
	return target
}

func (w walker) compare(at string, typ reflect.Type, node map[string]any) {
	node = w.resolve(node)
	if node["description"] == nil && typ.Kind() == reflect.Struct {
		w.t.Errorf("%s has no description", at)
	}
	switch {
	case typ.Kind() == reflect.Pointer:
		w.compare(at, typ.Elem(), node)
	case typ.Kind() == reflect.Slice:
		w.expect(at, "type", "array", node)
		w.compare(at+"[]", typ.Elem(), node["items"].(map[string]any))
	case typ.Kind() == reflect.Struct && typ.String() != "time.Time":
		w.structure(at, typ, node)
	case node["enum"] != nil || node["const"] != nil:
		if typ.Kind() != reflect.String {
			w.t.Errorf("%s lists strings and is a %s", at, typ)
		}
	default:
		kinds := map[reflect.Kind]string{
			reflect.String: "string", reflect.Int: "integer", reflect.Float64: "number",
			reflect.Bool: "boolean", reflect.Uint64: "integer", reflect.Map: "object", reflect.Struct: "string",
		}
		w.expect(at, "type", kinds[typ.Kind()], node)
	}
}

func (w walker) expect(at, key string, want any, node map[string]any) {
	if node[key] != want {
		w.t.Errorf("%s: %s is %v, want %v", at, key, node[key], want)
	}
}

func (w walker) structure(at string, typ reflect.Type, node map[string]any) {
	w.expect(at, "type", "object", node)
	if _, closed := node["additionalProperties"]; closed {
		w.t.Errorf("%s is closed: a field that is added later would break readers of this version", at)
	}
	properties := node["properties"].(map[string]any)
	var names, required []string
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
		if option != "omitempty" {
			required = append(required, name)
		}
		property, ok := properties[name].(map[string]any)
		if !ok {
			w.t.Errorf("%s.%s is not in the schema", at, name)
			continue
		}
		if property["description"] == nil && property["$ref"] == nil {
			w.t.Errorf("%s.%s has no description", at, name)
		}
		w.compare(at+"."+name, f.Type, property)
	}
	for name := range properties {
		if !slices.Contains(names, name) {
			w.t.Errorf("%s.%s is only in the schema", at, name)
		}
	}
	var listed []string
	for _, name := range node["required"].([]any) {
		listed = append(listed, name.(string))
	}
	slices.Sort(required)
	slices.Sort(listed)
	if diff := cmp.Diff(required, listed); diff != "" {
		w.t.Errorf("%s: required (-Go +schema):\n%s", at, diff)
	}
}

// TestSchemaListsTheSameValues compares the lists of Check with those of the schema.
func TestSchemaListsTheSameValues(t *testing.T) {
	t.Parallel()
	var doc any
	if err := json.Unmarshal(schema.ReportV1, &doc); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"properties verdict":                           words(verdicts),
		"$defs environment properties mode":            modes,
		"$defs environment properties policy":          policies,
		"$defs failure properties status":              words(failureStatuses),
		"$defs cluster properties status":              words(clusterStatuses),
		"$defs patch properties state":                 words(patchStates),
		"$defs evidence properties step":               words(evidenceSteps),
		"$defs attempt properties stage":               words(attemptStages),
		"$defs attempt properties verdict":             words(attemptVerdicts),
		"$defs stats properties seconds propertyNames": runStages,
		"$defs alert properties level":                 words(alertLevels),
		"$defs receipt properties state":               words(receiptStates),
		"$defs result properties status":               words(resultStatuses),
	} {
		node := doc
		for _, key := range strings.Fields(path) {
			node = node.(map[string]any)[key]
		}
		var got []string
		for _, v := range node.(map[string]any)["enum"].([]any) {
			got = append(got, v.(string))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Check +schema):\n%s", path, diff)
		}
	}
	if got := doc.(map[string]any)["$defs"].(map[string]any)["id"].(map[string]any)["pattern"]; got != ids().String() {
		t.Errorf("the pattern of ids is %v, want %s", got, ids())
	}
}
