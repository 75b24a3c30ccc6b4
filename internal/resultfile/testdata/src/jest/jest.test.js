test("adds", () => expect(1 + 1).toBe(2));

test("subtracts", () => expect(3 - 1).toBe(1));

test.skip("skipped", () => {});

test.todo("later");

describe("group", () => {
	test("good", () => {});
	test("bad", () => {
		throw new TypeError('boom <&> "quoted"');
	});
});
