-- Forgets what a key of a counter has used, or a batch of its keys.
-- KEYS[1] is the counter; ARGV the key, or nothing for all; the key of the bucket of the overflow; how many at most; where to go on
-- with what was counted once: 0 is the beginning.
-- Answers how many had used something, and where to go on: 0 is the end.
local base, once = KEYS[1], KEYS[1] .. ':once'
local function forget(key)
  redis.call('ZREM', base, key)
  return redis.call('DEL', base .. ':' .. key)
end
if ARGV[1] ~= '' then
  local forgotten = ARGV[4] == '0' and forget(ARGV[1]) or 0
  local found = redis.call('ZSCAN', once, ARGV[4], 'MATCH', ARGV[1] .. '*', 'COUNT', ARGV[3])
  for i = 1, #found[2], 2 do redis.call('ZREM', once, found[2][i]) end
  return {forgotten, found[1]}
end
redis.call('UNLINK', once)
local forgotten = forget(ARGV[2])
for _, key in ipairs(redis.call('ZRANGE', base, 0, tonumber(ARGV[3]) - 1)) do forgotten = forgotten + forget(key) end
return {forgotten, redis.call('ZCARD', base)}
