/** Tests the steps of the action like the runner runs them: each in a process of node. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const options = { concurrency: 4 };
const here = fileURLToPath(new URL(".", import.meta.url));
const host = `${process.platform}-${process.arch}`;
const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/** A binary that prints how it was called, and by which step. */
const binary = '#!/bin/sh\necho "regreen-action $# $*"\necho "token=$INPUT_TOKEN"\nexit ${STATUS:-0}\n';

/** Creates a copy of the action with the given release.json, and a runner's directories. */
async function action(t, release = { version: "", url: "", files: {} }) {
  const top = await realpath(await mkdtemp(path.join(tmpdir(), "wrapper-")));
  t.after(() => rm(top, { recursive: true, force: true }));
  const at = (...names) => path.join(top, ...names);
  await cp(here, at("source", "action"), { recursive: true });
  await writeFile(at("source", "action", "release.json"), JSON.stringify(release));
  for (const dir of ["cache", "temp", "path", "work"]) await mkdir(at(dir));
  await writeFile(at("state"), "");
  const env = {
    PATH: `${at("path")}:/usr/bin:/bin`,
    RUNNER_TOOL_CACHE: at("cache"),
    RUNNER_TEMP: at("temp"),
    GITHUB_STATE: at("state"),
    INPUT_TOKEN: "a token",
  };
  return { at, env, step: (name, more = {}) => step(at, name, { ...env, ...more }) };
}

/** Runs pre, main or post, and returns its status and output. */
function step(at, name, env) {
  return new Promise((resolve) => {
    const args = [at("source", "action", `${name}.mjs`)];
    execFile(process.execPath, args, { env, cwd: at("work") }, (err, stdout, stderr) => {
      resolve({ status: err ? err.code : 0, out: stdout + stderr });
    });
  });
}

/** Returns what a step saved for post, like the runner passes it on. */
async function saved(at) {
  const lines = (await readFile(at("state"), "utf8")).split("\n").filter(Boolean);
  return Object.fromEntries(lines.map((line) => [`STATE_${line.slice(0, line.indexOf("="))}`, line.slice(line.indexOf("=") + 1)]));
}

/** Writes a program, for instance into the PATH. */
async function program(file, text) {
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}

/** Starts a server of releases on this machine. */
async function releases(t, handle) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    handle(request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { requests, url: `http://127.0.0.1:${server.address().port}/download` };
}

/** Returns the release.json of a release of the binary. */
function release(url, change = {}) {
  return { version: "v1.2.3", url, files: { [host]: { name: "regreen-action-this", size: binary.length, sha256: sha256(binary), ...change } } };
}

const cached = (at) => at("cache", "regreen", "v1.2.3", process.arch, "regreen-action");

/** Checks that a step failed for these reasons, ran nothing, and left nothing for post. */
async function refused({ at }, { status, out }, ...reasons) {
  assert.equal(status, 3, out);
  assert.match(out, /^::error::regreen: .*%0Ahint: /m);
  assert.doesNotMatch(out, /regreen-action \d/);
  for (const reason of reasons) assert.ok(out.includes(reason), `${reason} is not in ${out}`);
  assert.equal(await readFile(at("state"), "utf8"), "", "post has something to run");
}

