/**
 * Which regreen-action a step runs: the one that is named, that of the release, whose
 * hash is checked each time, or one that is built from the action's own source.
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

/** The path of the binary to run, which is fetched or built where it has to be. */
export async function binary() {
  return (await named()) ?? (await released()) ?? (await built());
}

/** The SHA-256 of a file, undefined where there is none that can be read. */
export async function hash(file) {
  const content = await readFile(file).catch(() => undefined);
  return content && sha256(content);
}

const sha256 = (content) => createHash("sha256").update(content).digest("hex");

/** The binary that REGREEN_BINARY names, undefined where it names none. */
async function named() {
  const file = process.env.REGREEN_BINARY;
  if (!file) return undefined;
  const hint = "it is the absolute path of a regreen-action for this machine";
  if (!path.isAbsolute(file)) throw new Problem(`REGREEN_BINARY is ${file}, which is no absolute path`, hint);
  try {
    await access(file, constants.X_OK);
    if (!(await stat(file)).isFile()) throw { code: "it is no file" };
  } catch (err) {
    throw new Problem(`REGREEN_BINARY is ${file}, which cannot be run: ${err.code}`, hint);
  }
  return file;
}

/**
 * The binary of the release, downloaded unless the runner has it; undefined where this
 * commit is of no release, the release is not for this machine, or REGREEN_BINARY names
 * another.
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
      `${url} is not run: its SHA-256 is ${got}, and that of the release is ${asset.sha256}`,
      "see whether something on the way changes downloads; otherwise tell the maintainers",
    );
  }
  // A tool cache that cannot be written to is no reason to fail.
  return place(content, places[0]).catch(() => place(content, places.at(-1)));
}

/** Makes a program of content, whole or not at all. */
async function place(content, file) {
  await mkdir(path.dirname(file), { recursive: true });
  const aside = `${file}.${randomUUID()}`;
  try {
    await writeFile(aside, content, { flag: "wx", mode: 0o755 });
    await rename(aside, file);
  } finally {
    await rm(aside, { force: true });
  }
  return file;
}

/** What a URL gives, which has to be size bytes and come in time. */
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
    if (got !== size) throw new Error(`${got > size ? "more than " : ""}${Math.min(got, size)} bytes came, of ${size}`);
  } catch (err) {
    throw new Problem(
      `${url} could not be fetched: ${err.cause?.message || err.message}`,
      "run the job again, or name a binary of your own with REGREEN_BINARY",
    );
  }
  return Buffer.concat(chunks);
}

/** The response at the end of a few redirections, each of which has to be to https. */
async function follow(url, signal, left = 5) {
  // A test's server is on this machine, where nobody else listens.
  if (url.protocol !== "https:" && url.hostname !== "127.0.0.1") throw new Error(`${url.href} is not https`);
  const response = await fetch(url, { redirect: "manual", signal });
  const location = response.headers.get("location");
  if (response.status < 300 || response.status > 399 || !location) return response;
  await response.body?.cancel();
  if (left === 0) throw new Error("it is redirected too often");
  return follow(new URL(location, url), signal, left - 1);
}

/** A binary that is built from the source which the action came with. */
async function built() {
  await mkdir(temporary(), { recursive: true });
  const file = path.join(await mkdtemp(path.join(temporary(), "regreen-")), exe);
  // What a workflow sets for its own code is not meant for this.
  const { GOOS, GOARCH, ...env } = process.env;
  Object.assign(env, { CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off", GOTOOLCHAIN: "auto" });
  const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./cmd/action"];
  const hint = "put actions/setup-go before regreen, or name a binary with REGREEN_BINARY";
  const status = await run("go", args, { cwd: source, env }).catch((err) => {
    throw new Problem(`regreen is to be built from source, and go cannot be run: ${err.code}`, hint);
  });
  if (status !== 0) throw new Problem(`regreen could not be built from source: go ended with status ${status}`, hint);
  return file;
}

/** The folder that the runner clears after the job. */
function temporary() {
  return process.env.RUNNER_TEMP || tmpdir();
}
