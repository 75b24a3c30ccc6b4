/**
 * Before the job's first step: fetches the release's binary, so that main starts at once.
 * What goes wrong fails nothing here, since steps that come before main may still mend it.
 */
import { released } from "./binary.mjs";

await released().catch((err) => console.log(`regreen: ${err.message}`));
