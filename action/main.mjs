/** The step itself: runs regreen-action, with its inputs in the environment. */
import { appendFile } from "node:fs/promises";
import { binary, hash } from "./binary.mjs";
import { run, step } from "./process.mjs";

await step(async () => {
  const file = await binary();
  const sum = await hash(file);
  const remember = async () => {
    if (process.env.GITHUB_STATE) {
      await appendFile(process.env.GITHUB_STATE, `binary=${file}\nbinary_sha256=${sum}\n`);
    }
  };
  await remember(); // in case this process is killed
  const status = await run(file, []);
  await remember(); // again, because the last line counts and tests may have written one
  return status;
});
