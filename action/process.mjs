/** How the action's steps run programs and report errors. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** An error with a hint for the user. */
export class Problem extends Error {
  constructor(what, hint) {
    super(`${what}\nhint: ${hint}`);
  }
}

/**
 * Runs a program without a shell and returns its exit status, or 128 plus the signal's number
 * if a signal ended it. Passes SIGINT and SIGTERM on to the program, which handles them.
 * Throws if the program cannot be started.
 */
export function run(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    // On Windows all processes of a console get the signal, and kill() would end the program
    // immediately.
    const pass = (signal) => process.platform === "win32" || child.kill(signal);
    const signals = ["SIGINT", "SIGTERM"];
    // Before the program starts, so that no signal can leave it behind.
    for (const signal of signals) process.on(signal, pass);
    const child = spawn(file, args, { stdio: "inherit", windowsHide: true, ...options });
    const settle = (how, value) => {
      for (const signal of signals) process.off(signal, pass);
      how(value);
    };
    child.on("error", (err) => settle(reject, err));
    child.on("exit", (status, signal) => settle(resolve, status ?? 128 + constants.signals[signal]));
  });
}

/** Runs work, whose result becomes the step's exit status. An error fails the step. */
export async function step(work) {
  try {
    process.exitCode = await work();
  } catch (err) {
    process.exitCode = 3; // the status of regreen if the tests could not run
    const text = `regreen: ${err.message}`.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
    console.log(`::error::${text}`);
  }
}
