/** The step itself: regreen-action, with its inputs in the environment. */
import { appendFile } from "node:fs/promises";
import { binary, hash } from "./binary.mjs";
import { run, step } from "./process.mjs";

await step(async () => {
  const file = await binary();
  if (process.env.GITHUB_STATE) {
    await appendFile(process.env.GITHUB_STATE, `binary=${file}\nbinary_sha256=${await hash(file)}\n`);
  }
  return run(file, []);
});
