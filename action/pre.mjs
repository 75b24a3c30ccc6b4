/**
 * Before the job's first step: downloads the release's binary, so that main starts faster.
 * Errors do not fail this step, because a later step can still fix the cause before main.
 */
import { released } from "./binary.mjs";

await released().catch((err) => console.log(`regreen: ${err.message}`));
