/** Programs as the action's steps run them, and what is said where that fails. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** A failure about which people can do something. */
export class Problem extends Error {
  constructor(what, hint) {
    super(`${what}\nhint: ${hint}`);
  }
}

/**
 * Runs a program to its end, without a shell, and gives its exit status: 128 and the
 * signal's number where one ended it, as shells have it. Signals that are to end this
 * process go to the program, which has an answer to them. It is an error when the program
 * cannot be started.
 */
export function run(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    // On Windows all processes of a console are told, and kill() would be the end at once.
    const pass = (signal) => process.platform === "win32" || child.kill(signal);
    const signals = ["SIGINT", "SIGTERM"];
    // Before there is a program that could be left behind.
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

/** Does what makes an exit status, which becomes the step's; what goes wrong fails the step. */
export async function step(work) {
  try {
    process.exitCode = await work();
  } catch (err) {
    process.exitCode = 3; // as regreen ends when nothing could be tested
    const text = `regreen: ${err.message}`.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
    console.log(`::error::${text}`);
  }
}