describe("the release", options, () => {
  it("is downloaded once, run with the step's environment, and run again after the job", async (t) => {
    const server = await releases(t, (_, response) => response.end(binary));
    const a = await action(t, release(server.url));
    assert.deepEqual(await a.step("pre"), { status: 0, out: "" });
    assert.deepEqual(server.requests, ["/download/v1.2.3/regreen-action-this"]);
    assert.equal((await stat(cached(a.at))).mode & 0o777, 0o755);
    assert.deepEqual(await readdir(path.dirname(cached(a.at))), ["regreen-action"], "a temporary file is left");

    assert.deepEqual(await a.step("main"), { status: 0, out: "regreen-action 0 \ntoken=a token\n" });
    assert.deepEqual(await a.step("post", await saved(a.at)), { status: 0, out: "regreen-action 1 post\ntoken=a token\n" });
    assert.equal(server.requests.length, 1);
  });

  it("is downloaded by main if pre did not run", async (t) => {
    const server = await releases(t, (_, response) => response.end(binary));
    const a = await action(t, release(server.url));
    assert.match((await a.step("main")).out, /regreen-action 0/);
  });

  it("is downloaded through redirects", async (t) => {
    const server = await releases(t, (request, response) => {
      if (request.url.startsWith("/download")) response.writeHead(302, { location: "/elsewhere" });
      response.end(request.url.startsWith("/download") ? "" : binary);
    });
    const a = await action(t, release(server.url));
    assert.match((await a.step("main")).out, /regreen-action 0/);
    assert.deepEqual(server.requests, ["/download/v1.2.3/regreen-action-this", "/elsewhere"]);
  });

  it("goes to the temporary directory if the tool cache is not writable", async (t) => {
    const server = await releases(t, (_, response) => response.end(binary));
    const a = await action(t, release(server.url));
    await rm(a.at("cache"), { recursive: true });
    await writeFile(a.at("cache"), "not a directory");
    assert.match((await a.step("main")).out, /regreen-action 0/);
    assert.match((await a.step("main")).out, /regreen-action 0/);
    assert.equal(server.requests.length, 1);
  });

  it("is not run with another hash", async (t) => {
    const other = binary.replace("regreen-action", "another-action");
    const server = await releases(t, (_, response) => response.end(other));
    const a = await action(t, release(server.url));
    await refused(a, await a.step("main"), sha256(binary), sha256(other));
    await assert.rejects(stat(cached(a.at)));
    // pre only reports the error; main fails.
    const { status, out } = await a.step("pre");
    assert.equal(status, 0);
    assert.ok(out.includes(sha256(other)), out);
  });

  it("is downloaded again if the tool cache has another file", async (t) => {
    const server = await releases(t, (_, response) => response.end(binary));
    const a = await action(t, release(server.url));
    await mkdir(path.dirname(cached(a.at)), { recursive: true });
    await program(cached(a.at), "#!/bin/sh\necho tampered\n");
    assert.deepEqual(await a.step("main"), { status: 0, out: "regreen-action 0 \ntoken=a token\n" });
    assert.equal(await readFile(cached(a.at), "utf8"), binary);
  });

  it("is not run after the job if it was changed meanwhile", async (t) => {
    const server = await releases(t, (_, response) => response.end(binary));
    const a = await action(t, release(server.url));
    await a.step("main");
    const state = await saved(a.at);
    await writeFile(a.at("state"), "");
    await writeFile(cached(a.at), "#!/bin/sh\necho regreen-action 1 tampered\n");
    await refused(a, await a.step("post", state), sha256(binary));
  });

  for (const [name, why, handle] of [
    ["that ends early", "", (_, response) => {
      response.writeHead(200, { "content-length": binary.length });
      response.write(binary.slice(0, 9), () => response.destroy());
    }],
    ["that is too short", `expected ${binary.length} bytes, got 9`, (_, response) => response.end(binary.slice(0, 9))],
    ["without an end", `expected ${binary.length} bytes, got more`, (_, response) => {
      const more = () => response.write(binary, (err) => err || setImmediate(more));
      more();
    }],
    ["that is missing", "status 404", (_, response) => response.writeHead(404).end(binary)],
    ["that is redirected in a circle", "too many redirects", (request, response) => response.writeHead(302, { location: request.url }).end()],
    ["that is redirected away from https", "http://example.com/ is not https", (_, response) => response.writeHead(302, { location: "http://example.com/" }).end()],
    ["that is redirected to a file", "file:///etc/passwd is not https", (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end()],
  ]) {
    it(`${name} is not run`, async (t) => {
      const server = await releases(t, handle);
      const a = await action(t, release(server.url));
      await refused(a, await a.step("main"), `cannot download ${server.url}/v1.2.3/regreen-action-this: `, why);
      assert.deepEqual(await readdir(a.at("cache")), []);
    });
  }
});

describe("REGREEN_BINARY", options, () => {
  it("takes precedence over the release, which is not downloaded", async (t) => {
    const server = await releases(t, (_, response) => response.end(binary));
    const a = await action(t, release(server.url));
    const REGREEN_BINARY = await program(a.at("path", "mine"), '#!/bin/sh\necho "mine $*"\n');
    assert.deepEqual(await a.step("pre", { REGREEN_BINARY }), { status: 0, out: "" });
    assert.deepEqual(await a.step("main", { REGREEN_BINARY }), { status: 0, out: "mine \n" });
    assert.deepEqual(await a.step("post", { REGREEN_BINARY, ...(await saved(a.at)) }), { status: 0, out: "mine post\n" });
    assert.deepEqual(server.requests, []);
  });

  it("must be a program", async (t) => {
    const a = await action(t);
    await refused(a, await a.step("main", { REGREEN_BINARY: "regreen-action" }), "not an absolute path");
    await refused(a, await a.step("main", { REGREEN_BINARY: a.at("nowhere") }), "cannot run REGREEN_BINARY", "nowhere: ENOENT");
    await writeFile(a.at("text"), "");
    await refused(a, await a.step("main", { REGREEN_BINARY: a.at("text") }), "cannot run REGREEN_BINARY", "text: EACCES");
    await refused(a, await a.step("main", { REGREEN_BINARY: a.at("work") }), "cannot run REGREEN_BINARY", "work: not a file");
  });
});

describe("without a release", options, () => {
  it("the source is built, whatever the workflow's own code is built with", async (t) => {
    const a = await action(t);
    await program(a.at("path", "go"), `#!/bin/sh
pwd
printf '<%s>' "$@"
echo
echo "CGO_ENABLED=$CGO_ENABLED GOFLAGS=$GOFLAGS GOWORK=$GOWORK GOTOOLCHAIN=$GOTOOLCHAIN GOOS=$GOOS GOARCH=$GOARCH"
while [ "$1" != -o ]; do shift; done
cp "$BUILT" "$2"
`);
    const BUILT = await program(a.at("built"), binary);
    const { status, out } = await a.step("main", { BUILT, GOFLAGS: "-mod=vendor", GOOS: "plan9", GOARCH: "mips", GOTOOLCHAIN: "local", CGO_ENABLED: "1" });
    assert.equal(status, 0, out);
    const lines = out.split("\n");
    assert.equal(lines[0], a.at("source"));
    const file = lines[1].match(/^<build><-trimpath><-buildvcs=false><-ldflags=-s -w><-o><(.*)><\.\/cmd\/action>$/)[1];
    assert.ok(file.startsWith(a.at("temp") + path.sep), file);
    assert.equal(lines[2], "CGO_ENABLED=0 GOFLAGS= GOWORK=off GOTOOLCHAIN=auto GOOS= GOARCH=");
    assert.equal(lines[3], "regreen-action 0 ");
    assert.deepEqual(await a.step("post", await saved(a.at)), { status: 0, out: "regreen-action 1 post\ntoken=a token\n" });
  });

  it("a failing build fails the step", async (t) => {
    const a = await action(t);
    await program(a.at("path", "go"), "#!/bin/sh\nexit 2\n");
    await refused(a, await a.step("main"), "go exited with status 2", "actions/setup-go");
  });

  it("a missing go fails the step", async (t) => {
    const a = await action(t);
    await refused(a, await a.step("main", { PATH: a.at("path") }), "cannot run go: ENOENT", "actions/setup-go");
  });

  it("pre and post do not build", async (t) => {
    const a = await action(t);
    await program(a.at("path", "go"), "#!/bin/sh\necho built\n");
    assert.deepEqual(await a.step("pre"), { status: 0, out: "" });
    assert.deepEqual(await a.step("post"), { status: 0, out: "" });
  });
});

describe("the step has the binary's exit status", options, () => {
  for (const status of [0, 1, 2, 3, 130]) {
    it(`status ${status}`, async (t) => {
      const a = await action(t);
      const REGREEN_BINARY = await program(a.at("path", "mine"), binary);
      assert.equal((await a.step("main", { REGREEN_BINARY, STATUS: String(status) })).status, status);
      assert.equal((await a.step("post", { ...(await saved(a.at)), STATUS: String(status) })).status, status);
    });
  }

  it("a signal", async (t) => {
    const a = await action(t);
    const REGREEN_BINARY = await program(a.at("path", "mine"), "#!/bin/sh\nkill -KILL $$\n");
    assert.equal((await a.step("main", { REGREEN_BINARY })).status, 137);
  });
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  it(`${signal} is passed to the binary, whose status counts`, async (t) => {
    const a = await action(t);
    const text = `#!/bin/sh
trap 'echo caught; exit 7' ${signal.slice(3)}
echo ready
n=0
while [ $n -lt 1000 ]; do sleep 0.05; n=$((n + 1)); done
`;
    const REGREEN_BINARY = await program(a.at("path", "mine"), text);
    const child = spawn(process.execPath, [a.at("source", "action", "main.mjs")], { env: { ...a.env, REGREEN_BINARY }, cwd: a.at("work") });
    let out = "";
    child.stdout.on("data", (chunk) => {
      if (out === "") child.kill(signal);
      out += chunk;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(status, 7);
    assert.equal(out, "ready\ncaught\n");
  });
}
