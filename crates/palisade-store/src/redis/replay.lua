-- Accepts a message once.
--
-- KEYS[1] is a sorted set of the messages that were accepted, by their ends in seconds; KEYS[2] a hash:
--   born     microsecond since which this memory knows everything
--   reach    the longest time in seconds that anybody asks for a message after its end
--   horizon  the latest end of a message that was forgotten
--   latest   the latest end of all
--   count    how many were accepted
-- ARGV: message, end, skew (seconds), issued (microseconds), reach (seconds), bound, the highest count that the asker saw.

local clock = redis.call('TIME')
local S, U = tonumber(clock[1]), tonumber(clock[2])
local whole = function(x) return string.format('%.0f', x) end
local known = redis.call('HMGET', KEYS[2], 'born', 'reach', 'horizon', 'latest', 'count')
local born, reach, horizon = tonumber(known[1]), tonumber(known[2] or 0), tonumber(known[3] or 0)
local latest, count = tonumber(known[4] or 0), tonumber(known[5] or 0)
local seen = tonumber(ARGV[7])

-- A memory that is new, or has forgotten what the asker saw it learn, knows nothing of what came before now.
if not born or count < seen then
  born, count = S * 1e6 + U, math.max(count, seen)
  redis.call('HSET', KEYS[2], 'born', whole(born), 'count', whole(count))
end
local wanted = math.max(reach, tonumber(ARGV[3]), tonumber(ARGV[5]))
if wanted > reach then
  reach = wanted
  redis.call('HSET', KEYS[2], 'reach', whole(reach))
end
local function answer(word) return {word, whole(count), whole(redis.call('ZCARD', KEYS[1]))} end
if ARGV[1] == '' then return answer('ready') end

-- What nobody accepts any more is forgotten, a few for each that comes. All of it is, where the set itself ended.
local ends = tonumber(ARGV[2])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. whole(S - reach), 'LIMIT', 0, 16, 'WITHSCORES')
local before = horizon
for i = 1, #due, 2 do
  redis.call('ZREM', KEYS[1], due[i])
  horizon = math.max(horizon, tonumber(due[i + 1]))
end
local size = redis.call('ZCARD', KEYS[1])
if size == 0 then horizon = math.max(horizon, latest) end
if horizon > before then redis.call('HSET', KEYS[2], 'horizon', whole(horizon)) end

if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return answer('seen') end
if tonumber(ARGV[4]) < born or ends <= horizon or ends + reach < S then return answer('old') end
if size >= tonumber(ARGV[6]) then return answer('full') end
redis.call('ZADD', KEYS[1], whole(ends), ARGV[1])
latest, count = math.max(latest, ends), count + 1
redis.call('HSET', KEYS[2], 'latest', whole(latest), 'count', whole(count))
-- A set that nobody adds to ends by itself, after all that is in it; `latest` stays.
redis.call('EXPIREAT', KEYS[1], whole(math.max(latest + reach, S) + 60))
return answer('fresh')
