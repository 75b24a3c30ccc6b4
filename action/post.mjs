/**
 * After the job's last step: what regreen-action leaves to the end. It is the binary that
 * main ran, and not what tests may have made of it; where main got none, nothing is left
 * to do.
 */
import { hash } from "./binary.mjs";
import { Problem, run, step } from "./process.mjs";

const { STATE_binary: file, STATE_binary_sha256: want } = process.env;

await step(async () => {
  if (!file) return 0;
  const got = await hash(file);
  if (got !== want) {
    throw new Problem(`${file} is not run: its SHA-256 was ${want} and is ${got ?? "that of no file"}`, "see which step of the job writes there");
  }
  return run(file, ["post"]);
});
