package gossipProtocol_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	citedTest   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Z]\\w*)`")
	definedTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
)

// What the documents promise they name a test for. It has to be there.
func TestCitedTestsExist(t *testing.T) {
	defined := make(map[string]bool)
	var documents []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || path != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			for _, m := range definedTest.FindAllStringSubmatch(read(t, path), -1) {
				defined[m[1]] = true
			}
		case strings.HasSuffix(path, ".md"):
			documents = append(documents, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cited := 0
	for _, document := range documents {
		for _, m := range citedTest.FindAllStringSubmatch(read(t, document), -1) {
			if cited++; !defined[m[1]] {
				t.Errorf("%s names %s, and there is no such test", document, m[1])
			}
		}
	}
	if cited < 100 {
		t.Errorf("only %d tests are named in %v: are they written otherwise now?", cited, documents)
	}
}
