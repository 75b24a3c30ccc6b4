package config

import "slices"

// documents are the files that are taken for documents when nothing else is said.
var documents = []string{"*.md", "*.markdown", "*.rst", "*.adoc", "/LICENSE*", "/NOTICE*", "/AUTHORS*", "/CODEOWNERS", "/.github/CODEOWNERS"}

// noDocuments is the entry of Documents with which no file is one.
const noDocuments = "none"

// Document reports whether tests do not read a file, so that a change of it needs none.
// What is below a testdata folder is never a document.
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
