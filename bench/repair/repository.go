package main

import (
	"context"

	"github.com/regreen-ci/regreen/bench/seeded"
)

// initRepository makes dir a git repository on branch main, without a commit.
func initRepository(ctx context.Context, dir string) error {
	_, err := seeded.Run(ctx, dir, "git", "-c", "init.defaultBranch=main", "init", "--quiet")
	return err
}

// commit commits all files of dir, including those that the module's .gitignore lists,
// because they were published too.
func commit(ctx context.Context, dir, message string) error {
	if _, err := seeded.Run(ctx, dir, "git", "add", "--all", "--force"); err != nil {
		return err
	}
	_, err := seeded.Run(ctx, dir, "git", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message", message)
	return err
}
