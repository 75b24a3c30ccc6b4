import test from 'node:test';
import assert from 'node:assert';
test('adds', () => { assert.strictEqual(1 + 1, 2); });
test('subtracts', () => { assert.strictEqual(3 - 1, 1, 'three minus one'); });
test('later', { todo: 'not written' }, () => { assert.ok(false); });
test('skipped', { skip: 'no network' }, () => {});
test('group', async (t) => {
  await t.test('inner ok', () => {});
  await t.test('inner bad', () => { throw new Error('boom <&> "quoted"'); });
});
