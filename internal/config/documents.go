package config

import "slices"

// documents are the globs of documents by default.
var documents = []string{"*.md", "*.markdown", "*.rst", "*.adoc", "/LICENSE*", "/NOTICE*", "/AUTHORS*", "/CODEOWNERS", "/.github/CODEOWNERS"}

// noDocuments is the entry of Documents that means no file.
const noDocuments = "none"

// Document reports whether a file is one that no test reads, so that a change to it needs no
// test run. A file below a testdata directory is never a document.
func (c Config) Document(name string) bool {
	globs := c.Documents
	if len(globs) == 0 {
		globs = documents
	}
	if slices.Contains(globs, noDocuments) || matchPath("testdata", name) {
		return false
	}
	return slices.ContainsFunc(globs, func(glob string) bool { return matchPath(glob, name) })
}
