use Test::More;

is(1 + 1, 2, 'adds');
is(3 - 1, 1, 'subtracts');
SKIP: { skip 'no network', 1; }
TODO: { local $TODO = 'not written'; ok(0, 'later'); }
ok(1);
subtest 'group' => sub {
	plan tests => 2;
	ok(1, 'good');
	ok(0, 'bad # 1');
};
done_testing();
