/**
 * Finds the regreen-action that a step runs: the one that REGREEN_BINARY names, or that of
 * the release, whose hash is checked each time, or one built from the action's source.
 */
import { createHash, randomUUID } from "node:crypto";
import { access, constants, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Problem, run } from "./process.mjs";

const source = fileURLToPath(new URL("..", import.meta.url));
const exe = process.platform === "win32" ? "regreen-action.exe" : "regreen-action";
const minutesToDownload = 5;

/** Returns the path of the binary to run, after downloading or building it if necessary. */
export async function binary() {
  return (await named()) ?? (await released()) ?? (await built());
}

/** Returns the SHA-256 of a file, or undefined if it cannot be read. */
export async function hash(file) {
  const content = await readFile(file).catch(() => undefined);
  return content && sha256(content);
}

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/** Returns the binary that REGREEN_BINARY names, or undefined if it is not set. */
async function named() {
  const file = process.env.REGREEN_BINARY;
  if (!file) return undefined;
  const hint = "set it to the absolute path of a regreen-action for this machine";
  if (!path.isAbsolute(file)) throw new Problem(`REGREEN_BINARY is not an absolute path: ${file}`, hint);
  try {
    await access(file, constants.X_OK);
    if (!(await stat(file)).isFile()) throw { code: "not a file" };
  } catch (err) {
    throw new Problem(`cannot run REGREEN_BINARY ${file}: ${err.code}`, hint);
  }
  return file;
}

/**
 * Returns the binary of the release, after downloading it unless the runner has it. Returns
 * undefined if this commit is not a release, the release has no binary for this machine, or
 * REGREEN_BINARY is set.
 */
export async function released() {
  const release = JSON.parse(await readFile(new URL("release.json", import.meta.url), "utf8"));
  const asset = release.files[`${process.platform}-${process.arch}`];
  if (process.env.REGREEN_BINARY || !release.version || !asset) return undefined;

  const places = [process.env.RUNNER_TOOL_CACHE, temporary()]
    .filter(Boolean)
    .map((dir) => path.join(dir, "regreen", release.version, process.arch, exe));
  for (const file of places) {
    if ((await hash(file)) === asset.sha256) return file;
  }
  const url = `${release.url}/${release.version}/${asset.name}`;
  const content = await download(url, asset.size);
  const got = sha256(content);
  if (got !== asset.sha256) {
    throw new Problem(
      `refusing to run ${url}: expected SHA-256 ${asset.sha256}, got ${got}`,
      "check whether a proxy changes downloads; if not, report this to the maintainers",
    );
  }
  // If the tool cache is not writable, use the temporary directory.
  return install(content, places[0]).catch(() => install(content, places.at(-1)));
}

/** Writes a program atomically. */
async function install(content, file) {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, content, { flag: "wx", mode: 0o755 });
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
  return file;
}

/** Downloads a URL, which must have size bytes and finish in time. */
async function download(url, size) {
  const chunks = [];
  let got = 0;
  try {
    const response = await follow(new URL(url), AbortSignal.timeout(minutesToDownload * 60_000));
    if (!response.ok) throw new Error(`status ${response.status}`);
    for await (const chunk of response.body) {
      got += chunk.length;
      if (got > size) break;
      chunks.push(chunk);
    }
    if (got !== size) throw new Error(`expected ${size} bytes, got ${got > size ? "more" : got}`);
  } catch (err) {
    throw new Problem(
      `cannot download ${url}: ${err.cause?.message || err.message}`,
      "run the job again, or set REGREEN_BINARY to your own binary",
    );
  }
  return Buffer.concat(chunks);
}

/** Returns the response after at most five redirects, all of them to https. */
async function follow(url, signal, left = 5) {
  // Servers of tests are on this machine.
  if (url.protocol !== "https:" && url.hostname !== "127.0.0.1") throw new Error(`${url.href} is not https`);
  const response = await fetch(url, { redirect: "manual", signal });
  const location = response.headers.get("location");
  if (response.status < 300 || response.status > 399 || !location) return response;
  await response.body?.cancel();
  if (left === 0) throw new Error("too many redirects");
  return follow(new URL(location, url), signal, left - 1);
}

/** Builds a binary from the action's source and returns its path. */
async function built() {
  await mkdir(temporary(), { recursive: true });
  const file = path.join(await mkdtemp(path.join(temporary(), "regreen-")), exe);
  // Ignore what the workflow sets for its own code.
  const { GOOS, GOARCH, ...env } = process.env;
  Object.assign(env, { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off", GOTOOLCHAIN: "auto" });
  const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./cmd/action"];
  const hint = "run actions/setup-go first, or set REGREEN_BINARY to a binary";
  const status = await run("go", args, { cwd: source, env }).catch((err) => {
    throw new Problem(`cannot build regreen from source: cannot run go: ${err.code}`, hint);
  });
  if (status !== 0) throw new Problem(`cannot build regreen from source: go exited with status ${status}`, hint);
  return file;
}

/** Returns the directory that the runner clears after the job. */
function temporary() {
  return process.env.RUNNER_TEMP || tmpdir();
}
