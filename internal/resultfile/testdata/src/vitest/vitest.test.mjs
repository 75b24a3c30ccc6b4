import { describe, expect, it } from "vitest";

let tries = 0;

it("adds", () => expect(1 + 1).toBe(2));

it("subtracts", () => expect(3 - 1).toBe(1));

it.skip("skipped", () => {});

it("comes round", { retry: 2 }, () => expect(++tries).toBe(2));

describe("group", () => {
	it("good", () => {});
	it("bad", () => {
		throw new TypeError('boom <&> "quoted"');
	});
});
