-- Records outcomes, each once: a known id is skipped. The script is atomic and only adds,
-- so outcomes may arrive in any order and more than once.
--
-- KEYS  outcomes, times, and the sums of the periods that the outcomes fall into
-- ARGV  how many outcomes are kept; how many seconds a key is kept after its last write;
--       and for each outcome: id, text, time, the index of the key of its sums (0 for none),
--       and the fields and amounts of alpha and beta
local outcomes, times = KEYS[1], KEYS[2]
local kept, keep = tonumber(ARGV[1]), ARGV[2]
for i = 3, #ARGV, 8 do
	local id, sums = ARGV[i], KEYS[tonumber(ARGV[i + 3])]
	if redis.call('HSETNX', outcomes, id, ARGV[i + 1]) == 1 then
		redis.call('ZADD', times, ARGV[i + 2], id)
		if sums then
			redis.call('HINCRBYFLOAT', sums, ARGV[i + 4], ARGV[i + 5])
			redis.call('HINCRBYFLOAT', sums, ARGV[i + 6], ARGV[i + 7])
		end
	end
end
local surplus = redis.call('ZCARD', times) - kept
if surplus > 0 then
	for _, id in ipairs(redis.call('ZRANGE', times, 0, surplus - 1)) do
		redis.call('HDEL', outcomes, id)
		redis.call('ZREM', times, id)
	end
end
for _, key in ipairs(KEYS) do
	redis.call('EXPIRE', key, keep)
end
