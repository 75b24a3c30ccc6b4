/**
 * After the job's last step: runs what regreen-action leaves to the end. It runs the binary
 * of main only if nothing has changed it, because tests may have. If main had no binary, it
 * does nothing.
 */
import { hash } from "./binary.mjs";
import { Problem, run, step } from "./process.mjs";

const { STATE_binary: file, STATE_binary_sha256: want } = process.env;

await step(async () => {
  if (!file) return 0;
  const got = await hash(file);
  if (got !== want) {
    const now = got ? `its SHA-256 changed from ${want} to ${got}` : "the file is missing";
    throw new Problem(`refusing to run ${file}: ${now}`, "check which step of the job changes it");
  }
  return run(file, ["post"]);
});
