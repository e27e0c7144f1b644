-- Forgets what a key of a counter has used, or a batch of its keys.
-- KEYS[1] is the counter; ARGV the key, or nothing for all; the key of the bucket of the overflow; how many at most.
-- Answers how many had used something, and how many are left.
local base = KEYS[1]
local function forget(key)
  redis.call('DEL', base .. ':' .. key .. ':once')
  redis.call('ZREM', base, key)
  return redis.call('DEL', base .. ':' .. key)
end
if ARGV[1] ~= '' then return {forget(ARGV[1]), 0} end
local forgotten = forget(ARGV[2])
for _, key in ipairs(redis.call('ZRANGE', base, 0, tonumber(ARGV[3]) - 1)) do forgotten = forgotten + forget(key) end
return {forgotten, redis.call('ZCARD', base)}
