-- Lists keys of a counter that have used something, a batch at a time.
-- KEYS[1] is the counter; ARGV how many of the index to pass over, how many to look at, the key of the bucket of the overflow.
-- Answers how many of the index were looked at, and which of them are used.
local base, from = KEYS[1], tonumber(ARGV[1])
local indexed = redis.call('ZRANGE', base, from, from + tonumber(ARGV[2]) - 1)
local live = {}
for _, key in ipairs(indexed) do
  if redis.call('EXISTS', base .. ':' .. key) == 1 then live[#live + 1] = key end
end
if from == 0 and redis.call('EXISTS', base .. ':' .. ARGV[3]) == 1 then live[#live + 1] = ARGV[3] end
return {#indexed, live}
